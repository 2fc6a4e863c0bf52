// SPDX-License-Identifier: Apache-2.0

package site_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
)

const redirects = `
# comment
/old            /new
/forever        /new              301
/moved/*        /here/:splat      308   # and a comment
/blog/:y/:m/*   /posts/:y-:m/:splat 307
/out/*          https://other.example/x/:splat 302
/with           /to?a=1           303
/store id=:id   /shop/:id         301
/store kind=all /shop
/taken          /new
/forced         /new              302!
/api/*          /function/api/:splat 200
/app/*          /index.html       200
/gone           /gone.html        410
/root/*         /:splat           302
http://old.example/*  https://new.example/:splat  301
/tail/*         /a                302
/loose/:x       /b/:x             302
/loose/fixed    /never            302
`

func rules(t testing.TB) *site.Site {
	return open(t, map[string]string{"index.html": "home", "taken": "file", "forced": "file", "gone.html": "it is gone",
		"_redirects": redirects}, front.Site{}, site.Options{})
}

func TestRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	s := rules(t)
	for target, want := range map[string]string{
		"/old":                            "302 /new",
		"/old/":                           "302 /new",
		"/old?a=b":                        "302 /new?a=b",
		"/forever":                        "301 /new",
		"/moved/a/b%20c":                  "308 /here/a/b%20c",
		"/moved":                          "308 /here/",
		"/moved/":                         "308 /here/",
		"/blog/2024/05/x/y":               "307 /posts/2024-05/x/y",
		"/blog/2024":                      "not handled",
		"/out/a%0d%0aSet-Cookie:%20x=y":   "302 https://other.example/x/a%0D%0ASet-Cookie:%20x=y",
		"/out/..%2f..%2fb":                "not handled",
		"/with?b=2":                       "303 /to?a=1",
		"/store?id=a%2Fb%3Fc":             "301 /shop/a/b%3Fc",
		"/store?kind=all":                 "302 /shop",
		"/store?kind=none":                "not handled",
		"/store":                          "not handled",
		"/taken":                          "200 file",
		"/forced":                         "302 /new",
		"/api/users?x=1":                  "rewrite /function/api/users?x=1",
		"POST /api/users":                 "rewrite /function/api/users",
		"/app/any/where":                  "200 home",
		"POST /app/any":                   "allow GET,HEAD",
		"/gone":                           "200 it is gone", // a file's clean address comes first
		"/root/%2Fevil.example":           "302 /evil.example",
		"/root/%5Cevil.example":           "302 /%5Cevil.example",
		"http://old.example/a?b":          "301 https://new.example/a?b",
		"http://old.example:8080/a":       "301 https://new.example/a",
		"/loose/fixed":                    "302 /b/fixed",
		"/loose/a/b":                      "not handled",
		"/tail/x":                         "302 /a",
		"/moved/" + "%2e%2e/%2e%2e/admin": "not handled",
	} {
		if got := told(ask(s, target)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestMountedSiteStaysBelowItsPath(t *testing.T) {
	t.Parallel()
	s := rules(t)
	for target, want := range map[string]string{
		"/docs/old": "302 /docs/new", "/docs/gone.html": "308 /docs/gone", "/docs/app/x": "200 home",
		"/docs/": "200 home", "/docs/index.html": "308 /docs/",
	} {
		r := httptest.NewRequest("GET", target, nil)
		w := httptest.NewRecorder()
		outcome := s.Serve(w, r, strings.TrimPrefix(target, "/docs/"))
		if got := told(w.Result(), outcome); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestBadRulesAreRefusedByTheirLine(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, text, want string }{
		"country":            {"_redirects", "/a /b\n/ /de 302 Country=de", "line 2: the condition \"Country=de\""},
		"language":           {"_redirects", "/ /de 302 Language=de", "condition"},
		"status":             {"_redirects", "/a /b 500", "500 is not offered"},
		"nowhere":            {"_redirects", "/a", "not where to"},
		"no path":            {"_redirects", "a /b", "begin with a slash"},
		"splat inside":       {"_redirects", "/a/*/b /c", "after *"},
		"splat in a word":    {"_redirects", "/a* /c", "whole last segment"},
		"proxy":              {"_redirects", "/a/* https://x.example/:splat 200", "another server"},
		"host by splat":      {"_redirects", "/* https://:splat/ 302", "placeholders may stand"},
		"host by name":       {"_redirects", "/:a https://x.:a.example/ 302", "placeholders may stand"},
		"port by splat":      {"_redirects", "/* https://x.example:splat 302", "placeholders may stand"},
		"user in host":       {"_redirects", "/a https://x@evil.example/ 302", "placeholders may stand"},
		"host by slashes":    {"_redirects", "/a //evil.example/ 302", "neither a path"},
		"host by backslash":  {"_redirects", `/a /\evil.example 302`, "neither a path"},
		"unbound":            {"_redirects", "/a /b/:c", "nothing binds :c"},
		"query in from":      {"_redirects", "/a?b=c /d", "query"},
		"long":               {"_redirects", "/a /" + strings.Repeat("b", 3000), "bytes"},
		"many":               {"_redirects", strings.Repeat("/a /b\n", 2001), "line 2001"},
		"huge":               {"_redirects", strings.Repeat("#", 300<<10), "bytes"},
		"header first":       {"_headers", "  X-A: b", "line 1: a header comes before"},
		"no header":          {"_headers", "/a\n  nonsense", "line 2"},
		"connection header":  {"_headers", "/a\n  Content-Length: 5", "server's to set"},
		"platform's header":  {"_headers", "/a\n  x-dayfly-principal: me", "server's to set"},
		"header of no token": {"_headers", "/a\n  X A: b", "no header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := site.Open(folder(t, map[string]string{"index.html": "", tt.file: tt.text}), front.Site{}, site.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.file) ||
				dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Errorf("Open: %v, want an invalid %s with %q", err, tt.file, tt.want)
			}
		})
	}
}

func TestHeadersAreSetByPath(t *testing.T) {
	t.Parallel()
	s := open(t, map[string]string{"index.html": "home", "a/x.js": "x", "404.html": "none", "_redirects": "/r /index.html 302",
		"_headers": `/*
  X-Frame-Options: DENY
  Link: <a>
/a/*
  Cache-Control: no-store
  Link: <b>
  X-Splat: of :splat
  ! X-Content-Type-Options
/a/:file
  X-File: :file :unbound
  Set-Cookie: a=1
  Set-Cookie: b=2
https://other.example/*
  X-Other: yes
`}, front.Site{}, site.Options{})
	answer, _ := ask(s, "/a/x.js")
	want := http.Header{"X-Frame-Options": {"DENY"}, "Link": {"<a>, <b>"}, "X-Splat": {"of x.js"}, "X-File": {"x.js :unbound"},
		"Cache-Control": {"no-store"}, "Set-Cookie": {"a=1", "b=2"}, "X-Content-Type-Options": nil, "X-Other": nil}
	for name, values := range want {
		if got := answer.Header[name]; strings.Join(got, "|") != strings.Join(values, "|") {
			t.Errorf("%s: %q, want %q", name, got, values)
		}
	}
	for _, target := range []string{"/", "/none", "/r", "https://other.example/"} {
		answer, _ := ask(s, target)
		if answer.Header.Get("X-Frame-Options") != "DENY" || (answer.Header.Get("X-Other") != "") != strings.Contains(target, "other") {
			t.Errorf("%s: %v", target, answer.Header)
		}
	}
}

// FuzzRulesLeadToNoOtherHost tries paths on rules whose targets are all of this host.
func FuzzRulesLeadToNoOtherHost(f *testing.F) {
	f.Add("/root/*  /:splat", "/root//evil.example")
	f.Add("/:a/*  /:splat/:a 301!", "/x/\\evil.example")
	f.Add("/* /:splat 200", "/../x")
	f.Fuzz(func(t *testing.T, text, path string) {
		if strings.Contains(text, "://") {
			return
		}
		s, err := site.Open(folder(t, map[string]string{"index.html": "home", "_redirects": text}), front.Site{}, site.Options{})
		if err != nil {
			return
		}
		defer s.Close()
		r := &http.Request{Method: "GET", Host: "own.example", URL: &url.URL{Path: path}, Header: http.Header{}}
		w := httptest.NewRecorder()
		outcome := s.Serve(w, r, path)
		for _, to := range []string{w.Header().Get("Location"), outcome.Rewrite} {
			u, err := url.Parse(to)
			if to != "" && (err != nil || u.Host != "" || u.Scheme != "" || to[0] != '/' || strings.HasPrefix(to, "//") ||
				strings.HasPrefix(to, `/\`) || strings.ContainsAny(to, "\r\n\t")) {
				t.Errorf("%q for %q leads to %q (%v)", text, path, to, err)
			}
		}
	})
}

// FuzzHeadersAreReadOrRefused wants no header of a rule to break an answer.
func FuzzHeadersAreReadOrRefused(f *testing.F) {
	f.Add("/*\n  X: :splat\n  ! Y", "/a\r\nb")
	f.Fuzz(func(t *testing.T, text, path string) {
		s, err := site.Open(folder(t, map[string]string{"index.html": "home", "_headers": text}),
			front.Site{Fallback: "index.html"}, site.Options{})
		if err != nil {
			return
		}
		defer s.Close()
		r := &http.Request{Method: "GET", Host: "own.example", URL: &url.URL{Path: path}, Header: http.Header{}}
		w := httptest.NewRecorder()
		s.Serve(w, r, path)
		for name, values := range w.Header() {
			for _, value := range values {
				if strings.ContainsAny(name+value, "\r\n\x00") {
					t.Errorf("%q for %q sets %q: %q", text, path, name, value)
				}
			}
		}
	})
}
