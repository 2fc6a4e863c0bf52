// SPDX-License-Identifier: Apache-2.0

package static

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// site makes a site of files, and one secret beside it.
func site(t *testing.T) *Site {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"site/index.html": "home", "site/about.html": "about", "site/docs/index.html": "docs",
		"site/app-3f9a1c2e.js": "js", "site/app-3f9a1c2e.js.br": "BR", "site/app-3f9a1c2e.js.gz": "GZ",
		"site/404.html": "gone", "site/.env": "SECRET", "site/.well-known/x.txt": "well", "site/empty/x.bin": "0123456789",
		"secret": "SECRET",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(dir, "site/link")); err != nil {
		t.Fatal(err)
	}
	s, err := New(filepath.Join(dir, "site"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestASiteAnswers(t *testing.T) {
	t.Parallel()
	s := site(t)
	for name, tc := range map[string]struct {
		method, target string
		header         string
		want           string
	}{
		"index":                {target: "/", want: "200 text/html; charset=utf-8 home"},
		"clean address":        {target: "/about", want: "200 text/html; charset=utf-8 about"},
		"folder":               {target: "/docs/", want: "200 text/html; charset=utf-8 docs"},
		"folder without slash": {target: "/docs?a=1", want: "301 ./docs/?a=1"},
		"folder, no index":     {target: "/empty/", want: "404 text/html; charset=utf-8 gone"},
		"missing":              {target: "/nowhere", want: "404 text/html; charset=utf-8 gone"},
		"hidden":               {target: "/.env", want: "404 text/html; charset=utf-8 gone"},
		"well known":           {target: "/.well-known/x.txt", want: "200 text/plain; charset=utf-8 well"},
		"out by dots":          {target: "/../secret", want: "404 text/html; charset=utf-8 gone"},
		"out by escaped dots":  {target: "/%2e%2e/secret", want: "404 text/html; charset=utf-8 gone"},
		"out by a link":        {target: "/link", want: "404 text/html; charset=utf-8 gone"},
		"post":                 {method: "POST", target: "/", want: "405"},
		"brotli":               {target: "/app-3f9a1c2e.js", header: "Accept-Encoding: gzip, br", want: "200 text/javascript; charset=utf-8 br immutable BR"},
		"gzip":                 {target: "/app-3f9a1c2e.js", header: "Accept-Encoding: br;q=0, gzip", want: "200 text/javascript; charset=utf-8 gzip immutable GZ"},
		"as it is":             {target: "/app-3f9a1c2e.js", want: "200 text/javascript; charset=utf-8 immutable js"},
		"range":                {target: "/empty/x.bin", header: "Range: bytes=2-4", want: "206 application/octet-stream 234"},
		"no range there":       {target: "/empty/x.bin", header: "Range: bytes=20-", want: "416"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tc.method != "" {
				r.Method = tc.method
			}
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(strings.ReplaceAll(tc.target, "%2e", "."), "?")
			if key, value, ok := strings.Cut(tc.header, ": "); ok {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if got := line(w); got != tc.want {
				t.Errorf("%s = %q, want %q", tc.target, got, tc.want)
			}
		})
	}
}

// line prints an answer.
func line(w *httptest.ResponseRecorder) string {
	if to := w.Header().Get("Location"); to != "" {
		return fmt.Sprintf("%d %s", w.Code, to)
	}
	if w.Code == http.StatusMethodNotAllowed || w.Code == http.StatusRequestedRangeNotSatisfiable {
		return fmt.Sprint(w.Code)
	}
	words := []string{fmt.Sprint(w.Code), w.Header().Get("Content-Type")}
	if encoding := w.Header().Get("Content-Encoding"); encoding != "" {
		words = append(words, encoding)
	}
	if strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		words = append(words, "immutable")
	}
	return strings.Join(append(words, w.Body.String()), " ")
}

func TestATagSparesTheBody(t *testing.T) {
	t.Parallel()
	s := site(t)
	first := httptest.NewRecorder()
	s.ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/about", nil))
	again := httptest.NewRequest(http.MethodGet, "/about", nil)
	again.Header.Set("If-None-Match", first.Header().Get("ETag"))
	second := httptest.NewRecorder()
	s.ServeHTTP(second, again)
	if second.Code != http.StatusNotModified || second.Body.Len() != 0 {
		t.Errorf("the same again = %d %q, want 304 without a body", second.Code, second.Body)
	}
}

func TestApplicationsThatRouteInTheBrowserGetTheirPage(t *testing.T) {
	t.Parallel()
	s := site(t)
	s.Fallback = "index.html"
	for target, want := range map[string]string{
		"/users/7": "200 text/html; charset=utf-8 home", "/gone.js": "404 text/html; charset=utf-8 gone",
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if got := line(w); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
}
