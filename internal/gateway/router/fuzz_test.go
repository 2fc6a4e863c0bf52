// SPDX-License-Identifier: Apache-2.0

package router_test

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
)

// FuzzNoPathGetsPastARule looks for a path that the router takes for a public one, while a
// program behind it, reading it in one of the ways that programs do, takes it for one below
// /admin.
func FuzzNoPathGetsPastARule(f *testing.F) {
	for _, seed := range []string{"/admin", "/admin/x", "//admin", "/a/../admin", "/%2fadmin", "/a%2f..%2fadmin", "/;/admin",
		"/admin;x/y", "/..;/admin", "/%61dmin/x", "/a/%2e%2e/admin", "/a\\..\\admin", "/admin%00", "/./admin", "/é/%C3%A9",
		"/admin%2Fx", "/a;b=%2F..%2f/admin"} {
		f.Add(seed)
	}
	routes := table(f, []string{"*"}, "/{rest...}", "/admin", "/admin/{rest...}", "/public/{file}", "GET /x/{id}/y")
	f.Fuzz(func(t *testing.T, escaped string) {
		m := routes.Match("h", "GET", escaped)
		if m.Err != nil || !m.Found {
			return
		}
		if again, err := router.Clean(m.Path); err != nil || again != m.Path {
			t.Fatalf("Clean(%q) = %q, %v: not what it was", m.Path, again, err)
		}
		if _, err := url.ParseRequestURI(m.Path); err != nil {
			t.Fatalf("%q is not one of a request: %v", m.Path, err)
		}
		if strings.HasPrefix(m.Pattern.Path, "/admin") {
			return
		}
		for name, reading := range readings(m.Path) {
			if reading == "/admin" || strings.HasPrefix(reading, "/admin/") {
				t.Errorf("%q went to %s, and is %q for a program that reads %s", escaped, m.Pattern, reading, name)
			}
		}
	})
}

// readings gives a path as programs of several kinds read it.
func readings(clean string) map[string]string {
	decoded, err := url.PathUnescape(clean)
	if err != nil {
		return map[string]string{"it at all": "/admin"}
	}
	collapse := func(p string) string {
		for strings.Contains(p, "//") {
			p = strings.ReplaceAll(p, "//", "/")
		}
		return p
	}
	var stripped []string
	for segment := range strings.SplitSeq(clean, "/") {
		name, _, _ := strings.Cut(segment, ";")
		stripped = append(stripped, name)
	}
	without := strings.Join(stripped, "/")
	decodedWithout, err := url.PathUnescape(without)
	if err != nil {
		return map[string]string{"no parameters": "/admin"}
	}
	return map[string]string{
		"it as it is": clean, "it decoded": decoded, "dots in it": path.Clean(clean), "dots in it decoded": path.Clean(decoded),
		"slashes as one": collapse(decoded), "no parameters": without, "no parameters, decoded": decodedWithout,
		"no parameters, dots, decoded": path.Clean(decodedWithout),
		"backslashes":                  path.Clean(strings.ReplaceAll(decoded, `\`, "/")),
		"until a NUL":                  strings.Split(decoded, "\x00")[0],
	}
}

func FuzzHosts(f *testing.F) {
	for _, seed := range []string{"a.example", "A.Example:80", "[::1]:80", "a..b", "evil\x00.example", "a@b", "example.", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		host, err := router.CleanHost(header)
		if err != nil {
			return
		}
		if host != strings.ToLower(host) || strings.ContainsAny(host, "/\\@ \x00?#%") || len(host) > 253 {
			t.Errorf("CleanHost(%q) = %q", header, host)
		}
	})
}

// FuzzTheTableAgreesWithASearch compares the table with a look at each pattern.
func FuzzTheTableAgreesWithASearch(f *testing.F) {
	f.Add("/a/{x} /a/b /{r...} GET:/a/{x}/c", "GET", "/a/b/c")
	f.Add("/a/{x}/ /a/{x...} POST:/a", "HEAD", "/a/")
	f.Fuzz(func(t *testing.T, texts, method, path string) {
		b := router.New[string]()
		var all []front.Pattern
		for text := range strings.FieldsSeq(texts) {
			p, err := front.ParsePattern(strings.Replace(text, ":", " ", 1))
			if err == nil && len(all) < 20 && b.Add("*", p, p.String()) == nil {
				all = append(all, p)
			}
		}
		clean, err := router.Clean(path)
		if err != nil || strings.ContainsAny(clean, "%;") || strings.Contains(clean, "//") {
			return
		}
		m := b.Build().Match("h", method, path)
		found := false
		for _, p := range all {
			found = found || accepts(p, method, clean)
		}
		if m.Found != found || m.Found && !accepts(m.Pattern, method, clean) {
			t.Errorf("%s %s of %v: found %v %s, want %v", method, path, all, m.Found, m.Pattern, found)
		}
	})
}

// accepts tells whether a pattern alone matches a path without escapes.
func accepts(p front.Pattern, method, path string) bool {
	takes := len(p.Methods) == 0
	for _, m := range p.Methods {
		takes = takes || m == method || m == "GET" && method == "HEAD"
	}
	parts := strings.Split(path[1:], "/")
	for i, s := range p.Segments {
		if s.Rest {
			return takes && i < len(parts)
		}
		if i >= len(parts) || s.Name == "" && parts[i] != s.Literal || s.Name != "" && parts[i] == "" {
			return false
		}
	}
	extra := parts[len(p.Segments):]
	return takes && (len(extra) == 0 || len(extra) == 1 && extra[0] == "" && p.Path != "/" && !strings.HasSuffix(p.Path, "/"))
}

func TestRoutesThatWouldCostTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	b := router.New[int]()
	var refused error
	for i := 0; i < 1<<12 && refused == nil; i++ {
		text := ""
		for bit := range 12 {
			if i&(1<<bit) != 0 {
				text += "/a"
			} else {
				text += fmt.Sprintf("/{x%d}", bit)
			}
		}
		refused = b.Add("*", pattern(t, text+"/end"), i)
	}
	if refused == nil || !strings.Contains(refused.Error(), "halfway") {
		t.Fatalf("four thousand patterns that match everything halfway: %v", refused)
	}
	routes := b.Build()
	began := time.Now()
	routes.Match("h", "GET", strings.Repeat("/a", 12)+"/other")
	if took := time.Since(began); took > time.Second {
		t.Errorf("a request took %s", took)
	}
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	routes := table(t, []string{"h", "*.h"}, "GET /a/{x}", "/a/b", "POST /a/b", "/{rest...}", "h/{rest...}", "/a/{x}")
	got := ""
	for _, c := range routes.Explain("h", "POST", "/a/b") {
		got += fmt.Sprintf("%s %v: %s\n", c.Value, c.Won, c.Why)
	}
	want := "h/{rest...} true: it takes all methods, and no better pattern matches\n" +
		"POST /a/b false: h/{rest...} names the host better\n" +
		"/a/b false: h/{rest...} names the host better\n" +
		"/a/{x} false: h/{rest...} names the host better\n" +
		"GET /a/{x} false: it takes GET, not POST\n" +
		"/{rest...} false: h/{rest...} names the host better\n"
	if got != want {
		t.Errorf("at h:\n%swant\n%s", got, want)
	}
	got = ""
	for _, c := range routes.Explain("x.h", "GET", "/a/b") {
		got += fmt.Sprintf("%s %v: %s\n", c.Value, c.Won, c.Why)
	}
	want = "/a/b true: it takes all methods, and no better pattern matches\n" +
		"POST /a/b false: it takes POST, not GET\n" +
		"GET /a/{x} false: segment 2 is the capture {x}, and \"b\" in /a/b\n" +
		"/a/{x} false: segment 2 is the capture {x}, and \"b\" in /a/b\n" +
		"/{rest...} false: segment 1 is the rest, {rest...}, and \"a\" in /a/b\n"
	if got != want {
		t.Errorf("at x.h:\n%swant\n%s", got, want)
	}
	if list := routes.Explain("h", "GET", "/a/../b"); list != nil {
		t.Errorf("a refused path: %v", list)
	}
}

// big makes a table of n routes of an API.
func big(b *testing.B, n int) *router.Table[int] {
	b.Helper()
	builder := router.New[int]()
	for i := range n {
		p := pattern(b, fmt.Sprintf("GET /v1/resource%d/{id}/parts/{part}", i))
		if err := builder.Add("api.example", p, i); err != nil {
			b.Fatal(err)
		}
	}
	return builder.Build()
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		routes := big(b, n)
		b.Run(fmt.Sprintf("%d routes", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if m := routes.Match("api.example", "GET", "/v1/resource7/12345/parts/67"); !m.Found {
					b.Fatal("not found")
				}
			}
		})
	}
}
