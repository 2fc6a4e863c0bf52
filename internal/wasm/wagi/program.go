// SPDX-License-Identifier: Apache-2.0

package wagi

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

const (
	// anyBelow ends a pattern that takes every path below.
	anyBelow = "/..."
	// routesMax bounds the routes of a program: each is compared with each path.
	routesMax = 1000
)

// Program is what a function of contract wasm consists of.
type Program struct {
	Routes []Route `json:"routes"`
	// Strict tells that the answers must begin with a CGI header, as WAGI's do.
	Strict bool `json:"strict"`
	// Notices tell what of the file is not followed.
	Notices []string `json:"notices,omitempty"`
}

// Route is one pattern of paths and what answers them.
type Route struct {
	// Pattern is a path, or the begin of paths when it ends with "/...". Empty takes
	// every path, and is not told to the module.
	Pattern string `json:"pattern"`
	Module  string `json:"module"` // a file below the code
	Entry   string `json:"entry,omitempty"`
	// Args are what the module gets behind its name. With QueryArgs they are the parts
	// of the query between "&".
	Args      []string          `json:"args,omitempty"`
	QueryArgs bool              `json:"query_args,omitempty"`
	Argv      string            `json:"argv,omitempty"` // Spin's, with ${SCRIPT_NAME} and ${ARGS}
	Env       map[string]string `json:"env,omitempty"`
	// Volumes are folders below the code, by where the module sees them.
	Volumes map[string]string `json:"volumes,omitempty"`
}

// Alone is the program of one module, which answers every path.
func Alone(module string, args []string) *Program {
	return &Program{Routes: []Route{{Module: module, Args: args}}}
}

// Modules gives the files that the routes name, each once, in their order.
func (p *Program) Modules() []string {
	var names []string
	for _, r := range p.Routes {
		if !slices.Contains(names, r.Module) {
			names = append(names, r.Module)
		}
	}
	return names
}

// Match gives the route for a path: the longest pattern that fits, and of equal ones
// the exact. nil when none does.
func (p *Program) Match(requested string) *Route {
	var best *Route
	for i := range p.Routes {
		r := &p.Routes[i]
		if r.fits(requested) && (best == nil || r.weight() > best.weight()) {
			best = r
		}
	}
	return best
}

// weight orders patterns: by length, an exact one before one that takes what is below.
func (r *Route) weight() int {
	base := r.Base()
	if r.isOpen() {
		return 2 * len(base)
	}
	return 2*len(base) + 1
}

func (r *Route) isOpen() bool { return r.Pattern == "" || strings.HasSuffix(r.Pattern, anyBelow) }

// Base is the fixed part of the pattern, without a slash at its end.
func (r *Route) Base() string {
	return strings.TrimSuffix(strings.TrimSuffix(r.Pattern, anyBelow), "/")
}

func (r *Route) fits(requested string) bool {
	base := r.Base()
	switch {
	case r.Pattern == "":
		return true
	case !r.isOpen():
		return strings.TrimSuffix(requested, "/") == base
	}
	rest, ok := strings.CutPrefix(requested, base)
	return ok && (rest == "" || rest[0] == '/')
}

// Below gives the part of a matched path that the pattern leaves open.
func (r *Route) Below(requested string) string {
	if !r.isOpen() {
		return ""
	}
	return strings.TrimPrefix(requested, r.Base())
}

// add takes a route, checked.
func (p *Program) add(r Route) error {
	if len(p.Routes) == routesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "there are more than %d routes", routesMax)
	}
	if !strings.HasPrefix(r.Pattern, "/") {
		return dayfly.Errorf(dayfly.KindInvalid, "route %.80q does not begin with a slash", r.Pattern)
	}
	if strings.Contains(strings.TrimSuffix(r.Pattern, anyBelow), "...") {
		return dayfly.Errorf(dayfly.KindInvalid, "route %.80q has ... elsewhere than at its end", r.Pattern)
	}
	var err error
	if r.Module, err = below(r.Module, "module"); err != nil {
		return err
	}
	for guest, host := range r.Volumes {
		if !path.IsAbs(guest) {
			return dayfly.Errorf(dayfly.KindInvalid, "volume %.80q is no absolute path", guest)
		}
		if r.Volumes[guest], err = below(host, "volume"); err != nil {
			return err
		}
	}
	p.Routes = append(p.Routes, r)
	return nil
}

// below checks that a path stays in the code, and cleans it.
func below(name, what string) (string, error) {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if name == "" || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", dayfly.Errorf(dayfly.KindInvalid,
			"%s %.80q is no path below the code", what, name)
	}
	return clean, nil
}
