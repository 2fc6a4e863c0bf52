// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/url"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
)

// files serves a site, and hands on what it has no file for.
type files struct {
	*site.Site
	rest      string // the capture that is the path below the site; empty for the whole path
	otherwise *function
}

// filesOnly reports whether nothing takes another method than those of files: neither a
// function behind the site nor a route to which a rule sends requests.
func (f *files) filesOnly() bool { return f.otherwise == nil && !f.Rewrites() }

// files opens the site of a route.
func (c *compiler) files(ctx context.Context, p *plan) (target, error) {
	spec := p.route.Site
	dir, err := c.folder(ctx, spec)
	if err != nil {
		return nil, front.Within(err, "site")
	}
	s, err := site.Open(dir, *spec, site.Options{Log: c.log, Shelf: c.deps.Shelf,
		Modified: c.published, Private: isGuarded(p.route.Auth) || p.route.Allow != ""})
	if err != nil {
		return nil, front.Within(err, "site")
	}
	c.releases = append(c.releases, func() { _ = s.Close() })
	f := &files{Site: s}
	for _, segment := range p.pattern.Segments {
		if segment.Rest {
			f.rest = segment.Name
		}
	}
	if spec.Otherwise != "" {
		f.otherwise = &function{ref: dayfly.FunctionRef{Project: c.project, Name: spec.Otherwise}}
	}
	return f, nil
}

func isGuarded(names front.List) bool { return len(names) > 0 && names[0] != front.AuthNone }

// serve answers with a file, or says what is to be done in place of that. Files are no
// invocation: none is made for them.
func (f *files) serve(c *call) site.Outcome {
	below := c.match.Path
	if f.rest != "" {
		below = c.input.Params[f.rest]
	} else if plain, err := url.PathUnescape(below); err == nil {
		below = plain
	}
	delete(c.w.Header(), headerInvocation)
	var outcome site.Outcome
	crowd.Together(c.w, c.r, func() bool {
		outcome = f.Serve(c.w, c.r, below)
		return outcome.Handled
	})
	return outcome
}

func (f *files) call(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	switch {
	case len(c.unserved.Allow) > 0:
		return nil, c.notAllowed(c.unserved.Allow...)
	case c.unserved.Rewrite != "":
		return f.reroute(ctx, c, inv, c.unserved.Rewrite)
	}
	return f.render(ctx, c, inv)
}

// render has the function behind the site answer.
func (f *files) render(ctx context.Context, c *call, inv *dayfly.Invocation) (*dayfly.Result, error) {
	if f.otherwise == nil {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "there is no %s", inv.Request.Path)
	}
	c.w.Header()[headerInvocation] = []string{string(c.id)}
	c.pack()
	return f.otherwise.call(ctx, c, inv)
}

// reroutesMax bounds the rewrites of one request: a rule that leads to itself ends there.
const reroutesMax = 4

// reroute takes a request to where a rule of the site sends it, on the same host.
func (f *files) reroute(ctx context.Context, c *call, inv *dayfly.Invocation, to string) (*dayfly.Result, error) {
	if c.rerouted++; c.rerouted > reroutesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the rules of the site send %s round in circles", c.r.URL.Path)
	}
	u, err := url.ParseRequestURI(to)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInternal, "parse rewrite %q: %w", to, err)
	}
	m := c.gateway.fronts.table.Load().Match(c.r.Host, c.r.Method, u.EscapedPath())
	if m.Err != nil || !m.Found {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "there is no %s", u.Path)
	}
	if m.Value == c.plan { // whose rules let it in already
		name := m.Path
		if len(m.Params) > 0 {
			name = m.Params[len(m.Params)-1].Value
		}
		outcome := f.ServeFile(c.w, c.r, name)
		switch {
		case outcome.Handled:
			return nil, nil
		case len(outcome.Allow) > 0:
			return nil, c.notAllowed(outcome.Allow...)
		}
		inv.Request.Path, inv.Request.RawQuery = m.Path, u.RawQuery
		return f.render(ctx, c, inv)
	}
	r := c.r.Clone(c.r.Context())
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
	r.Body = inv.Request.Body // of which some was read already
	c.w.Header()[headerInvocation] = []string{string(c.id)}
	c.gateway.serveMatch(c.w, r, m, way{id: c.id, began: c.began, rerouted: c.rerouted})
	return nil, nil
}
