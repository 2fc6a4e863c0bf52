// SPDX-License-Identifier: Apache-2.0

package static

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/web"
)

const (
	// tagsMax bounds how many files' tags are remembered; a large site has some 10,000.
	tagsMax = 20_000
)

// Site answers requests with the files of a folder.
type Site struct {
	root *os.Root
	// Fallback is the file for paths that are not there, with status 200: applications
	// that route in the browser want index.html. Empty answers 404.
	Fallback string

	mu   sync.Mutex // guards tags
	tags map[string]string
}

// New opens the folder of a site.
func New(folder string) (*Site, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open site: %w", err)
	}
	return &Site{root: root, tags: map[string]string{}}, nil
}

// Close lets go of the folder.
func (s *Site) Close() error { return s.root.Close() }

// Main serves the folder that args name on $PORT, and gives the exit status.
func Main(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("dayfly guest static", flag.ContinueOnError)
	flags.SetOutput(stderr)
	fallback := flags.String("fallback", "", "`FILE` for paths that are not there")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(stderr, "dayfly guest static: name one folder")
		return 2
	}
	site, err := New(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, "dayfly guest static:", err)
		return 1
	}
	defer site.Close()
	site.Fallback = *fallback
	fmt.Fprintln(stderr, "dayfly guest static:", web.Serve(context.Background(), site, stderr))
	return 1
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a static site answers GET and HEAD only", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name == "" {
		name = "."
	}
	if hidden(name) {
		s.missing(w, r)
		return
	}
	file, isFolder := s.find(name)
	switch {
	case isFolder && !strings.HasSuffix(r.URL.Path, "/"):
		redirect(w, r, path.Base(name)+"/") // so that the page's relative links are right
	case file != "":
		s.send(w, r, file, http.StatusOK)
	default:
		s.missing(w, r)
	}
}

// redirect answers with a place relative to the request's: the site does not know below
// which path it is reached.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", "./"+to)
	w.WriteHeader(http.StatusMovedPermanently)
}

// hidden tells names that a site does not show.
func hidden(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".well-known" {
			return true
		}
	}
	return false
}

// find gives the file for a path: itself, with .html, or a folder's index.html.
func (s *Site) find(name string) (file string, isFolder bool) {
	info, err := s.root.Stat(name)
	switch {
	case err == nil && info.Mode().IsRegular():
		return name, false
	case err == nil && info.IsDir():
		if index := path.Join(name, "index.html"); s.isFile(index) {
			return index, name != "."
		}
	}
	if name != "." && s.isFile(name+".html") {
		return name + ".html", false
	}
	return "", false
}

func (s *Site) isFile(name string) bool {
	info, err := s.root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// missing answers for a path that is not there. The fallback is for pages only: a
// script or picture that is missing must not become a page.
func (s *Site) missing(w http.ResponseWriter, r *http.Request) {
	isPage := path.Ext(r.URL.Path) == "" || path.Ext(r.URL.Path) == ".html"
	switch {
	case s.Fallback != "" && isPage && s.isFile(s.Fallback):
		s.send(w, r, s.Fallback, http.StatusOK)
	case s.isFile("404.html"):
		s.send(w, r, "404.html", http.StatusNotFound)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// fingerprinted is a name that bundlers give to files whose content never changes.
var fingerprinted = regexp.MustCompile(`[.-](?:[0-9a-f]{8,}|[0-9A-Za-z_-]{8})\.(?:js|mjs|css|woff2?|png|jpe?g|svg|webp|avif|wasm)$`)

// send answers with a file.
func (s *Site) send(w http.ResponseWriter, r *http.Request, name string, status int) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache") // kept, but asked for again: the tag answers
	if status == http.StatusOK && fingerprinted.MatchString(name) && strings.ContainsAny(path.Base(name), "0123456789") {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	served, encoding := s.compressed(w, r, name)
	f, err := s.root.Open(served)
	if err != nil {
		s.fault(w, err)
		return
	}
	defer f.Close()
	tag, err := s.tag(served, f)
	if err != nil {
		s.fault(w, err)
		return
	}
	header.Set("ETag", tag)
	if encoding != "" {
		header.Set("Content-Encoding", encoding)
	}
	if kind := contentType(name); kind != "" {
		header.Set("Content-Type", kind)
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
		if r.Method == http.MethodGet {
			_, _ = io.Copy(w, f)
		}
		return
	}
	http.ServeContent(w, r, name, time.Time{}, f)
}

func (s *Site) fault(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, fs.ErrNotExist) {
		status = http.StatusNotFound
	}
	http.Error(w, http.StatusText(status), status)
}

// compressed gives the file to send for another, which stands beside it with one more
// suffix, and how it is encoded.
func (s *Site) compressed(w http.ResponseWriter, r *http.Request, name string) (file, encoding string) {
	accepted := r.Header.Get("Accept-Encoding")
	for _, way := range []struct{ suffix, encoding string }{{".br", "br"}, {".gz", "gzip"}} {
		if s.isFile(name + way.suffix) {
			w.Header().Set("Vary", "Accept-Encoding")
			if accepts(accepted, way.encoding) {
				return name + way.suffix, way.encoding
			}
		}
	}
	return name, ""
}

// accepts tells whether an Accept-Encoding header takes an encoding.
func accepts(header, encoding string) bool {
	for _, part := range strings.Split(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}

// tag gives the entity tag of a file: a digest of its content, since a bundle never
// changes and its files carry no times.
func (s *Site) tag(name string, f io.ReadSeeker) (string, error) {
	s.mu.Lock()
	tag, ok := s.tags[name]
	s.mu.Unlock()
	if ok {
		return tag, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	tag = `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16]) + `"`
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tags) < tagsMax {
		s.tags[name] = tag
	}
	return tag, nil
}

// contentType gives the media type of a file's name for those that browsers are strict
// about, whatever the host's tables say; others are sniffed.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".wasm":
		return "application/wasm"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".xml":
		return "application/xml"
	case ".ico":
		return "image/x-icon"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".woff":
		return "font/woff"
	case ".woff2":
		return "font/woff2"
	case ".mp4":
		return "video/mp4"
	case ".pdf":
		return "application/pdf"
	}
	return "application/octet-stream"
}
