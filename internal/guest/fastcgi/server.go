// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/static"
	"github.com/dayfly-faas/dayfly/internal/guest/web"
)

// Server answers HTTP requests with a FastCGI program and the files beside it.
type Server struct {
	// Socket is where the program listens.
	Socket string
	// Program is its path, the SCRIPT_FILENAME of every request; for PHP it is empty,
	// and each request names a script below Root.
	Program string
	// Root is the document root, an absolute path; empty serves no files, without PHP.
	Root string
	// Environ are "KEY=value" variables that requests get beside their own.
	Environ []string
	// Workers bounds the calls at once.
	Workers int
	// Stderr takes what the program complains of.
	Stderr io.Writer

	once  sync.Once
	slots chan struct{}
	files fs.FS
	site  *static.Site
	err   error // of opening Root
}

func (s *Server) open() {
	s.slots = make(chan struct{}, max(1, s.Workers))
	s.Stderr = &lockedWriter{w: s.Stderr}
	if s.Root == "" {
		return
	}
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		s.err = fmt.Errorf("open document root: %w", err)
		return
	}
	s.files = root.FS()
	s.site, s.err = static.New(s.Root)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.once.Do(s.open); s.err != nil {
		s.fail(w, s.err)
		return
	}
	t := s.resolve(r.URL.Path)
	switch t.kind {
	case targetFile:
		s.site.ServeHTTP(w, r)
	case targetFolder:
		// Relative, so that it holds below whatever prefix the client sees.
		there := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", there.String())
		w.WriteHeader(http.StatusMovedPermanently)
	case targetScript:
		s.serveScript(w, r, t)
	case targetNothing:
		http.NotFound(w, r)
	}
}

func (s *Server) resolve(urlPath string) target {
	if s.Program == "" {
		return resolvePHP(s.files, urlPath)
	}
	return resolveProgram(s.files, urlPath)
}

// serveScript lets the program answer, in its turn.
func (s *Server) serveScript(w http.ResponseWriter, r *http.Request, t target) {
	ctx := r.Context()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return
	}
	done, err := web.Measure(r)
	if err != nil {
		fmt.Fprintln(s.Stderr, "dayfly guest fastcgi:", err)
		web.Refuse(w, err)
		return
	}
	defer done()
	conn, err := dial(ctx, s.Socket)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	// An answer may begin before the body was read; HTTP/1 needs to be told.
	_ = http.NewResponseController(w).EnableFullDuplex()
	a, err := exchange(conn, s.params(r, t), r.Body, s.Stderr)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.send(w, a)
}

// send passes an answer on.
func (s *Server) send(w http.ResponseWriter, a *answer) {
	for name, values := range a.header {
		if !frame.HopByHop(name) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(a.status)
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		_, _ = io.Copy(io.Discard, a.body) // a script may print something all the same
		return
	}
	if err := copyFlushing(w, a.body); err != nil {
		// The client must not take what it has for the whole.
		fmt.Fprintln(s.Stderr, "dayfly guest fastcgi: the answer was cut off:", err)
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	fmt.Fprintln(s.Stderr, "dayfly guest fastcgi:", err)
	http.Error(w, "Bad Gateway", http.StatusBadGateway)
}

// copyFlushing sends what comes as it comes.
func copyFlushing(w http.ResponseWriter, body io.Reader) error {
	flusher := http.NewResponseController(w)
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if n < len(buffer) {
				_ = flusher.Flush() // every ResponseWriter of net/http can
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// params are the variables of one request, as the protocol has them.
func (s *Server) params(r *http.Request, t target) []byte {
	var b []byte
	add := func(name, value string) { b = appendPair(b, name, value) }
	for _, variable := range s.Environ {
		if name, value, ok := strings.Cut(variable, "="); ok && !strings.HasPrefix(name, "HTTP_") {
			add(name, value)
		}
	}
	host, port := splitHost(r)
	scheme := "http"
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
		add("HTTPS", "on")
	}
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		uri = r.URL.RequestURI() // a request may name the whole address
	}
	root := s.Root
	if root == "" {
		root = filepath.Dir(s.Program)
	}
	file := s.Program
	if file == "" {
		file = root + t.script
	}
	for _, pair := range [][2]string{
		{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_SOFTWARE", "dayfly"}, {"REDIRECT_STATUS", "200"},
		{"SERVER_PROTOCOL", r.Proto}, {"SERVER_NAME", host}, {"SERVER_PORT", port},
		{"SERVER_ADDR", "127.0.0.1"}, {"REQUEST_SCHEME", scheme}, {"REQUEST_METHOD", r.Method},
		{"REQUEST_URI", uri}, {"QUERY_STRING", r.URL.RawQuery},
		{"DOCUMENT_ROOT", root}, {"SCRIPT_FILENAME", file}, {"SCRIPT_NAME", t.script},
		{"DOCUMENT_URI", t.script + t.pathInfo}, {"REMOTE_ADDR", remote(r)},
		{"CONTENT_TYPE", r.Header.Get("Content-Type")},
	} {
		add(pair[0], pair[1])
	}
	if t.pathInfo != "" {
		add("PATH_INFO", t.pathInfo)
		add("PATH_TRANSLATED", root+t.pathInfo)
	}
	if r.ContentLength >= 0 {
		add("CONTENT_LENGTH", strconv.FormatInt(r.ContentLength, 10))
	}
	add("HTTP_HOST", r.Host)
	return appendHeaders(b, r.Header)
}

// appendHeaders adds the request's headers, those that were sent more than once joined.
func appendHeaders(b []byte, header http.Header) []byte {
	for name, values := range header {
		key := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		switch {
		case key == "CONTENT_TYPE", key == "CONTENT_LENGTH", key == "PROXY", strings.Contains(name, "_"):
			continue // HTTP_PROXY would be taken for a setting
		}
		separator := ", "
		if key == "COOKIE" {
			separator = "; "
		}
		b = appendPair(b, "HTTP_"+key, strings.Join(values, separator))
	}
	return b
}

// splitHost gives the name and port that the client used.
func splitHost(r *http.Request) (host, port string) {
	host, port, err := net.SplitHostPort(r.Host)
	if err == nil {
		return host, port
	}
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		return r.Host, "443"
	}
	return r.Host, "80"
}

// remote is the client's address, which the platform puts into a header of its own.
func remote(r *http.Request) string {
	if first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ","); first != "" {
		return strings.TrimSpace(first)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

// lockedWriter ends each write with a line's end, and takes them one at a time.
type lockedWriter struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

// Write implements io.Writer.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.w.Write(p)
	if err == nil && !bytes.HasSuffix(p, []byte("\n")) {
		_, err = io.WriteString(l.w, "\n")
	}
	return n, err
}
