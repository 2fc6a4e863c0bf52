// SPDX-License-Identifier: Apache-2.0

package npm

import "github.com/dayfly-faas/dayfly/internal/build/look"

// Front is what the build script of a front-end framework makes: pages in a folder, or a
// server that renders them.
type Front struct {
	Framework string
	// Pages is the folder of a site without a server, and Fallback its page for paths that
	// have none.
	Pages    string
	Fallback string
	// Command starts the server, with Env.
	Command []string
	Env     map[string]string
}

// FrontOf tells what the package of a source makes; false when it is of no framework that
// makes anything for browsers.
func FrontOf(s *look.Source) (Front, bool) {
	pkg, _ := packageJSON(s)
	if pkg == nil {
		return Front{}, false
	}
	app, ok := applicationOf(s, pkg)
	if !ok || app.problem != "" || app.framework == "Nest" || app.framework == "AdonisJS" {
		return Front{}, false
	}
	if app.static {
		return Front{Framework: app.framework, Pages: app.folder, Fallback: app.fallback}, true
	}
	return Front{Framework: app.framework, Command: app.command, Env: app.env}, true
}

// Uses tells whether the package of a source depends on another.
func Uses(s *look.Source, name string) bool {
	pkg, _ := packageJSON(s)
	return pkg != nil && pkg.has(name)
}
