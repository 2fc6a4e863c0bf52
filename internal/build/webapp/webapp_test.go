// SPDX-License-Identifier: Apache-2.0

package webapp_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dayfly-faas/dayfly/internal/build/webapp"
)

// project makes a file system of "name" or "name=text".
func project(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, file := range files {
		name, text, _ := strings.Cut(file, "=")
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// npmProject is one with a build script and dependencies.
func npmProject(packages string, files ...string) fstest.MapFS {
	var list []string
	for name := range strings.FieldsSeq(packages) {
		list = append(list, `"`+name+`":"1"`)
	}
	text := `package.json={"scripts":{"build":"build"},"devDependencies":{` + strings.Join(list, ",") + `}}`
	return project(append(files, text)...)
}

// told writes a finding in one line.
func told(f webapp.Finding) string {
	out := []string{f.Framework}
	for _, part := range f.Site {
		out = append(out, part.Source+">"+part.At)
	}
	if f.Fallback != "" {
		out = append(out, "fallback="+f.Fallback)
	}
	if f.Server != nil {
		out = append(out, strings.Join(f.Server.Command, " "))
	}
	if !f.Built {
		out = append(out, "needs "+f.Build)
	}
	return strings.Join(out, "; ")
}

func TestSitesAreFound(t *testing.T) {
	t.Parallel()
	const standalone = "next.config.js=module.exports = {output: 'standalone'}"
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"plain":          {project("index.html", "style.css", "app.js"), "plain pages; .>"},
		"plain folder":   {project("README.md", "public/index.html"), "plain pages; public>"},
		"bundled folder": {project(`index.html=<div id="root"></div><script type="module" src="/a.js"></script>`), "plain pages; .>; fallback=index.html"},
		"vite":           {npmProject("vite", "index.html", "dist/index.html"), "Vite; dist>; fallback=index.html"},
		"vite, several pages": {npmProject("vite", "index.html", "dist/index.html", "dist/about/index.html"),
			"Vite; dist>"},
		"vite, unbuilt":        {npmProject("vite", "index.html"), "Vite; dist>; needs npm run build"},
		"cra":                  {npmProject("react-scripts", "build/index.html"), "Create React App; build>; fallback=index.html"},
		"angular":              {npmProject("@angular/core", `angular.json={"projects":{"shop":{}}}`, "dist/shop/browser/index.html"), "Angular; dist/shop/browser>; fallback=index.html"},
		"angular server":       {npmProject("@angular/core @angular/ssr", `angular.json={"projects":{"shop":{}}}`, "dist/shop/browser/x.js", "dist/shop/server/server.mjs"), "Angular; dist/shop/browser>; node dist/shop/server/server.mjs"},
		"next export":          {npmProject("next", "next.config.js=module.exports = {output: 'export'}", "out/index.html"), "Next.js; out>"},
		"next standalone":      {npmProject("next", standalone, ".next/static/a.js", ".next/standalone/server.js", "public/a.png"), "Next.js; .next/static>_next/static; public>; node server.js"},
		"next, unbuilt":        {npmProject("next", standalone), "Next.js; .next/static>_next/static; public>; node server.js; needs npm run build"},
		"astro":                {npmProject("astro", "dist/index.html"), "Astro; dist>"},
		"astro server":         {npmProject("astro @astrojs/node", "dist/client/a.css", "dist/server/entry.mjs"), "Astro; dist/client>; node dist/server/entry.mjs"},
		"sveltekit":            {npmProject("@sveltejs/kit @sveltejs/adapter-static vite", "build/index.html"), "SvelteKit; build>"},
		"sveltekit, one page":  {npmProject("@sveltejs/kit @sveltejs/adapter-static", "svelte.config.js=adapter({fallback: '200.html'})", "build/200.html"), "SvelteKit; build>; fallback=200.html"},
		"sveltekit server":     {npmProject("@sveltejs/kit @sveltejs/adapter-node", "build/client/a.js", "build/index.js"), "SvelteKit; build/client>; build/prerendered>; node build"},
		"nuxt":                 {npmProject("nuxt", ".output/public/a.js", ".output/server/index.mjs"), "Nuxt; .output/public>; node server/index.mjs"},
		"react router":         {npmProject("@react-router/dev vite", "build/client/a.js", "build/server/index.js"), "React Router; build/client>; node_modules/.bin/react-router-serve ./build/server/index.js"},
		"react router, no ssr": {npmProject("@react-router/dev", "react-router.config.ts=export default {ssr: false}", "build/client/index.html"), "React Router; build/client>; fallback=index.html"},
		"hugo":                 {project("hugo.toml", "public/index.html"), "Hugo; public>"},
		"old hugo, unbuilt":    {project("config.toml", "archetypes/default.md"), "Hugo; public>; needs hugo"},
		"jekyll":               {project("_config.yml", "Gemfile", "index.md", "_site/index.html"), "Jekyll; _site>"},
		"eleventy":             {project(".eleventy.js", `package.json={"devDependencies":{"@11ty/eleventy":"3"}}`, "_site/index.html"), "Eleventy; _site>"},
		"mkdocs":               {project("mkdocs.yml", "docs/index.md", "requirements.txt=mkdocs"), "MkDocs; site>; needs mkdocs build"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := webapp.Find(tt.files)
			if got := told(f); !ok || got != tt.want {
				t.Errorf("Find gave %v, %s\nwant %s", ok, got, tt.want)
			}
		})
	}
}

func TestCodeIsNoSite(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"empty":         {},
		"express":       project("index.html", `package.json={"dependencies":{"express":"4"}}`, "server.js"),
		"flask":         project("app.py", "public/index.html"),
		"go":            project("go.mod", "main.go", "index.html"),
		"php":           project("index.php", "index.html"),
		"server script": project("index.html", "server.js"),
		"own manifest":  project("index.html", "dayfly.yaml"),
		"functions":     project("index.html", "api/hello.js"),
		"nest":          npmProject("@nestjs/core", "dist/main.js"),
		"next, own":     npmProject("next", ".next/static/a.js"),
		"handler":       project("index.js"),
	} {
		if f, ok := webapp.Find(files); ok {
			t.Errorf("%s: found %s", name, told(f))
		}
	}
}

func TestPartsAreGathered(t *testing.T) {
	t.Parallel()
	dir, into := t.TempDir(), t.TempDir()
	for _, name := range []string{".next/static/chunks/a.js", ".next/standalone/.next/BUILD_ID", ".next/standalone/server.js",
		".next/standalone/node_modules/x/index.js", "public/a.png", "secret"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"public/up": "../secret", "public/out": "/etc/passwd", "public/b.png": "a.png"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := webapp.Gather(dir, []webapp.Part{{Source: ".next/static", At: "_next/static"}, {Source: "public"},
		{Source: "none", Optional: true}, {Source: ".next/standalone", At: "server"}}, into); err != nil {
		t.Fatal(err)
	}
	var got []string
	_ = fs.WalkDir(os.DirFS(into), ".", func(name string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			got = append(got, name)
		}
		return nil
	})
	want := []string{"_next/static/chunks/a.js", "a.png", "b.png", "server/.next/BUILD_ID",
		"server/node_modules/x/index.js", "server/server.js"}
	if !slices.Equal(got, want) {
		t.Errorf("gathered %v\nwant %v", got, want)
	}
	if err := webapp.Gather(dir, []webapp.Part{{Source: "../x"}}, into); err == nil {
		t.Error("a part outside of the folder was gathered")
	}
}

// A server that was built here is not built again where its source is not.
func TestServersAreGatheredWithoutTheirBuild(t *testing.T) {
	t.Parallel()
	dir, into := t.TempDir(), t.TempDir()
	const text = `{"name":"kit","type":"module","scripts":{"build":"vite build","prepare":"svelte-kit sync","start":"x"},"dependencies":{"a":"1"}}`
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := webapp.Server{Parts: []webapp.Part{{Source: "package.json", At: "package.json"}}}
	if err := s.Gather(dir, into); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(into, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"dependencies":{"a":"1"},"name":"kit","scripts":{"start":"x"},"type":"module"}`
	if plain := strings.NewReplacer(" ", "", "\n", "").Replace(string(got)); plain != want {
		t.Errorf("package.json is %s\nwant %s", plain, want)
	}
}
