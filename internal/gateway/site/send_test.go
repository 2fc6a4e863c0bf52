// SPDX-License-Identifier: Apache-2.0

package site_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
)

// noise is what does not get smaller.
func noise(size int) string {
	out := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(out)
	return string(out)
}

var (
	script = strings.Repeat("export function answer() { return 42 }\n", 500)
	movie  = noise(300 << 10)
)

func TestFormIsTheOneTheCallerTakes(t *testing.T) {
	t.Parallel()
	s := prepared(t, open(t, map[string]string{"app.js": script, "movie.mp4": movie, "small.js": "1", "noise.txt": movie,
		"built.js": script, "built.js.br": "made elsewhere"}, front.Site{}, site.Options{}))
	tags := map[string]bool{}
	for _, tt := range []struct{ target, accept, want string }{
		{"/app.js", "", ""}, {"/app.js", "gzip, deflate, br, zstd", "br"}, {"/app.js", "gzip", "gzip"}, {"/app.js", "zstd, gzip", "zstd"},
	} {
		answer, _ := ask(s, tt.target, "Accept-Encoding", tt.accept)
		length := answer.Header.Get("Content-Length")
		packed, _ := io.ReadAll(answer.Body)
		if got := answer.Header.Get("Content-Encoding"); got != tt.want || length != strconv.Itoa(len(packed)) {
			t.Errorf("%s for %q: coding %q, length %s of %d", tt.target, tt.accept, got, length, len(packed))
		}
		if text := unpack(t, tt.want, packed); text != script {
			t.Errorf("%s for %q: %d bytes of text, want %d", tt.target, tt.accept, len(text), len(script))
		}
		tag := answer.Header.Get("Etag")
		if tags[tag] || !strings.HasPrefix(tag, `"`) || answer.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s for %q: tag %s is weak or of another form, or Vary %q", tt.target, tt.accept, tag, answer.Header.Get("Vary"))
		}
		tags[tag] = true
	}
	for _, target := range []string{"/movie.mp4", "/small.js", "/noise.txt"} {
		if answer, _ := ask(s, target, "Accept-Encoding", "br, gzip"); answer.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s was compressed", target)
		}
	}
	answer, outcome := ask(s, "/built.js", "Accept-Encoding", "br")
	if got := told(answer, outcome); got != "200 made elsewhere" || answer.Header.Get("Content-Encoding") != "br" {
		t.Errorf("/built.js: %s by %q", got, answer.Header.Get("Content-Encoding"))
	}
}

func unpack(t *testing.T, coding string, packed []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(packed)
	var err error
	switch coding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestConditionsAreJudged(t *testing.T) {
	t.Parallel()
	published := time.Date(2026, 5, 4, 3, 2, 1, 5, time.UTC)
	s := prepared(t, open(t, map[string]string{"app.js": script, "movie.mp4": movie, "404.html": "none"},
		front.Site{}, site.Options{Modified: published}))
	answer, _ := ask(s, "/app.js")
	tag, modified := answer.Header.Get("Etag"), answer.Header.Get("Last-Modified")
	packed, _ := ask(s, "/app.js", "Accept-Encoding", "br")
	older := published.Add(-time.Hour).Format(http.TimeFormat)
	if modified != "Mon, 04 May 2026 03:02:01 GMT" {
		t.Fatalf("Last-Modified %s", modified)
	}
	for name, tt := range map[string]struct {
		target string
		asked  []string
		want   int
		body   int
	}{
		"same tag":               {"/app.js", []string{"If-None-Match", tag}, 304, 0},
		"same tag, weak":         {"/app.js", []string{"If-None-Match", "W/" + tag}, 304, 0},
		"tag in a list":          {"/app.js", []string{"If-None-Match", `"x", ` + tag}, 304, 0},
		"any tag":                {"/app.js", []string{"If-None-Match", "*"}, 304, 0},
		"other tag":              {"/app.js", []string{"If-None-Match", `"x"`}, 200, len(script)},
		"tag of another form":    {"/app.js", []string{"If-None-Match", packed.Header.Get("Etag")}, 200, len(script)},
		"packed, its tag":        {"/app.js", []string{"If-None-Match", packed.Header.Get("Etag"), "Accept-Encoding", "br"}, 304, 0},
		"tag before date":        {"/app.js", []string{"If-None-Match", `"x"`, "If-Modified-Since", modified}, 200, len(script)},
		"same date":              {"/app.js", []string{"If-Modified-Since", modified}, 304, 0},
		"older date":             {"/app.js", []string{"If-Modified-Since", older}, 200, len(script)},
		"match":                  {"/app.js", []string{"If-Match", tag}, 200, len(script)},
		"weak match":             {"/app.js", []string{"If-Match", "W/" + tag}, 412, 0},
		"no match":               {"/app.js", []string{"If-Match", `"x"`}, 412, 0},
		"unmodified":             {"/app.js", []string{"If-Unmodified-Since", modified}, 200, len(script)},
		"modified":               {"/app.js", []string{"If-Unmodified-Since", older}, 412, 0},
		"not found has no state": {"/none", []string{"If-None-Match", "*"}, 404, 4},
		"part":                   {"/app.js", []string{"Range", "bytes=0-9", "Accept-Encoding", "br"}, 206, 10},
		"part of a large file":   {"/movie.mp4", []string{"Range", "bytes=-100"}, 206, 100},
		"part past the end":      {"/movie.mp4", []string{"Range", "bytes=400000-"}, 416, -1},
		"other unit":             {"/app.js", []string{"Range", "lines=1-2"}, 416, -1},
		"part if same":           {"/app.js", []string{"Range", "bytes=0-9", "If-Range", tag}, 206, 10},
		"part if other":          {"/app.js", []string{"Range", "bytes=0-9", "If-Range", `"x"`}, 200, len(script)},
		"part if packed":         {"/app.js", []string{"Range", "bytes=0-9", "If-Range", packed.Header.Get("Etag")}, 200, len(script)},
		"part if same date":      {"/app.js", []string{"Range", "bytes=0-9", "If-Range", modified}, 206, 10},
		"part if older date":     {"/app.js", []string{"Range", "bytes=0-9", "If-Range", older}, 200, len(script)},
		"too many parts":         {"/app.js", []string{"Range", "bytes=" + strings.Repeat("0-,", 500) + "0-"}, 200, len(script)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, _ := ask(s, tt.target, tt.asked...)
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != tt.want || tt.body >= 0 && len(body) != tt.body {
				t.Errorf("%s %v: %d with %d bytes, want %d with %d", tt.target, tt.asked, answer.StatusCode, len(body), tt.want, tt.body)
			}
			if tt.want == 206 && answer.Header.Get("Content-Encoding") != "" {
				t.Errorf("a part is of the form %q", answer.Header.Get("Content-Encoding"))
			}
			if tt.want == 304 && answer.Header.Get("Etag") == "" {
				t.Error("304 without a tag")
			}
		})
	}
}

func TestSeveralPartsAreSentTogether(t *testing.T) {
	t.Parallel()
	s := prepared(t, open(t, map[string]string{"movie.mp4": movie}, front.Site{}, site.Options{}))
	answer, _ := ask(s, "/movie.mp4", "Range", "bytes=0-9,100-109")
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 206 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "multipart/byteranges") ||
		!bytes.Contains(body, []byte(movie[100:110])) {
		t.Errorf("%d, %s, %d bytes", answer.StatusCode, answer.Header.Get("Content-Type"), len(body))
	}
}

func TestTagIsOfTheContent(t *testing.T) {
	t.Parallel()
	tag := func(text string) string {
		answer, _ := ask(open(t, map[string]string{"a.txt": text}, front.Site{}, site.Options{}), "/a.txt")
		return answer.Header.Get("Etag")
	}
	one, again, two := tag("one"), tag("one"), tag("two")
	if one != again || one == two || one == "" {
		t.Errorf("tags %s, %s, %s", one, again, two)
	}
}

func TestNamesWithHashesAreKeptForever(t *testing.T) {
	t.Parallel()
	forever := []string{"assets/index-BxK3dZ9q.js", "assets/logo-DfGh3k_Q.svg", "static/js/main.8f3a2c1d.js", "main-5HWJ2SYA.js",
		"_next/static/chunks/framework.js", "_next/static/bUiLdId/_ssgManifest.js", "_app/immutable/entry/start.js",
		"_astro/about.CkT2mX8z.css", "_nuxt/BqL_x8Zk.js", "app.3f2b8c9d1e0a4b5c.css", "media/photo.5d41402abc4b2a76.png", "kept/by/name.bin",
		"assets/vendor-CmKpXtQz.js", "chunk-5HWJ2SYA.mjs"}
	checked := []string{"index.html", "app.js", "jquery-3.6.0.min.js", "report-20240101.pdf", "foo-production.js", "assets/logo.svg",
		"assets/my-Component.js", "iphone-iPhone14.png", "photo-MyHoliday.jpg", "a-deadbeef.txt", "app-1234567.js", "sub/kept.bin", "docs-Overview.css"}
	files := map[string]string{}
	for _, name := range append(append([]string{}, forever...), checked...) {
		files[name] = name
	}
	clean := false
	s := open(t, files, front.Site{Immutable: front.List{"kept/**", "/*.never"}, CleanURLs: &clean}, site.Options{})
	for i, names := range [][]string{forever, checked} {
		for _, name := range names {
			answer, _ := ask(s, "/"+name)
			if got := answer.Header.Get("Cache-Control"); strings.Contains(got, "immutable") != (i == 0) || !strings.HasPrefix(got, "public, ") {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

func TestAnswersBehindALoginAreKeptByNobodyElse(t *testing.T) {
	t.Parallel()
	s := open(t, map[string]string{"index.html": "", "assets/index-BxK3dZ9q.js": ""}, front.Site{}, site.Options{Private: true})
	for _, target := range []string{"/", "/assets/index-BxK3dZ9q.js", "/index.html"} {
		answer, _ := ask(s, target)
		if got := answer.Header.Get("Cache-Control"); !strings.HasPrefix(got, "private, ") {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestApplicationRoutesInTheBrowser(t *testing.T) {
	t.Parallel()
	s := open(t, map[string]string{"index.html": "app", "app.js": "x"}, front.Site{Fallback: "index.html"}, site.Options{})
	for target, want := range map[string]string{
		"/users/7": "200 app", "/users/john.doe": "200 app", "/": "200 app", "/users/": "200 app",
		"/assets/missing.js": "not handled", "/missing.png": "not handled", "POST /users": "not handled",
	} {
		if got := told(ask(s, target, "Accept", "*/*")); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if got := told(ask(s, "/notes/a.md", "Accept", "text/html,*/*")); got != "200 app" {
		t.Errorf("a page named like a file: %s", got)
	}
}

func TestServerGetsWhatIsNoFile(t *testing.T) {
	t.Parallel()
	s := open(t, map[string]string{"_next/static/a.js": "x", "404.html": "none"}, front.Site{Otherwise: "web"}, site.Options{})
	for target, want := range map[string]string{
		"/": "not handled", "/users": "not handled", "POST /_next/static/a.js": "not handled", "/_next/static/a.js": "200 x",
		"DELETE /users": "not handled", "/404": "200 none",
	} {
		if got := told(ask(s, target)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if _, err := site.Open(t.TempDir(), front.Site{Otherwise: "web"}, site.Options{}); err != nil {
		t.Errorf("a server without files: %v", err)
	}
}

func TestBadSitesAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		spec  front.Site
	}{
		"no files":       {nil, front.Site{}},
		"only hidden":    {map[string]string{".env": "", "_headers": ""}, front.Site{}},
		"no fallback":    {map[string]string{"a.html": ""}, front.Site{Fallback: "index.html"}},
		"no 404":         {map[string]string{"a.html": ""}, front.Site{NotFound: "none.html"}},
		"hidden 404":     {map[string]string{"a.html": "", ".env": ""}, front.Site{NotFound: ".env"}},
		"tangled globs":  {map[string]string{"a.html": ""}, front.Site{Immutable: front.List{"**/a/**/b/**/c"}}},
		"malformed glob": {map[string]string{"a.html": ""}, front.Site{Immutable: front.List{"a[b"}}},
	} {
		if _, err := site.Open(folder(t, tt.files), tt.spec, site.Options{}); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	shelf := site.NewShelf(100 << 10)
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("noise%d.txt", i)] = noise(30 << 10)
	}
	s, err := site.Open(folder(t, files), front.Site{}, site.Options{Shelf: shelf})
	if err != nil {
		t.Fatal(err)
	}
	prepared(t, s)
	for name, text := range files {
		if got := told(ask(s, "/"+name)); got != "200 "+text {
			t.Errorf("%s was not served whole", name)
		}
	}
	if left := shelf.Left(); left != (100-90)<<10 {
		t.Errorf("%d bytes are left of the shelf, want those of three files taken", left)
	}
	_ = s.Close()
	_ = s.Close()
	for name, text := range files {
		if got := told(ask(s, "/"+name)); got != "200 "+text {
			t.Errorf("%s was not served after Close", name)
		}
	}
	if left := shelf.Left(); left != 100<<10 {
		t.Errorf("%d bytes are left of the shelf after Close", left)
	}
}

func TestManyAskWhileTheSiteIsPrepared(t *testing.T) {
	t.Parallel()
	s := open(t, map[string]string{"app.js": script, "movie.mp4": movie}, front.Site{}, site.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Serve(w, r, r.URL.Path) }))
	defer server.Close()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 20 {
				name, want := "/app.js", script
				if i%2 == 0 {
					name, want = "/movie.mp4", movie
				}
				answer, err := server.Client().Get(server.URL + name)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || string(body) != want {
					t.Errorf("%s: %d bytes, %v", name, len(body), err)
				}
			}
		})
	}
	group.Wait()
}

func TestLostFileIsSaidToBeLost(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"movie.mp4": movie})
	s, err := site.Open(dir, front.Site{}, site.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	prepared(t, s)
	if err := os.Remove(filepath.Join(dir, "movie.mp4")); err != nil {
		t.Fatal(err)
	}
	answer, _ := ask(s, "/movie.mp4")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, %v", answer.StatusCode, answer.Header)
	}
}

func BenchmarkServe(b *testing.B) {
	s := prepared(b, open(b, map[string]string{"small.html": script[:2000], "movie.mp4": movie}, front.Site{}, site.Options{}))
	for _, target := range []string{"/small", "/movie.mp4"} {
		b.Run(target[1:], func(b *testing.B) {
			r := httptest.NewRequest("GET", target, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			b.ReportAllocs()
			for b.Loop() {
				s.Serve(sink{http.Header{}}, r, target)
			}
		})
	}
}

// sink is a client that takes everything.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) WriteHeader(int)             {}
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
