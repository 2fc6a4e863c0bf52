// SPDX-License-Identifier: Apache-2.0

package site_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
)

// folder writes files by their names.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open opens a site of files, until the test ends.
func open(t testing.TB, files map[string]string, spec front.Site, opts site.Options) *site.Site {
	t.Helper()
	s, err := site.Open(folder(t, files), spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// prepared waits for the work in the background.
func prepared(t testing.TB, s *site.Site) *site.Site {
	t.Helper()
	select {
	case <-s.Prepared():
	case <-time.After(time.Minute):
		t.Fatal("the site is not prepared")
	}
	return s
}

// ask asks a site that stands at /; pairs are headers.
func ask(s *site.Site, target string, pairs ...string) (*http.Response, site.Outcome) {
	method, target, found := strings.Cut(target, " ")
	if !found {
		method, target = http.MethodGet, method
	}
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	outcome := s.Serve(w, r, r.URL.Path)
	return w.Result(), outcome
}

// told writes an answer in one line: status, where to, or the body.
func told(answer *http.Response, outcome site.Outcome) string {
	body, _ := io.ReadAll(answer.Body)
	switch {
	case outcome.Rewrite != "":
		return "rewrite " + outcome.Rewrite
	case len(outcome.Allow) > 0:
		return "allow " + strings.Join(outcome.Allow, ",")
	case !outcome.Handled:
		return "not handled"
	case answer.Header.Get("Location") != "":
		return answer.Status[:3] + " " + answer.Header.Get("Location")
	}
	return answer.Status[:3] + " " + string(body)
}

var files = map[string]string{
	"index.html": "home", "about.html": "about", "docs/index.html": "docs", "docs/guide.html": "guide",
	"both.html": "both page", "both/index.html": "both folder", "app.js": "script", "docs/404.html": "no doc",
	"404.html": "nothing", ".env": "SECRET", ".git/config": "SECRET", ".well-known/security.txt": "mail us",
	".well-known/.hidden": "SECRET", "a b/ü.txt": "umlaut", "dayfly.yaml": "SECRET", "_headers": "", "_redirects": "",
	"plain": "file", "plain.html": "page", "sub/dayfly.yaml": "theirs",
}

func TestPathsLeadToTheirPages(t *testing.T) {
	t.Parallel()
	s := open(t, files, front.Site{}, site.Options{})
	for target, want := range map[string]string{
		"/":                         "200 home",
		"/index.html":               "308 /",
		"/index":                    "308 /",
		"/about":                    "200 about",
		"/about.html":               "308 /about",
		"/about.html?a=b&c":         "308 /about?a=b&c",
		"/about/":                   "308 /about",
		"/docs":                     "308 /docs/",
		"/docs?x":                   "308 /docs/?x",
		"/docs/":                    "200 docs",
		"/docs/index.html":          "308 /docs/",
		"/docs/guide":               "200 guide",
		"/both":                     "200 both page",
		"/both/":                    "200 both folder",
		"/both.html":                "308 /both",
		"/plain":                    "200 file",
		"/plain.html":               "200 page",
		"/a%20b/%C3%BC.txt":         "200 umlaut",
		"/docs/none":                "404 no doc",
		"/docs/none/deep":           "404 no doc",
		"/none":                     "404 nothing",
		"/.well-known/security.txt": "200 mail us",
		"/.well-known/.hidden":      "404 nothing",
		"/.env":                     "404 nothing",
		"/.git/config":              "404 nothing",
		"/_headers":                 "404 nothing",
		"/_redirects":               "404 nothing",
		"/dayfly.yaml":              "404 nothing",
		"/docs/../.env":             "404 no doc",
		"/docs/%2e%2e/.env":         "404 no doc",
		"//about":                   "404 nothing",
		"/about%00":                 "404 nothing",
		"/app.js":                   "200 script",
		"HEAD /app.js":              "200 ",
		"POST /app.js":              "allow GET,HEAD",
		"POST /none":                "not handled",
	} {
		if got := told(ask(s, target)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestLinksNeverLeaveTheFolder(t *testing.T) {
	t.Parallel()
	outside := folder(t, map[string]string{"secret.txt": "SECRET"})
	dir := folder(t, map[string]string{"index.html": "home", "real/a.txt": "inside"})
	for name, to := range map[string]string{
		"out.txt": filepath.Join(outside, "secret.txt"), "out": outside, "up.txt": "../../secret.txt",
		"in.txt": "real/a.txt", "loop": "loop", "gone.txt": "none",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := site.Open(dir, front.Site{}, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for target, want := range map[string]string{
		"/out.txt": "not handled", "/out/secret.txt": "not handled", "/up.txt": "not handled",
		"/loop": "not handled", "/gone.txt": "not handled", "/in.txt": "200 inside",
	} {
		if got := told(ask(s, target)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	// Even a folder that changes after all does not lead out.
	late := filepath.Join(dir, "real")
	if err := os.Rename(late, late+".old"); err != nil {
		t.Fatal(err)
	}
	_ = os.Rename(filepath.Join(outside, "secret.txt"), filepath.Join(outside, "a.txt"))
	if err := os.Symlink(outside, late); err != nil {
		t.Fatal(err)
	}
	if got := told(ask(s, "/real/a.txt")); strings.Contains(got, "SECRET") {
		t.Errorf("/real/a.txt: %s", got)
	}
}
