// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
)

// target is where a route's URL leads.
type target struct {
	scheme, host string
	// path and query are templates; hasPath is false of a URL without one, which gets the
	// request's.
	path, query front.Template
	hasPath     bool
	// back says how paths of the server are written as paths of the route.
	back back
}

// back turns what begins with from into what begins with to; whole is for a URL without a
// path, where both have the same.
type back struct {
	from, to string
	whole    bool
}

func newTarget(text string, p front.Pattern) (*target, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	rest, query, _ := strings.Cut(rest, "?")
	host, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		host, path = rest[:slash], rest[slash:]
	}
	t := &target{scheme: scheme, host: host, hasPath: path != ""}
	if scheme != "http" && scheme != "https" || host == "" || strings.ContainsAny(host, "{}@#") {
		return nil, fmt.Errorf("%.80q is not the URL of a server", text)
	}
	if err := checkHost(host); err != nil {
		return nil, err
	}
	var err error
	if t.path, err = front.ParseTemplate(path); err != nil {
		return nil, err
	}
	if t.query, err = front.ParseTemplate(query); err != nil {
		return nil, err
	}
	t.back = wayBack(path, p)
	return t, nil
}

// checkHost refuses an address that will never be connected to.
func checkHost(host string) error {
	u, err := url.Parse("http://" + host)
	if err != nil {
		return fmt.Errorf("%.80q is no host", host)
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && refused(a) {
		return fmt.Errorf("%s: %w", a, errRefused)
	}
	return nil
}

// wayBack compares /v1/{rest...} with the pattern /proxy/{rest...}.
func wayBack(path string, p front.Pattern) back {
	if path == "" {
		return back{whole: true}
	}
	from, capture, found := strings.Cut(path, "{")
	to, captured, _ := strings.Cut(p.Path, "{")
	if found && capture == captured && strings.HasSuffix(capture, "...}") {
		return back{from: from, to: to}
	}
	return back{}
}

// url gives where a request goes.
func (t *target) url(r *dayfly.Request, params []router.Param) (*url.URL, error) {
	path := r.Path
	if t.hasPath {
		path = t.path.Expand(func(name string, _ bool) string { return find(params, name).Raw })
	}
	if !strings.HasPrefix(path, "/") || hasDots(path) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the path cannot be handed on: it has dot segments")
	}
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the path cannot be handed on: %w", err)
	}
	query := t.query.Expand(func(name string, _ bool) string { return url.QueryEscape(find(params, name).Value) })
	if query != "" && r.RawQuery != "" {
		query += "&"
	}
	// A number sign would end the query for servers that read the line as a whole URL.
	query += strings.ReplaceAll(r.RawQuery, "#", "%23")
	return &url.URL{Scheme: t.scheme, Host: t.host, Path: unescaped, RawPath: path, RawQuery: query}, nil
}

func find(params []router.Param, name string) router.Param {
	for _, p := range params {
		if p.Name == name {
			return p
		}
	}
	return router.Param{}
}

// hasDots tells whether a path has a segment that servers resolve, however it is written.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if len(segment) > len("%2e%2e") {
			continue
		}
		if s := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); s == "." || s == ".." {
			return true
		}
	}
	return false
}

// location tells the caller where the server sends it: an address of the server itself, which
// callers need not reach, as one of the route.
func (t *target) location(text string) string {
	rest, own := strings.CutPrefix(text, t.scheme+"://"+t.host)
	path := rest
	if !own {
		if path = text; !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			return text
		}
	}
	switch {
	case own && rest == "":
		path = "/"
	case !strings.HasPrefix(path, "/"), strings.HasPrefix(path, "//"), strings.HasPrefix(path, "/\\"):
		return text // another port or host, or what a browser takes for one
	}
	if t.back.whole {
		return path
	}
	if below, found := strings.CutPrefix(path, t.back.from); found && t.back.from != "" {
		return t.back.to + strings.TrimLeft(below, "/\\")
	}
	return text
}
