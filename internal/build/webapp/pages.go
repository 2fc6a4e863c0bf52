// SPDX-License-Identifier: Apache-2.0

package webapp

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/npm"
)

// generators make pages from text. Any of the evidence counts, unless needs is absent.
func generators() []struct {
	name, folder, build string
	evidence, packages  []string
	needs               string
} {
	return []struct {
		name, folder, build string
		evidence, packages  []string
		needs               string
	}{
		{"Eleventy", "_site", "npx @11ty/eleventy",
			[]string{".eleventy.js", "eleventy.config.js", "eleventy.config.mjs", "eleventy.config.cjs"}, []string{"@11ty/eleventy"}, ""},
		{"Docusaurus", "build", "npm run build", nil, []string{"@docusaurus/core"}, ""},
		{"VitePress", ".vitepress/dist", "npx vitepress build", []string{".vitepress/config.mts", ".vitepress/config.ts", ".vitepress/config.js"}, nil, ""},
		{"VitePress", "docs/.vitepress/dist", "npx vitepress build docs", nil, []string{"vitepress"}, ""},
		{"Hugo", "public", "hugo", []string{"hugo.toml", "hugo.yaml", "hugo.json"}, nil, ""},
		{"Hugo", "public", "hugo", []string{"config.toml", "config.yaml"}, nil, "archetypes"},
		{"Zola", "public", "zola build", []string{"config.toml"}, nil, "templates"},
		{"Jekyll", "_site", "bundle exec jekyll build", []string{"_config.yml"}, nil, ""},
		{"MkDocs", "site", "mkdocs build", []string{"mkdocs.yml"}, nil, ""},
		{"mdBook", "book", "mdbook build", []string{"book.toml"}, nil, ""},
	}
}

// generator finds a site that is made from text.
func generator(s *look.Source) (Finding, bool) {
	for _, g := range generators() {
		uses := slices.ContainsFunc(g.evidence, s.Has) ||
			slices.ContainsFunc(g.packages, func(name string) bool { return npm.Uses(s, name) })
		if !uses || g.needs != "" && !s.HasFolder(g.needs) {
			continue
		}
		return Finding{Framework: g.name, Site: []Part{{Source: g.folder}}, Build: g.build,
			Built: s.Has(path.Join(g.folder, "index.html"))}, true
	}
	return Finding{}, false
}

// plainFolders are where pages lie that nothing makes.
var plainFolders = []string{".", "public", "dist", "build", "out", "_site", "www", "htdocs"}

// codeFiles are the signs that a folder is an application: its pages are its own to serve.
var codeFiles = []string{
	"package.json", "deno.json", "deno.jsonc", "go.mod", "Cargo.toml", "pyproject.toml", "requirements.txt", "Pipfile",
	"Gemfile", "config.ru", "composer.json", "pom.xml", "build.gradle", "build.gradle.kts", "mix.exs", "Procfile",
	"Dockerfile", "wrangler.toml", "wrangler.json", "wrangler.jsonc", "serverless.yml", "template.yaml", "function.json",
	"host.json", "func.yaml", "manage.py", "deps.edn", "build.sbt", "Staticfile", "dayfly.yaml", "dayfly.yml",
}

// plain finds pages that nobody has to make.
func plain(s *look.Source) (Finding, bool) {
	if slices.ContainsFunc(codeFiles, s.Has) || s.HasFolder("api") || s.HasFolder("netlify") || s.HasFolder("functions") {
		return Finding{}, false
	}
	for _, entry := range s.Top {
		if !entry.IsDir() && isProgram(entry.Name()) {
			return Finding{}, false
		}
	}
	for _, folder := range plainFolders {
		if !s.Has(path.Join(folder, "index.html")) {
			continue
		}
		f := Finding{Framework: "plain pages", Site: []Part{{Source: folder}}, Built: true}
		text := s.Read(path.Join(folder, "index.html"))
		isApplication := strings.Contains(text, `type="module"`) &&
			(strings.Contains(text, `<div id="root"`) || strings.Contains(text, `<div id="app"`))
		if isApplication && !s.Has(path.Join(folder, "404.html")) {
			f.Fallback = "index.html"
		}
		return f, true
	}
	return Finding{}, false
}

// isProgram reports whether a file is code for a server. Scripts of a page are not told from
// others by their suffix, but those of a server have names.
func isProgram(name string) bool {
	switch path.Ext(name) {
	case ".py", ".go", ".php", ".rb", ".java", ".jar", ".kt", ".cs", ".csproj", ".clj", ".scala", ".rs", ".sh", ".cgi", ".pl",
		".lua", ".ex", ".exs", ".ts", ".mts", ".cts", ".cjs":
		return true
	}
	stem, _, _ := strings.Cut(name, ".")
	isScript := path.Ext(name) == ".js" || path.Ext(name) == ".mjs"
	return isScript && slices.Contains([]string{"server", "handler", "function", "worker", "_worker"}, stem)
}
