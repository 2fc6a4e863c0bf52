// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestResolvePHP(t *testing.T) {
	t.Parallel()
	file := &fstest.MapFile{Data: []byte("x"), Mode: 0o644}
	root := fstest.MapFS{
		"index.php": file, "a.txt": file, "page.php": file, "blog/index.php": file, "blog/post.PHP": file,
		"docs/index.html": file, "empty/x": file, ".env": file, ".git/config": file, "composer.json": file,
		".well-known/acme": file, "lib.inc": file, "old.php.bak": file, "old.PHP~": file, "css/site.css": file, "dir.php/x": file,
	}
	for path, want := range map[string]target{
		"/":                   {kind: targetScript, script: "/index.php"},
		"/page.php":           {kind: targetScript, script: "/page.php"},
		"/page.php/a/b":       {kind: targetScript, script: "/page.php", pathInfo: "/a/b"},
		"/page.phpx":          {kind: targetScript, script: "/index.php"},
		"/none.php":           {kind: targetScript, script: "/index.php"},
		"/a.txt":              {kind: targetFile},
		"/css/../a.txt":       {kind: targetFile},
		"/../../etc/passwd":   {kind: targetScript, script: "/index.php"},
		"/blog":               {kind: targetFolder},
		"/blog/":              {kind: targetScript, script: "/blog/index.php"},
		"/blog/post.PHP":      {kind: targetScript, script: "/index.php"}, // its text is not for clients
		"/docs/":              {kind: targetFile},
		"/empty/":             {kind: targetScript, script: "/index.php"},
		"/.env":               {kind: targetScript, script: "/index.php"},
		"/.git/config":        {kind: targetScript, script: "/index.php"},
		"/composer.json":      {kind: targetScript, script: "/index.php"},
		"/lib.inc":            {kind: targetScript, script: "/index.php"},
		"/old.php.bak":        {kind: targetScript, script: "/index.php"},
		"/old.PHP~":           {kind: targetScript, script: "/index.php"},
		"/.well-known/acme":   {kind: targetFile},
		"/dir.php/x":          {kind: targetFile},
		"/any/route/at/all":   {kind: targetScript, script: "/index.php"},
		"/index.php/route":    {kind: targetScript, script: "/index.php", pathInfo: "/route"},
		"/a.txt\x00.php":      {kind: targetScript, script: "/index.php"},
		"/.hidden/index.php":  {kind: targetScript, script: "/index.php"},
		"/css/site.css/x.php": {kind: targetScript, script: "/index.php"},
	} {
		if diff := cmp.Diff(want, resolvePHP(root, path), cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", path, diff)
		}
	}
	if got := resolvePHP(fstest.MapFS{"a.txt": file}, "/none"); got.kind != targetNothing {
		t.Errorf("without a front controller: %+v", got)
	}
}

// program listens as a FastCGI program does, with Go's own implementation of it.
func program(t *testing.T, handler http.HandlerFunc) *Server {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() { _ = fcgi.Serve(listener, handler) }()
	return &Server{Socket: socket, Program: "/srv/app.fcgi", Workers: 2, Stderr: io.Discard, Environ: []string{"KEY=value"}}
}

func TestServerAsksAProgram(t *testing.T) {
	t.Parallel()
	s := program(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		env := fcgi.ProcessEnv(r)
		w.Header().Set("X-Seen", fmt.Sprint(r.Header["Proxy"], r.Header["X-A"], env["KEY"], r.TLS != nil))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %d", r.Method, r.URL, r.Host, r.RemoteAddr, len(body))
	})
	r := httptest.NewRequest("POST", "http://example.test/a%20b?c=d", strings.NewReader(strings.Repeat("x", 200_000)))
	r.Header.Set("Proxy", "evil")
	r.Header["X-A"] = []string{"1", "2"}
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	want := "POST https://example.test/a%20b?c=d example.test 192.0.2.7:0 200000"
	if w.Code != http.StatusTeapot || w.Body.String() != want {
		t.Errorf("answer = %d %q, want %q", w.Code, w.Body, want)
	}
	if got := w.Header().Get("X-Seen"); got != "[] [1, 2]valuetrue" {
		t.Errorf("the program saw %q", got)
	}
}

func TestServerBoundsCallsAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running, most := 0, 0
	both := make(chan struct{})
	s := program(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		if running++; running == 2 {
			close(both)
			both = make(chan struct{})
		}
		most = max(most, running)
		gate := both
		mu.Unlock()
		select {
		case <-gate:
		case <-time.After(50 * time.Millisecond):
		}
		mu.Lock()
		running--
		mu.Unlock()
	})
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() { s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	}
	wait.Wait()
	if most != 2 {
		t.Errorf("%d calls at once, want 2", most)
	}
}

func TestNoProgramIsBadGateway(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &Server{Socket: "/nonexistent/s", Program: "/x", Workers: 1, Stderr: &log}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusBadGateway || !strings.Contains(log.String(), "connect to program") {
		t.Errorf("answer = %d, log %q", w.Code, log.String())
	}
}

// php starts a PHP program behind a Server.
func php(t *testing.T, name string) *Server {
	t.Helper()
	w, err := newWorkers(name, nil, 2)
	if err != nil {
		t.Skipf("SKIPPED: %v; install php-cgi and php-fpm to test them", err)
	}
	// Each test has a socket of its own.
	root := t.TempDir()
	for file, text := range map[string]string{
		"index.php": `<?php header('X-A: 1'); header('X-A: 2', false); http_response_code(201);
echo json_encode([$_SERVER['REQUEST_METHOD'], $_SERVER['REQUEST_URI'], $_SERVER['SCRIPT_NAME'], $_SERVER['PATH_INFO'] ?? null,
  $_SERVER['DOCUMENT_ROOT'] === __DIR__, $_GET, $_POST, $_COOKIE, $_FILES['f']['size'] ?? null, $_SERVER['HTTPS'] ?? null, getenv('HOME') !== '']);`,
		"slow/index.php": `<?php echo 'a'; flush(); echo 'b';`, "style.css": "css",
		"nothing.php": `<?php http_response_code(204); header('Connection: close'); echo "\n";`,
		"fatal.php":   `<?php error_log('a line'); none();`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.stdout, w.stderr = io.Discard, io.Discard
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; w.close() })
	if err := w.await(ctx); err != nil {
		t.Fatal(err)
	}
	return &Server{Socket: w.socket, Root: root, Workers: 2, Stderr: &bytes.Buffer{}, Environ: os.Environ()}
}

func TestPHP(t *testing.T) {
	fpm, _ := filepath.Glob("/usr/sbin/php-fpm*") // the pattern is good
	for name, program := range map[string]string{"php-cgi": "php-cgi", "php-fpm": strings.Join(fpm[:min(1, len(fpm))], "")} {
		t.Run(name, func(t *testing.T) { testPHP(t, php(t, program)) })
	}
}

func testPHP(t *testing.T, s *Server) {
	get := func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	w := get("POST", "/route/x?a[]=1&b=%C3%A9", "c=d", "Content-Type: application/x-www-form-urlencoded", "Cookie: e=f",
		"X-Forwarded-Proto: https")
	want := `["POST","\/route\/x?a[]=1&b=%C3%A9","\/index.php",null,true,{"a":["1"],"b":"\u00e9"},{"c":"d"},{"e":"f"},null,"on",true]`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 201 || len(w.Header()["X-A"]) != 2 {
		t.Errorf("status %d, header %v (-want +got):\n%s", w.Code, w.Header(), diff)
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	file, _ := parts.CreateFormFile("f", "f.bin")
	_, _ = file.Write(bytes.Repeat([]byte{0}, 100_000))
	_ = parts.Close()
	if w := get("POST", "/", form.String(), "Content-Type: "+parts.FormDataContentType()); !strings.Contains(w.Body.String(), ",100000,") {
		t.Errorf("upload = %s", w.Body)
	}
	if w := get("GET", "/index.php/more", ""); !strings.Contains(w.Body.String(), `"\/index.php","\/more"`) {
		t.Errorf("path info = %s", w.Body)
	}
	if w := get("GET", "/style.css", ""); w.Body.String() != "css" {
		t.Errorf("file = %q", w.Body)
	}
	if w := get("GET", "/slow", ""); w.Code != 301 || w.Header().Get("Location") != "slow/" {
		t.Errorf("folder = %d %v", w.Code, w.Header())
	}
	if w := get("GET", "/slow/", ""); w.Body.String() != "ab" {
		t.Errorf("index of a folder = %q", w.Body)
	}
	if w := get("GET", "/nothing.php", ""); w.Code != 204 || w.Body.Len() > 0 || w.Header().Get("Connection") != "" {
		t.Errorf("no content = %d %q %v", w.Code, w.Body, w.Header())
	}
	if w := get("GET", "/fatal.php", ""); w.Code != 500 {
		t.Errorf("fatal error = %d %s", w.Code, w.Body)
	}
}

func TestAProgramThatDoesNotStayUp(t *testing.T) {
	t.Parallel()
	w := &workers{argv: []string{"/bin/false"}, count: 2, stdout: io.Discard, stderr: io.Discard}
	err := w.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/bin/false does not stay up: exit status 1") {
		t.Errorf("error = %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Setenv("PHP_FCGI_CHILDREN", "7")
	for line, want := range map[string]string{
		"--root public php-cgi":   "{public 7 php-cgi []}",
		"--workers 2 ./a.fcgi -x": "{ 2 ./a.fcgi [-x]}",
		"php-cgi":                 "error", "": "error", "--workers 0 ./a": "error", "--none ./a": "error",
	} {
		o, err := parse(strings.Fields(line), io.Discard)
		got := fmt.Sprint(o)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q = %s, want %s", line, got, want)
		}
	}
}
