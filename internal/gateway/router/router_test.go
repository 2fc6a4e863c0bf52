// SPDX-License-Identifier: Apache-2.0

package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
)

// table makes one of patterns at hosts; each pattern leads to itself.
func table(t testing.TB, hosts []string, texts ...string) *router.Table[string] {
	t.Helper()
	b := router.New[string]()
	patterns := make([]front.Pattern, len(texts))
	for i, text := range texts {
		patterns[i] = pattern(t, text)
	}
	for host, indexes := range router.Spread(hosts, patterns) {
		for _, i := range indexes {
			if err := b.Add(host, patterns[i], texts[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.Build()
}

func pattern(t testing.TB, text string) front.Pattern {
	t.Helper()
	p, err := front.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told gives a match in a word: the pattern and what it captured, or why there is none.
func told(m router.Match[string]) string {
	switch {
	case m.Err != nil:
		return "400"
	case !m.Known:
		return "no host"
	case len(m.Allowed) > 0:
		return "405 " + strings.Join(m.Allowed, ",")
	case !m.Found:
		return "404"
	}
	text := m.Value
	for _, p := range m.Params {
		text += fmt.Sprintf(" %s=%s", p.Name, p.Value)
	}
	return text
}

func TestTheBestPatternWins(t *testing.T) {
	t.Parallel()
	routes := table(t, []string{"*"},
		"GET /", "GET /orders", "POST /orders", "GET /orders/{id}", "/orders/{id}", "GET /orders/new",
		"GET /orders/{id}/lines/{line}", "DELETE /orders/{id}/lines/{n}", "/files/{path...}",
		"GET /files/{name}", "GET /a/{x}/c", "GET /a/b/{y}", "PUT /a/{rest...}", "GET /docs/", "HEAD /head", "GET /head",
		"GET /%C3%A9t%C3%A9/{a}", "/n/{id}/x/{id2}/{rest...}")
	for request, want := range map[string]string{
		"GET /":                        "GET /",
		"HEAD /":                       "GET /",
		"GET /orders":                  "GET /orders",
		"GET /orders/":                 "GET /orders",
		"POST /orders":                 "POST /orders",
		"PUT /orders":                  "405 GET,HEAD,POST",
		"GET /orders/7":                "GET /orders/{id} id=7",
		"HEAD /orders/7":               "GET /orders/{id} id=7",
		"PATCH /orders/7":              "/orders/{id} id=7",
		"GET /orders/7/":               "GET /orders/{id} id=7",
		"GET /orders/new":              "GET /orders/new",
		"POST /orders/new":             "/orders/{id} id=new",
		"GET /orders/7/lines/2":        "GET /orders/{id}/lines/{line} id=7 line=2",
		"DELETE /orders/7/lines/2":     "DELETE /orders/{id}/lines/{n} id=7 n=2",
		"PUT /orders/7/lines/2":        "405 DELETE,GET,HEAD",
		"GET /orders/7/lines":          "404",
		"GET /files":                   "404",
		"GET /files/":                  "/files/{path...} path=",
		"GET /files/a":                 "GET /files/{name} name=a",
		"PUT /files/a":                 "/files/{path...} path=a",
		"GET /files/a/b/":              "/files/{path...} path=a/b/",
		"GET /a/b/c":                   "GET /a/b/{y} y=c",
		"GET /a/x/c":                   "GET /a/{x}/c x=x",
		"PUT /a/b/c":                   "PUT /a/{rest...} rest=b/c",
		"GET /docs/":                   "GET /docs/",
		"GET /docs":                    "404",
		"HEAD /head":                   "HEAD /head",
		"GET /orders/a%20b":            "GET /orders/{id} id=a b",
		"GET /%6frders/7":              "GET /orders/{id} id=7",
		"GET /Orders":                  "404",
		"GET /\u00e9t\u00e9/1":         "GET /%C3%A9t%C3%A9/{a} a=1",
		"GET /%c3%a9t%C3%A9/%E2%82%ac": "GET /%C3%A9t%C3%A9/{a} a=€",
		"GET /n/1/x/2/3/4":             "/n/{id}/x/{id2}/{rest...} id=1 id2=2 rest=3/4",
		"get /orders":                  "405 GET,HEAD,POST",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := told(routes.Match("h", method, path)); got != want {
			t.Errorf("%s gave %s, want %s", request, got, want)
		}
	}
}

func TestHostsAreTold(t *testing.T) {
	t.Parallel()
	routes := table(t, []string{"shop.example", "*.shop.example", "*"},
		"/x", "shop.example/x", "*.shop.example/y", "/{rest...}", "api.shop.example/x", "*/z")
	for request, want := range map[string]string{
		"shop.example /x":        "shop.example/x",
		"SHOP.Example.:443 /x":   "shop.example/x",
		"other.example /x":       "/x",
		"shop.example /y":        "/{rest...} rest=y",
		"a.shop.example /y":      "*.shop.example/y",
		"a.b.shop.example /y":    "/{rest...} rest=y",
		"api.shop.example /x":    "api.shop.example/x",
		"api.shop.example /y":    "*.shop.example/y",
		"a.shop.example /x":      "/x",
		"api.shop.example /else": "/{rest...} rest=else",
		"shop.example /z":        "*/z",
		"[::1]:8080 /x":          "/x",
		"127.0.0.1:80 /x":        "/x",
		" /x":                    "/x",
		"a b /x":                 "400",
	} {
		at := strings.LastIndexByte(request, ' ')
		if got := told(routes.Match(request[:at], "GET", request[at+1:])); got != want {
			t.Errorf("%s gave %s, want %s", request, got, want)
		}
	}
	for _, host := range []string{"a/b", "a:b", "a:80:80", "[::1", "[::1]x", "a..b", ".a", "a@b", "é", "a\x00", "a%2eb",
		strings.Repeat("a", 254), "a:123456", "a?b", "::1"} {
		if got := told(routes.Match(host, "GET", "/x")); got != "400" {
			t.Errorf("host %q gave %s, want 400", host, got)
		}
	}
}

func TestPathsThatAreReadInSeveralWays(t *testing.T) {
	t.Parallel()
	routes := table(t, []string{"*"}, "/{rest...}", "/admin/{path...}", "/admin", "/files/{path...}", "GET /one/{id}",
		"/static/a;b")
	for path, want := range map[string]string{
		"/admin/":                        "/admin/{path...} path=",
		"/one/2/":                        "GET /one/{id} id=2",
		"/..":                            "400",
		"/.":                             "400",
		"/a/../admin":                    "400",
		"/a/./b":                         "400",
		"/a/..":                          "400",
		"/a/%2e%2E/admin":                "400",
		"/a/.%2e/admin":                  "400",
		"/a/..;x/admin":                  "400",
		"/a/.;/admin":                    "400",
		"/a%2f..%2fadmin":                "400",
		"/files/%2e%2e%2fx":              "400",
		"/a\\b":                          "400",
		"/a%5cb":                         "400",
		"/a%00":                          "400",
		"/a%0ab":                         "400",
		"/a\x01":                         "400",
		"/a%7f":                          "400",
		"/a b":                           "400",
		"/a%":                            "400",
		"/a%2":                           "400",
		"/a%zz":                          "400",
		"/a%ff":                          "400",
		"/a%c0%af":                       "400",
		"/a%ed%a0%80":                    "400",
		"/a\xff":                         "400",
		"/a?b":                           "400",
		"/a#b":                           "400",
		"":                               "400",
		"*":                              "400",
		"a":                              "400",
		"http://h/a":                     "400",
		"//admin":                        "400",
		"/admin//x":                      "/admin/{path...} path=/x",
		"//x":                            "/{rest...} rest=/x",
		"/admin%2Fx":                     "400",
		"/%2fadmin":                      "400",
		"/files/a%2Fb":                   "/files/{path...} path=a/b",
		"/one/a%2fb":                     "400",
		"/one/a;v=1":                     "GET /one/{id} id=a;v=1",
		"/admin;x/secret":                "400",
		"/;/admin":                       "400",
		"/;%2Fadmin":                     "400",
		"/static/a;b":                    "400",
		"/static/a%3Bb":                  "/static/a;b",
		"/...":                           "/{rest...} rest=...",
		"/.well-known/x":                 "/{rest...} rest=.well-known/x",
		"/..a/b..":                       "/{rest...} rest=..a/b..",
		"/%252e%252e/admin":              "/{rest...} rest=%2e%2e/admin",
		"/" + strings.Repeat("a", 8<<10): "400",
	} {
		m := routes.Match("h", "GET", path)
		if got := told(m); got != want {
			t.Errorf("%q gave %s, want %s", path, got, want)
		}
		if m.Err != nil && dayfly.KindOf(m.Err) != dayfly.KindInvalid {
			t.Errorf("%q: kind %s, want invalid", path, dayfly.KindOf(m.Err))
		}
	}
}

func TestCleanPathsHaveOneForm(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/a/b.c":       "/a/b.c",
		"/%61%2d%7E":   "/a-~",
		"/%2b+%2B":     "/%2B+%2B",
		"/a%2fb":       "/a%2Fb",
		"/\u00e9":      "/%C3%A9",
		"/a\"<>^`{|}":  "/a%22%3C%3E%5E%60%7B%7C%7D",
		"/a%3Fb%23%25": "/a%3Fb%23%25",
		"/a//b;c=d":    "/a//b;c=d",
	} {
		got, err := router.Clean(path)
		if again, _ := router.Clean(got); err != nil || got != want || again != want {
			t.Errorf("Clean(%q) = %q, %v, and then %q; want %q", path, got, err, again, want)
		}
	}
}

func TestEqualPatternsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ first, second string }{
		{"GET /a/{x}", "GET /a/{y}"}, {"/a", "/a"}, {"GET,POST /a", "POST,PUT /a"}, {"/a/{x...}", "/a/{y...}"},
		{"/%61", "/a"}, {"h.example/a", "h.example/a"},
	} {
		b := router.New[int]()
		host := "h.example"
		if err := b.Add(host, pattern(t, tt.first), 1); err != nil {
			t.Fatal(err)
		}
		err := b.Add(host, pattern(t, tt.second), 2)
		if err == nil || !strings.Contains(err.Error(), pattern(t, tt.first).String()) ||
			!strings.Contains(err.Error(), pattern(t, tt.second).String()) {
			t.Errorf("%s after %s: %v, want an error that names both", tt.second, tt.first, err)
		}
	}
	if err := router.New[int]().Add("a.example", pattern(t, "b.example/x"), 1); err == nil {
		t.Error("a pattern was added at a host that it does not match")
	}
}

func TestChangesShareTheOtherHosts(t *testing.T) {
	t.Parallel()
	first := table(t, []string{"a.example", "*.b.example", "*"}, "/x")
	second := table(t, []string{"a.example"}, "/y")
	next := first.With(second, "*.b.example", "gone.example")
	for request, want := range map[string]string{"a.example /y": "/y", "a.example /x": "404", "b.b.example /x": "/x"} {
		host, path, _ := strings.Cut(request, " ")
		if got := told(next.Match(host, "GET", path)); got != want {
			t.Errorf("%s gave %s, want %s", request, got, want)
		}
	}
	if diff := cmp.Diff([]string{"*", "a.example"}, next.Hosts()); diff != "" {
		t.Error(diff)
	}
	if got := told(first.Match("a.example", "GET", "/x")); got != "/x" {
		t.Errorf("the table before changed: %s", got)
	}
	if got := told(next.With(router.New[string]().Build(), "*").Match("c.example", "GET", "/x")); got != "no host" {
		t.Errorf("without a host, the request gave %s", got)
	}
	if !next.Has("c.example:80") || next.With(router.New[string]().Build(), "*").Has("c.example") {
		t.Error("Has does not tell which hosts are there")
	}
}
