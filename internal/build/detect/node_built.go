// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// application is what a framework's build script makes, and how that is run.
type application struct {
	framework string
	command   []string
	static    bool // pages alone
	env       map[string]string
	copies    []Compiled
	drop      []string // of the bundle
	problem   string
}

// framework is one whose applications are built before they run.
type framework struct {
	packages []string // any of them is the evidence
	name     string
	judge    func(*source, *packageFile) (application, bool)
}

// frameworks are judged in this order: those that contain others come first.
func frameworks() []framework {
	return []framework{
		{[]string{"next"}, "Next.js", (*source).next},
		{[]string{"nuxt", "nuxt3"}, "Nuxt", (*source).nuxt},
		{[]string{"@react-router/dev", "@remix-run/dev"}, "React Router", (*source).reactRouter},
		{[]string{"@sveltejs/kit"}, "SvelteKit", (*source).svelteKit},
		{[]string{"astro"}, "Astro", (*source).astro},
		{[]string{"@tanstack/react-start", "@tanstack/solid-start"}, "TanStack Start", nitro},
		{[]string{"@nestjs/core"}, "Nest", (*source).nest},
		{[]string{"@adonisjs/core"}, "AdonisJS", adonis},
		{[]string{"@angular/core"}, "Angular", (*source).angular},
		{[]string{"gatsby"}, "Gatsby", site("public", "")},
		{[]string{"react-scripts"}, "Create React App", site("build", "index.html")},
		{[]string{"react-native-web"}, "Expo", site("dist", "index.html")},
		{[]string{"vite"}, "Vite", (*source).vite},
	}
}

// application judges the framework of a package; false when it has none that is built.
func (s *source) application(pkg *packageFile) (application, bool) {
	if pkg.Scripts["build"] == "" {
		return application{}, false
	}
	for _, f := range frameworks() {
		if !slices.ContainsFunc(f.packages, pkg.has) {
			continue
		}
		app, ok := f.judge(s, pkg)
		if !ok {
			continue
		}
		app.framework = f.name
		if app.static {
			app.drop = []string{"/node_modules"}
		}
		return app, true
	}
	return application{}, false
}

// built is the candidate of a framework's application.
func (s *source) built(pkg *packageFile) []candidate {
	app, ok := s.application(pkg)
	switch {
	case !ok:
		return nil
	case app.problem != "":
		return []candidate{problem(app.problem)}
	}
	c := server(toolchain.Node, app.command...)
	kind := " application"
	if app.static {
		kind = " application of pages alone"
	}
	return declared([]candidate{c}, "a "+app.framework+kind+": its build script runs, then "+
		strings.Join(app.command, " "))
}

// planBuilt adds what building the application takes, if the plan runs it.
func (s *source) planBuilt(plan *Plan, pkg *packageFile) {
	app, ok := s.application(pkg)
	if !ok || !slices.Equal(app.command, plan.Command) || s.hasFolder("node_modules") {
		return
	}
	plan.Install, plan.Script = InstallNpm, "build"
	plan.Node.Drop = app.drop
	for _, c := range app.copies {
		if s.hasFolder(c.Source) || strings.HasPrefix(c.Source, ".next/") {
			plan.Node.Copies = append(plan.Node.Copies, c)
		}
	}
	for name, value := range app.env {
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		plan.Env[name] = value
	}
}

// started is an application that is run by its start script, or else by a command.
func (s *source) started(pkg *packageFile, development string, otherwise ...string) application {
	start := strings.TrimSpace(pkg.Scripts["start"])
	if start == "" || strings.HasPrefix(start, development) {
		return application{command: otherwise}
	}
	words := strings.Fields(start)
	if strings.HasPrefix(start, "NODE_ENV=") {
		start = strings.Join(words[1:], " ")
	}
	return application{command: s.withBin(manifest.SplitCommand(start))}
}

func pages(folder, fallback string) application {
	return application{command: StaticCommand(folder, fallback), static: true}
}

// site is for frameworks that make pages in a folder.
func site(folder, fallback string) func(*source, *packageFile) (application, bool) {
	return func(*source, *packageFile) (application, bool) { return pages(folder, fallback), true }
}

// config gives the text of a configuration file, whatever its suffix.
func (s *source) config(stem string) string {
	for _, suffix := range []string{".ts", ".mts", ".js", ".mjs", ".cjs"} {
		if text := s.read(stem + suffix); text != "" {
			return stripScript(text)
		}
	}
	return ""
}

var (
	nextOutput = regexp.MustCompile(`\boutput\s*:\s*['"](export|standalone)['"]`)
	noSSR      = regexp.MustCompile(`\bssr\s*:\s*false\b`)
	viteOut    = regexp.MustCompile(`\boutDir\s*:\s*['"]([\w./-]+)['"]`)
	viteServes = regexp.MustCompile(`^(?:vite|serve|npx serve|http-server|npm run (?:dev|preview))\b|^$`)
	astroHost  = map[string]string{"HOST": "0.0.0.0"}
)

func (s *source) next(pkg *packageFile) (application, bool) {
	match := nextOutput.FindStringSubmatch(s.config("next.config"))
	switch {
	case match == nil:
		app := s.started(pkg, "next dev", "node_modules/.bin/next", "start")
		app.drop = []string{"/.next/cache"}
		return app, true
	case match[1] == "export":
		return pages("out", ""), true
	}
	return application{
		command: []string{"node", ".next/standalone/server.js"},
		copies: []Compiled{
			{".next/static", ".next/standalone/.next/static"}, {"public", ".next/standalone/public"},
		},
		drop: []string{"/node_modules", "/.next/cache", "/.next/server", "/.next/static"},
	}, true
}

func nitro(*source, *packageFile) (application, bool) {
	return application{
		command: []string{"node", ".output/server/index.mjs"}, drop: []string{"/node_modules"},
	}, true
}

func (s *source) nuxt(pkg *packageFile) (application, bool) {
	if strings.Contains(pkg.Scripts["build"], "generate") {
		return pages(".output/public", "200.html"), true
	}
	return nitro(s, pkg)
}

func (s *source) reactRouter(pkg *packageFile) (application, bool) {
	if noSSR.MatchString(s.config("react-router.config") + s.config("vite.config")) {
		return pages("build/client", "index.html"), true
	}
	serve := "react-router-serve"
	if pkg.has("@remix-run/dev") {
		serve = "remix-serve"
	}
	return s.started(pkg, "react-router dev", "node_modules/.bin/"+serve, "./build/server/index.js"), true
}

func (s *source) svelteKit(pkg *packageFile) (application, bool) {
	switch {
	case pkg.has("@sveltejs/adapter-node"):
		return application{command: []string{"node", "build"}}, true
	case pkg.has("@sveltejs/adapter-static"):
		return pages("build", ""), true
	}
	return application{problem: "SvelteKit needs an adapter that makes a server or pages: add " +
		"@sveltejs/adapter-node or @sveltejs/adapter-static and name it in svelte.config.js"}, true
}

func (s *source) astro(pkg *packageFile) (application, bool) {
	if pkg.has("@astrojs/node") {
		return application{command: []string{"node", "dist/server/entry.mjs"}, env: astroHost}, true
	}
	return pages("dist", ""), true
}

func (s *source) nest(pkg *packageFile) (application, bool) {
	if words := strings.Fields(pkg.Scripts["start:prod"]); len(words) == 2 && words[0] == "node" {
		return application{command: words}, true
	}
	return s.started(pkg, "nest start", "node", "dist/main"), true
}

func adonis(*source, *packageFile) (application, bool) {
	return application{
		command: []string{"node", "build/bin/server.js"}, env: map[string]string{"HOST": "0.0.0.0"},
	}, true
}

// angular finds the folder that the first project is built to.
func (s *source) angular(pkg *packageFile) (application, bool) {
	var file struct {
		Projects map[string]json.RawMessage `json:"projects"`
	}
	text := s.read("angular.json")
	if !parsable(text) || json.Unmarshal([]byte(text), &file) != nil || len(file.Projects) == 0 {
		return application{}, false
	}
	names := make([]string, 0, len(file.Projects))
	for name := range file.Projects {
		names = append(names, name)
	}
	slices.Sort(names)
	folder := path.Join("dist", names[0])
	if pkg.has("@angular/ssr") {
		return application{command: []string{"node", path.Join(folder, "server/server.mjs")}}, true
	}
	return pages(path.Join(folder, "browser"), "index.html"), true
}

// vite is an application of pages, unless the start script is a server of its own.
func (s *source) vite(pkg *packageFile) (application, bool) {
	if !s.has("index.html") || !viteServes.MatchString(strings.TrimSpace(pkg.Scripts["start"])) {
		return application{}, false
	}
	folder := "dist"
	if match := viteOut.FindStringSubmatch(s.config("vite.config")); match != nil && !strings.Contains(match[1], "..") {
		folder = path.Clean(match[1])
	}
	return pages(folder, "index.html"), true
}
