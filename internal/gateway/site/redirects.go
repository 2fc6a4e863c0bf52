// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// redirectsFile holds rules, the first that fits counts:
//
//	/old/*        /new/:splat        301
//	/user id=:id  /users/:id
//	/api/*        /orders/:splat     200
const redirectsFile = "_redirects"

// redirectRule is a line of _redirects.
type redirectRule struct {
	matcher
	query  []headerValue // parameters that must be there: name, and a value or :placeholder
	to     string
	status int
	force  bool // it comes before a file of that path
}

// redirectRules are the rules in their order. Those without placeholders are found by their
// path.
type redirectRules struct {
	list  []redirectRule
	exact map[string][]int
	loose []int
}

// Rewrites reports whether a rule may send requests, of any method, to another route.
func (s *Site) Rewrites() bool {
	return slices.ContainsFunc(s.redirect.list, func(r redirectRule) bool { return r.status == http.StatusOK })
}

// parseRedirects reads a _redirects file.
func parseRedirects(text string) (redirectRules, error) {
	rules := redirectRules{exact: map[string][]int{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if comment := strings.Index(line, " #"); comment >= 0 {
			line = line[:comment]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) > lineMax || len(rules.list) == rulesMax {
			return rules, atLine(redirectsFile, number, fmt.Errorf("at most %d rules of %d bytes are allowed", rulesMax, lineMax))
		}
		rule, err := parseRedirect(strings.Fields(line))
		if err != nil {
			return rules, atLine(redirectsFile, number, err)
		}
		if n := len(rules.list); rule.isExact {
			rules.exact[rule.literal] = append(rules.exact[rule.literal], n)
		} else {
			rules.loose = append(rules.loose, n)
		}
		rules.list = append(rules.list, rule)
	}
	return rules, nil
}

// parseRedirect reads from [name=value …] to [status] [conditions].
func parseRedirect(fields []string) (redirectRule, error) {
	rule := redirectRule{status: http.StatusFound}
	var err error
	if rule.matcher, err = parseMatcher(fields[0]); err != nil {
		return rule, err
	}
	fields = fields[1:]
	for len(fields) > 0 && !isPath(fields[0]) {
		name, value, found := strings.Cut(fields[0], "=")
		if !found || name == "" {
			return rule, fmt.Errorf("%.80q is neither a path, a URL nor a parameter name=value", fields[0])
		}
		rule.query = append(rule.query, headerValue{name, value})
		fields = fields[1:]
	}
	if len(fields) == 0 {
		return rule, errors.New("it says not where to")
	}
	rule.to, fields = fields[0], fields[1:]
	if len(fields) > 0 && fields[0][0] >= '0' && fields[0][0] <= '9' {
		if err := rule.setStatus(fields[0]); err != nil {
			return rule, err
		}
		fields = fields[1:]
	}
	if len(fields) > 0 {
		return rule, fmt.Errorf("the condition %.80q is not offered: who calls from where, in what language or role is "+
			"for a function or for allow of a route to tell", fields[0])
	}
	return rule, rule.check()
}

func (rule *redirectRule) setStatus(text string) error {
	text, rule.force = strings.CutSuffix(text, "!")
	var err error
	rule.status, err = strconv.Atoi(text)
	switch {
	case err != nil:
		return fmt.Errorf("%.20q is no status", text)
	case rule.status == http.StatusOK, rule.status == http.StatusNotFound, rule.status == http.StatusGone,
		rule.status == http.StatusMovedPermanently, rule.status == http.StatusFound, rule.status == http.StatusSeeOther,
		rule.status == http.StatusTemporaryRedirect, rule.status == http.StatusPermanentRedirect:
		return nil
	}
	return fmt.Errorf("the status %d is not offered: 301, 302, 303, 307 and 308 redirect, 200 rewrites, 404 and 410 "+
		"answer with a page", rule.status)
}

// check wants a target that the rule can fill, at a host that no caller chooses.
func (rule *redirectRule) check() error {
	bound := rule.names()
	for _, p := range rule.query {
		if name, ok := strings.CutPrefix(p.value, ":"); ok {
			bound = append(bound, name)
		}
	}
	target := rule.to
	if scheme, rest, found := strings.Cut(target, "://"); found {
		if rule.status < 300 || rule.status > 399 {
			return fmt.Errorf("%.80q is another server: a route with the key url hands requests on to one", rule.to)
		}
		authority, _, _ := strings.Cut(rest, "/")
		u, err := url.Parse(scheme + "://" + authority + "/")
		if err != nil || u.Hostname() == "" || u.User != nil || strings.Contains(authority, ":") && u.Port() == "" {
			return fmt.Errorf("%.80q names no host: placeholders may stand in the path only", rule.to)
		}
		target = strings.TrimPrefix(rest, authority)
	}
	if strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\") {
		return fmt.Errorf("%.80q is neither a path nor a URL", rule.to)
	}
	for _, name := range placeholders(target) {
		if !slices.Contains(bound, name) {
			return fmt.Errorf("nothing binds :%.40s", name)
		}
	}
	return nil
}

// found is a rule that a request met.
type found struct {
	*redirectRule
	bound bindings
}

// match finds the first rule for a request. Where the site has a file, only those count that
// say so by !.
func (rules *redirectRules) match(q *query, hasFile bool) (found, bool) {
	if len(rules.list) == 0 {
		return found{}, false
	}
	host, path := hostOf(q.Host), strings.TrimSuffix(q.path, "/")
	exact, loose := rules.exact[path], rules.loose
	for len(exact) > 0 || len(loose) > 0 {
		var next int
		if len(loose) == 0 || len(exact) > 0 && exact[0] < loose[0] {
			next, exact = exact[0], exact[1:]
		} else {
			next, loose = loose[0], loose[1:]
		}
		rule := &rules.list[next]
		if hasFile && !rule.force {
			continue
		}
		if bound, ok := rule.match(host, path); ok {
			if bound, ok = rule.parameters(q, bound); ok && safe(bound) {
				return found{rule, bound}, true
			}
		}
	}
	return found{}, false
}

// parameters wants those of the rule in the query, and binds their values.
func (rule *redirectRule) parameters(q *query, bound bindings) (bindings, bool) {
	if len(rule.query) == 0 {
		return bound, true
	}
	values := q.URL.Query()
	for _, p := range rule.query {
		if !values.Has(p.name) {
			return nil, false
		}
		value := values.Get(p.name)
		if name, ok := strings.CutPrefix(p.value, ":"); ok {
			bound = bind(bound, name, value)
		} else if value != p.value {
			return nil, false
		}
	}
	return bound, true
}

// safe reports whether what was bound leads only down: no dots that climb, no empty segment
// that would begin a host.
func safe(bound bindings) bool {
	for _, value := range bound {
		for segment := range strings.SplitSeq(value, "/") {
			if segment == ".." || segment == "." {
				return false
			}
		}
	}
	return true
}

// apply does what a rule says.
func (s *Site) apply(w http.ResponseWriter, q *query, rule found) Outcome {
	to := rule.target(q)
	if rule.status >= 300 && rule.status < 400 {
		header := w.Header()
		header["Location"] = []string{to}
		header["Cache-Control"] = s.cacheValue(cacheCheck)
		header["Content-Length"] = []string{"0"}
		s.headers.apply(header, q)
		w.WriteHeader(rule.status)
		return Outcome{Handled: true}
	}
	path, _, _ := strings.Cut(to, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return Outcome{}
	}
	name := strings.TrimPrefix("/"+path, q.mount)
	target := s.entries[name]
	if target == nil {
		target = s.pages[name].entry
	}
	switch {
	case target != nil && !q.reads():
		return Outcome{Allow: []string{http.MethodGet, http.MethodHead}}
	case target != nil:
		s.send(w, q, target, rule.status)
		return Outcome{Handled: true}
	case rule.status != http.StatusOK:
		return Outcome{}
	}
	return Outcome{Rewrite: to}
}

// target gives where a rule leads for a request: an escaped path, or a URL for a redirect.
// A target without a query is given the request's.
func (rule *found) target(q *query) string {
	path, parameters, has := strings.Cut(rule.to, "?")
	to := expand(path, rule.bound, escapePath)
	if !strings.Contains(path, "://") {
		// However it was put together, it must not begin with what browsers read as a host.
		to = escapePath(q.mount) + strings.TrimLeft(to, "/\\")
	}
	parameters = expand(parameters, rule.bound, url.QueryEscape)
	if !has && len(rule.query) == 0 {
		parameters = q.URL.RawQuery
	}
	if parameters != "" {
		to += "?" + parameters
	}
	return to
}

// escapePath escapes what a path may not hold, and leaves its slashes.
func escapePath(value string) string {
	parts := strings.Split(value, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// atLine says where in a file of rules something is wrong.
func atLine(file string, line int, err error) error {
	return dayfly.Errorf(dayfly.KindInvalid, "%s, line %d: %w", file, line, err)
}
