// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Explain tells which route a request takes, and why not the others. A URL without a host is
// for a host that nobody has.
func (g *Gateway) Explain(method, rawURL string) (front.Match, error) {
	if method = strings.ToUpper(method); method == "" {
		method = http.MethodGet
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Path == "" && u.Host == "" || u.Host == "" && !strings.HasPrefix(u.Path, "/") {
		return front.Match{}, dayfly.Errorf(dayfly.KindInvalid, "%.200q is no URL: write it like https://HOST/PATH or /PATH", rawURL)
	}
	host, path := u.Host, u.EscapedPath()
	if host == "" {
		host = "localhost"
	}
	if path == "" {
		path = "/"
	}
	out := front.Match{Method: method, URL: rawURL}
	r := &http.Request{Method: method, Host: host, URL: u}
	table := g.fronts.table.Load()
	if isOurs(r) && !table.Names(host) {
		out.Outcome = g.explainOurs(r)
		return out, nil
	}
	m := table.Match(host, method, path)
	for _, c := range table.Explain(host, method, path) {
		out.Candidates = append(out.Candidates, front.Candidate{Route: c.Pattern.String(), Why: c.Why})
	}
	switch {
	case m.Err != nil:
		out.Outcome = "400: " + m.Err.Error()
	case !m.Known:
		out.Outcome = g.explainOurs(r)
	case m.Found:
		p := m.Value
		out.Project, out.Route, out.Target, out.Rules = p.project, m.Pattern.String(), p.route.String(), p.rulesOf()
		if p.route.String() == "nothing" {
			out.Target = p.name
		}
		for _, param := range m.Params {
			if out.Params == nil {
				out.Params = map[string]string{}
			}
			out.Params[param.Name] = param.Value
		}
		out.Outcome = fmt.Sprintf("goes to %s", out.Target)
	case len(m.Allowed) > 0:
		out.Outcome = "405: the path takes " + strings.Join(m.Allowed, ", ")
	default:
		out.Outcome = "404: no route of " + m.Host + " matches the path"
	}
	return out, nil
}

// explainOurs says what becomes of a request that no route takes.
func (g *Gateway) explainOurs(r *http.Request) string {
	at, err := match(r)
	switch {
	case err == nil && g.fronts.isClosed(at.function):
		return fmt.Sprintf("404: function %s is reached by the routes of its project only", at.function)
	case err == nil:
		return fmt.Sprintf("goes to function %s, by its own address", at.function)
	case strings.HasPrefix(r.URL.Path, webhookPrefix):
		return "goes to a webhook, if there is one at this address"
	}
	return "404: no project has this host"
}
