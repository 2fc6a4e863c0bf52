// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// application is what a framework's build script makes, and how that is run.
type application struct {
	framework string
	command   []string
	static    bool // pages alone
	folder    string
	fallback  string
	env       map[string]string
	copies    []look.Compiled
	drop      []string // of the bundle
	problem   string
}

// framework is one whose applications are built before they run.
type framework struct {
	packages []string // any of them is the evidence
	name     string
	judge    func(*look.Source, *packageFile) (application, bool)
}

// frameworks are judged in this order: those that contain others come first.
func frameworks() []framework {
	return []framework{
		{[]string{"next"}, "Next.js", next},
		{[]string{"nuxt", "nuxt3"}, "Nuxt", nuxt},
		{[]string{"@react-router/dev", "@remix-run/dev"}, "React Router", reactRouter},
		{[]string{"@sveltejs/kit"}, "SvelteKit", svelteKit},
		{[]string{"astro"}, "Astro", astro},
		{[]string{"@tanstack/react-start", "@tanstack/solid-start"}, "TanStack Start", nitro},
		{[]string{"@nestjs/core"}, "Nest", nest},
		{[]string{"@adonisjs/core"}, "AdonisJS", adonis},
		{[]string{"@angular/core"}, "Angular", angular},
		{[]string{"gatsby"}, "Gatsby", site("public", "")},
		{[]string{"react-scripts"}, "Create React App", site("build", "index.html")},
		{[]string{"react-native-web"}, "Expo", site("dist", "index.html")},
		{[]string{"vite"}, "Vite", vite},
	}
}

// applicationOf judges the framework of a package; false when it has none that is built.
func applicationOf(s *look.Source, pkg *packageFile) (application, bool) {
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
func built(s *look.Source, pkg *packageFile) []look.Candidate {
	app, ok := applicationOf(s, pkg)
	switch {
	case !ok:
		return nil
	case app.problem != "":
		return []look.Candidate{look.Problem(app.problem)}
	}
	c := look.Server(toolchain.Node, app.command...)
	kind := " application"
	if app.static {
		kind = " application of pages alone"
	}
	return declared([]look.Candidate{c}, "a "+app.framework+kind+": its build script runs, then "+
		strings.Join(app.command, " "))
}

// planBuilt adds what building the application takes, if the plan runs it.
func planBuilt(s *look.Source, plan *look.Plan, pkg *packageFile) {
	app, ok := applicationOf(s, pkg)
	if !ok || !slices.Equal(app.command, plan.Command) || s.HasFolder("node_modules") {
		return
	}
	plan.Install, plan.Script = look.InstallNpm, "build"
	plan.Node.Drop = app.drop
	for _, c := range app.copies {
		if s.HasFolder(c.Source) || strings.HasPrefix(c.Source, ".next/") {
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
func started(s *look.Source, pkg *packageFile, development string, otherwise ...string) application {
	start := strings.TrimSpace(pkg.Scripts["start"])
	if start == "" || strings.HasPrefix(start, development) {
		return application{command: otherwise}
	}
	words := strings.Fields(start)
	if strings.HasPrefix(start, "NODE_ENV=") {
		start = strings.Join(words[1:], " ")
	}
	return application{command: withBin(manifest.SplitCommand(start))}
}

func pages(folder, fallback string) application {
	return application{command: look.StaticCommand(folder, fallback), static: true, folder: folder, fallback: fallback}
}

// site is for frameworks that make pages in a folder.
func site(folder, fallback string) func(*look.Source, *packageFile) (application, bool) {
	return func(*look.Source, *packageFile) (application, bool) { return pages(folder, fallback), true }
}

// config gives the text of a configuration file, whatever its suffix.
func config(s *look.Source, stem string) string {
	for _, suffix := range []string{".ts", ".mts", ".js", ".mjs", ".cjs"} {
		if text := s.Read(stem + suffix); text != "" {
			return look.StripScript(text)
		}
	}
	return ""
}

var (
	nextOutput = grep.Of(`\boutput\s*:\s*['"](export|standalone)['"]`)
	noSSR      = grep.Of(`\bssr\s*:\s*false\b`)
	viteOut    = grep.Of(`\boutDir\s*:\s*['"]([\w./-]+)['"]`)
	viteServes = grep.Of(`^(?:vite|serve|npx serve|http-server|npm run (?:dev|preview))\b|^$`)
	astroHost  = map[string]string{"HOST": "0.0.0.0"}
)

func next(s *look.Source, pkg *packageFile) (application, bool) {
	match := nextOutput.FindStringSubmatch(config(s, "next.config"))
	switch {
	case match == nil:
		app := started(s, pkg, "next dev", "node_modules/.bin/next", "start")
		app.drop = []string{"/.next/cache"}
		return app, true
	case match[1] == "export":
		return pages("out", ""), true
	}
	return application{
		command: []string{"node", ".next/standalone/server.js"},
		copies: []look.Compiled{
			{Source: ".next/static", Output: ".next/standalone/.next/static"},
			{Source: "public", Output: ".next/standalone/public"},
		},
		drop: []string{"/node_modules", "/.next/cache", "/.next/server", "/.next/static"},
	}, true
}

func nitro(*look.Source, *packageFile) (application, bool) {
	return application{
		command: []string{"node", ".output/server/index.mjs"}, drop: []string{"/node_modules"},
	}, true
}

func nuxt(s *look.Source, pkg *packageFile) (application, bool) {
	if strings.Contains(pkg.Scripts["build"], "generate") {
		return pages(".output/public", "200.html"), true
	}
	return nitro(s, pkg)
}

func reactRouter(s *look.Source, pkg *packageFile) (application, bool) {
	if noSSR.MatchString(config(s, "react-router.config") + config(s, "vite.config")) {
		return pages("build/client", "index.html"), true
	}
	serve := "react-router-serve"
	if pkg.has("@remix-run/dev") {
		serve = "remix-serve"
	}
	return started(s, pkg, "react-router dev", "node_modules/.bin/"+serve, "./build/server/index.js"), true
}

func svelteKit(s *look.Source, pkg *packageFile) (application, bool) {
	switch {
	case pkg.has("@sveltejs/adapter-node"):
		return application{command: []string{"node", "build"}}, true
	case pkg.has("@sveltejs/adapter-static"):
		return pages("build", ""), true
	}
	return application{problem: "SvelteKit needs an adapter that makes a server or pages: add " +
		"@sveltejs/adapter-node or @sveltejs/adapter-static and name it in svelte.config.js"}, true
}

func astro(s *look.Source, pkg *packageFile) (application, bool) {
	if pkg.has("@astrojs/node") {
		return application{command: []string{"node", "dist/server/entry.mjs"}, env: astroHost}, true
	}
	return pages("dist", ""), true
}

func nest(s *look.Source, pkg *packageFile) (application, bool) {
	if words := strings.Fields(pkg.Scripts["start:prod"]); len(words) == 2 && words[0] == "node" {
		return application{command: words}, true
	}
	return started(s, pkg, "nest start", "node", "dist/main"), true
}

func adonis(*look.Source, *packageFile) (application, bool) {
	return application{
		command: []string{"node", "build/bin/server.js"}, env: map[string]string{"HOST": "0.0.0.0"},
	}, true
}

// angular finds the folder that the first project is built to.
func angular(s *look.Source, pkg *packageFile) (application, bool) {
	var file struct {
		Projects map[string]json.RawMessage `json:"projects"`
	}
	text := s.Read("angular.json")
	if !look.Parsable(text) || json.Unmarshal([]byte(text), &file) != nil || len(file.Projects) == 0 {
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
func vite(s *look.Source, pkg *packageFile) (application, bool) {
	if !s.Has("index.html") || !viteServes.MatchString(strings.TrimSpace(pkg.Scripts["start"])) {
		return application{}, false
	}
	folder := "dist"
	if match := viteOut.FindStringSubmatch(config(s, "vite.config")); match != nil && !strings.Contains(match[1], "..") {
		folder = path.Clean(match[1])
	}
	return pages(folder, "index.html"), true
}
