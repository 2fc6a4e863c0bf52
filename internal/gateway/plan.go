// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/cors"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/gateway/mapping"
	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
)

// bodyWholeMax bounds a body that rules have to see whole, unless the route says how large
// it may be.
const bodyWholeMax = 10 << 20

// plan is a route that is ready to serve; it is never changed.
type plan struct {
	project dayfly.ProjectName
	key     string // the pattern as the front has it
	name    string
	pattern front.Pattern
	route   front.Route
	target  target

	cors     *cors.Policy
	guards   []guard
	auth     auth.Authenticator // all guards; nil without any
	allow    *expression.Expression
	limits   *limit.Rule
	schema   *schema.Schema
	cache    *cache.Policy
	request  *mapping.Request
	response *mapping.Response

	bodyMax, headMax int64 // 0: the node's
	whole            bool  // rules see the body before the target does
	timeout, idle    time.Duration
	secret           []string // parameters that carry credentials
	compress         bool
}

// guard is an authenticator and the name that its front gives it.
type guard struct {
	auth.Authenticator
	name  string
	kind  string
	login login // sends browsers to sign in; nil for other kinds
}

// login has browsers sign in, at pages of its own.
type login interface {
	http.Handler
	Paths() []string
	// Start sends a browser to the provider; it gives an error when it cannot.
	Start(http.ResponseWriter, *http.Request) error
}

// compiler makes plans of one front.
type compiler struct {
	*fronts
	project    dayfly.ProjectName
	of         *front.Front
	components *schema.Components
	guards     map[string]guard
	inEvery    map[string]bool // sections of every whose problem is told
	folder     func(context.Context, *front.Site) (string, error)
	releases   []func()
	published  time.Time // zero while it is only being checked
}

// release gives back what the plans hold.
func (c *compiler) release() {
	for _, release := range slices.Backward(c.releases) {
		release()
	}
}

// plans compiles every route, and the pages of logins.
func (c *compiler) plans(ctx context.Context) ([]*plan, error) {
	var faults front.Faults
	for _, name := range slices.Sorted(maps.Keys(c.of.Auth)) {
		a, err := c.deps.Auth(c.project, name, c.of.Auth[name])
		faults.Add(front.Within(err, "auth", name))
		g := guard{Authenticator: a, name: name, kind: c.of.Auth[name].Kind()}
		g.login, _ = a.(login)
		c.guards[name] = g
	}
	var plans []*plan
	for _, key := range slices.Sorted(maps.Keys(c.of.Routes)) {
		p, err := c.plan(ctx, key)
		if !faults.Add(c.placed(err, key)) {
			break
		}
		plans = append(plans, p)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.guards)) {
		pages, err := c.loginPages(c.guards[name])
		if err != nil {
			return nil, front.Within(err, "auth", name, "login")
		}
		plans = append(plans, pages...)
	}
	return plans, nil
}

// placed says where the problems of a route stand: what the route has of every, once.
func (c *compiler) placed(err error, key string) error {
	own, faults := front.Within(err, "routes", key), front.Faults{}
	for _, p := range front.Problems(own) {
		if section := p.Path[min(2, len(p.Path)-1)]; c.of.FromEvery(key, section) {
			p = &front.Problem{Path: append([]string{"every"}, p.Path[2:]...), Message: p.Message + " (of route " + key + ")"}
			if c.inEvery[section] {
				continue
			}
			c.inEvery[section] = true
		}
		faults.Add(p)
	}
	return faults.Err()
}

// loginPages are the routes that a login needs for itself.
func (c *compiler) loginPages(g guard) ([]*plan, error) {
	if g.login == nil {
		return nil, nil
	}
	var plans []*plan
	for _, path := range g.login.Paths() {
		pattern, err := front.ParsePattern(path)
		if err != nil {
			return nil, fmt.Errorf("path %s: %w", path, err)
		}
		limits, err := c.deps.Limiter.Compile(c.project, "login "+g.name, nil)
		if err != nil {
			return nil, err
		}
		plans = append(plans, &plan{project: c.project, key: path, name: "login " + g.name, pattern: pattern,
			target: page{g.login}, limits: limits})
	}
	return plans, nil
}

// plan compiles one route.
func (c *compiler) plan(ctx context.Context, key string) (*plan, error) {
	pattern, err := front.ParsePattern(key)
	if err != nil {
		return nil, err
	}
	r := c.of.Routes[key].WithEvery(c.of.Every)
	p := &plan{project: c.project, key: key, name: key, pattern: pattern, route: r, compress: true}
	for _, a := range c.of.Auth { // a caller may send those of another route
		p.secret = append(p.secret, auth.Parameters(a)...)
	}
	if r.Name != "" {
		p.name = r.Name
	}
	if r.Compress != nil {
		p.compress = *r.Compress
	}
	if r.Timeout != nil {
		p.timeout = time.Duration(*r.Timeout)
	}
	if r.Idle != nil {
		p.idle = time.Duration(*r.Idle)
	}
	var faults front.Faults
	p.target, err = c.target(ctx, p)
	faults.Add(err)
	if f, is := p.target.(*files); is && f.filesOnly() && len(pattern.Methods) == 0 {
		p.pattern.Methods = []string{http.MethodGet}
	}
	faults.Add(c.rules(p))
	faults.Add(c.changes(p))
	return p, faults.Err()
}

// rules compiles who is let in, and with what.
func (c *compiler) rules(p *plan) error {
	r, err := &p.route, error(nil)
	var list []auth.Authenticator
	for _, name := range r.Auth {
		if name != front.AuthNone {
			p.guards = append(p.guards, c.guards[name])
			list = append(list, c.guards[name].Authenticator)
		}
	}
	if len(list) > 0 {
		p.auth = auth.Any(list)
	}
	if r.Allow != "" {
		if p.allow, err = expression.Compile(r.Allow, expression.Bool, expression.RequestPhase); err != nil {
			return front.Within(err, "allow")
		}
		if err := p.allow.CheckParams(p.pattern.Captures()); err != nil {
			return front.Within(err, "allow")
		}
		p.whole = p.allow.UsesBody()
	}
	if r.CORS != nil {
		if p.cors, err = cors.Compile(r.CORS, p.pattern.Methods); err != nil {
			return front.Within(err, "cors")
		}
	}
	if p.limits, err = c.deps.Limiter.Compile(c.project, p.name, r.Limits); err != nil {
		return front.Within(err, "limits")
	}
	if err := p.limits.CheckParams(p.pattern); err != nil {
		return front.Within(err, "limits")
	}
	if r.Limits != nil {
		p.bodyMax, p.headMax = int64(r.Limits.Body), int64(r.Limits.Header)
	}
	if r.Validate != nil {
		if p.schema, err = c.components.Compile(r.Validate); err != nil {
			return front.Within(err, "validate")
		}
		p.whole = p.whole || p.schema.NeedsBody()
	}
	return nil
}

// changes compiles what becomes of the request and its answer.
func (c *compiler) changes(p *plan) error {
	r, err := &p.route, error(nil)
	if r.Cache != nil {
		if p.cache, err = c.deps.Cache.Policy(p.name, c.project, r.Cache); err != nil {
			return front.Within(err, "cache")
		}
		if err := p.cache.CheckParams(p.pattern); err != nil {
			return front.Within(err, "cache")
		}
	}
	if r.Request != nil {
		if p.request, err = mapping.CompileRequest(r.Request, p.pattern); err != nil {
			return front.Within(err, "request")
		}
		p.request.Function = r.Function
		p.whole = p.whole || p.request.NeedsBody()
	}
	if r.Response != nil {
		if p.response, err = mapping.CompileResponse(r.Response); err != nil {
			return front.Within(err, "response")
		}
		if err := p.response.CheckParams(p.pattern); err != nil {
			return front.Within(err, "response")
		}
		p.whole = p.whole || p.response.UsesRequestBody()
	}
	_, files := p.target.(*files)
	switch {
	case p.cache != nil && !r.Cache.Private && p.response != nil && p.response.UsesPrincipal():
		return front.Within(errors.New("it depends on who is calling, and the route's cache keeps one answer for all: "+
			"say private: true there"), "response")
	case files && (p.cache != nil || r.Request != nil):
		return errors.New("cache and request do not go with a site, which serves its files as they are")
	case p.schema != nil && files:
		return front.Within(errors.New("a site takes no input to validate"), "validate")
	}
	return nil
}

// rulesOf says in words what holds for a route, for explanations.
func (p *plan) rulesOf() []string {
	var rules []string
	add := func(format string, args ...any) { rules = append(rules, fmt.Sprintf(format, args...)) }
	if len(p.guards) > 0 {
		add("auth: %s", strings.Join(p.route.Auth, ", "))
	}
	if p.allow != nil {
		add("allow: %s", p.route.Allow)
	}
	if l := p.route.Limits; l != nil {
		for _, rate := range l.Rate {
			add("rate: %s by %s", rate.Limit, orDefault(rate.By, "address"))
		}
		for _, quota := range l.Quota {
			add("quota: %s by %s", quota.Limit, orDefault(quota.By, "address"))
		}
		if l.Concurrency > 0 {
			add("concurrency: %d", l.Concurrency)
		}
	}
	if p.schema != nil {
		add("validates what it gets")
	}
	if p.cache != nil {
		add("cached")
	}
	if p.cors != nil {
		add("cors: %s", strings.Join(p.route.CORS.Origins, ", "))
	}
	if p.timeout > 0 {
		add("timeout: %s", p.timeout)
	}
	return rules
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
