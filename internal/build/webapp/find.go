// SPDX-License-Identifier: Apache-2.0

package webapp

import (
	"io/fs"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/npm"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// Finding is what was found in a folder.
type Finding struct {
	// Framework is what the site is made with: "Next.js", "Hugo", or "plain pages".
	Framework string
	// Site are the files that need no server.
	Site []Part
	// Fallback is the page for paths that have none, of an application that routes in the
	// browser.
	Fallback string
	// Server renders the rest; nil when there is none.
	Server *Server
	// Built is whether what the framework's build makes is there. When it is not, Build is
	// the command that makes it.
	Built bool
	Build string
}

// Part is a file or folder, and where it goes: "" for a folder whose files go to the top.
type Part struct {
	Source string
	At     string
	// Optional parts may be absent.
	Optional bool
}

// Server is an http function.
type Server struct {
	Parts   []Part
	Command []string
	Env     map[string]string
}

// Find tells what web site a folder holds; false when it holds none.
func Find(files fs.FS) (Finding, bool) {
	s, err := look.New(files, manifest.Function{})
	if err != nil {
		return Finding{}, false
	}
	for _, find := range []func(*look.Source) (Finding, bool){framework, generator, plain} {
		if f, ok := find(s); ok {
			return f, true
		}
	}
	return Finding{}, false
}

// framework finds what an npm package with a build script makes.
func framework(s *look.Source) (Finding, bool) {
	front, ok := npm.FrontOf(s)
	if !ok {
		return Finding{}, false
	}
	f := Finding{Framework: front.Framework, Build: "npm run build", Fallback: front.Fallback}
	if front.Pages != "" {
		f.Site = []Part{{Source: front.Pages}}
		f.Built = s.HasFolder(front.Pages) && (s.Has(path.Join(front.Pages, "index.html")) || f.Framework == "SvelteKit")
		f.Fallback = fallback(s, front)
		return f, true
	}
	layout, ok := layouts()[front.Framework]
	if !ok {
		return Finding{}, false
	}
	site, server := layout(s, front)
	if server == nil {
		return Finding{}, false
	}
	f.Site, f.Server = site, server
	f.Built = true
	for _, part := range append(site[:len(site):len(site)], server.Parts...) {
		f.Built = f.Built && (part.Optional || s.HasFolder(part.Source) || s.Has(part.Source))
	}
	return f, true
}

var svelteFallback = grep.Of(`\bfallback\s*:\s*['"]([\w.-]+)['"]`)

// fallback gives the page for paths without one. A site of several pages has none of its
// own: what is missing there is missing.
func fallback(s *look.Source, front npm.Front) string {
	name := front.Fallback
	if front.Framework == "SvelteKit" {
		if match := svelteFallback.FindStringSubmatch(s.Read("svelte.config.js") + s.Read("svelte.config.ts")); match != nil {
			name = match[1]
		}
	}
	if name == "" || name == "404.html" || !s.Has(path.Join(front.Pages, name)) {
		return ""
	}
	isPage := func(name string) bool { return path.Ext(name) == ".html" }
	if name == "index.html" && (len(s.Walk(front.Pages, isPage)) > 1 && front.Framework == "Vite" || s.Has(path.Join(front.Pages, "404.html"))) {
		return ""
	}
	return name
}

// layouts say where frameworks put files that need no server, and what the server needs.
func layouts() map[string]func(*look.Source, npm.Front) ([]Part, *Server) {
	return map[string]func(*look.Source, npm.Front) ([]Part, *Server){
		"Next.js": next, "Nuxt": nitro, "TanStack Start": nitro, "SvelteKit": svelteKit, "Astro": astro,
		"React Router": reactRouter, "Angular": angular,
	}
}

// packageParts are what installs the dependencies of a server.
func packageParts() []Part {
	parts := []Part{{Source: "package.json", At: "package.json"}}
	for _, name := range []string{"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", ".npmrc", ".nvmrc", ".node-version"} {
		parts = append(parts, Part{Source: name, At: name, Optional: true})
	}
	return parts
}

// next is Next.js with the output "standalone": without it the server serves its own files.
func next(s *look.Source, front npm.Front) ([]Part, *Server) {
	if front.Command[len(front.Command)-1] != ".next/standalone/server.js" {
		return nil, nil
	}
	site := []Part{{Source: ".next/static", At: "_next/static"}, {Source: "public", Optional: true}}
	return site, &Server{Parts: []Part{{Source: ".next/standalone"}}, Command: []string{"node", "server.js"},
		Env: map[string]string{"HOSTNAME": "0.0.0.0"}}
}

// nitro is the server of Nuxt and others, which holds what it needs.
func nitro(*look.Source, npm.Front) ([]Part, *Server) {
	return []Part{{Source: ".output/public"}},
		&Server{Parts: []Part{{Source: ".output/server", At: "server"}, {Source: ".output/public", At: "public", Optional: true}},
			Command: []string{"node", "server/index.mjs"}}
}

// svelteKit is SvelteKit with adapter-node, which learns its address from headers.
func svelteKit(*look.Source, npm.Front) ([]Part, *Server) {
	site := []Part{{Source: "build/client"}, {Source: "build/prerendered", Optional: true}}
	return site, &Server{Parts: append(packageParts(), Part{Source: "build", At: "build"}), Command: []string{"node", "build"},
		Env: map[string]string{"PROTOCOL_HEADER": "x-forwarded-proto", "HOST_HEADER": "x-forwarded-host"}}
}

func astro(_ *look.Source, front npm.Front) ([]Part, *Server) {
	return []Part{{Source: "dist/client"}},
		&Server{Parts: append(packageParts(), Part{Source: "dist", At: "dist"}), Command: front.Command, Env: front.Env}
}

func reactRouter(_ *look.Source, front npm.Front) ([]Part, *Server) {
	return []Part{{Source: "build/client"}},
		&Server{Parts: append(packageParts(), Part{Source: "build", At: "build"}), Command: front.Command}
}

// angular is Angular with its server, in one folder for both.
func angular(_ *look.Source, front npm.Front) ([]Part, *Server) {
	folder := strings.TrimSuffix(front.Command[len(front.Command)-1], "/server/server.mjs")
	return []Part{{Source: path.Join(folder, "browser")}},
		&Server{Parts: append(packageParts(), Part{Source: folder, At: folder}), Command: front.Command}
}
