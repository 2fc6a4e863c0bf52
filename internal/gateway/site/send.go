// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/internal/gateway/encode"
)

// The values of Cache-Control, for callers in general and for one alone.
const (
	cacheCheck   = "max-age=0, must-revalidate"
	cacheForever = "max-age=31536000, immutable" // a year, the most that RFC 9111 advises
)

var (
	nosniff    = []string{"nosniff"}
	varied     = []string{"Accept-Encoding"}
	ranged     = []string{"bytes"}
	shared     = map[string][]string{cacheCheck: {"public, " + cacheCheck}, cacheForever: {"public, " + cacheForever}}
	private    = map[string][]string{cacheCheck: {"private, " + cacheCheck}, cacheForever: {"private, " + cacheForever}}
	codingText = [codings][]string{{"br"}, {"zstd"}, {"gzip"}}
)

// buffers carry files to writers that cannot take a file as it is.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

func (s *Site) cacheValue(kind string) []string {
	if s.opts.Private {
		return private[kind]
	}
	return shared[kind]
}

// form is one form of a file: as it is, or compressed.
type form struct {
	coding  []string // Content-Encoding; nil for none
	tag     []string // its entity tag; nil while it is not known
	length  []string
	content []byte // in memory, or else
	file    *entry // on disk
}

// send answers with a file.
func (s *Site) send(w http.ResponseWriter, q *query, e *entry, status int) {
	f := s.form(q, e, status)
	header := w.Header()
	header["Content-Type"] = e.kind
	header["X-Content-Type-Options"] = nosniff
	s.keep(header, e, &f, status)
	if encode.Compressible(e.kind[0]) {
		addVary(header)
	}
	s.headers.apply(header, q)
	if f.coding != nil {
		header["Content-Encoding"] = f.coding
	}
	if status != http.StatusOK {
		s.write(w, q, &f, status)
		return
	}
	switch verdict := conditions(q.Header, first(f.tag), first(s.modified)); {
	case verdict == http.StatusNotModified:
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length"} {
			delete(header, name)
		}
		w.WriteHeader(verdict)
	case verdict != 0:
		w.WriteHeader(verdict)
	case q.Header.Get("Range") != "" && q.Method == http.MethodGet:
		s.parts(w, q, &f)
	default:
		s.write(w, q, &f, status)
	}
}

// keep says how long and by what the answer may be kept.
func (s *Site) keep(header http.Header, e *entry, f *form, status int) {
	cache := cacheCheck
	if e.immutable && status == http.StatusOK {
		cache = cacheForever
	}
	header["Cache-Control"] = s.cacheValue(cache)
	if status != http.StatusOK {
		return
	}
	header["Accept-Ranges"] = ranged
	if f.tag != nil {
		header["Etag"] = f.tag
	}
	if s.modified != nil {
		header["Last-Modified"] = s.modified
	}
}

func addVary(header http.Header) {
	if len(header["Vary"]) == 0 {
		header["Vary"] = varied
		return
	}
	header.Add("Vary", varied[0])
}

// form chooses the form that the caller likes best among those there are. A part is always
// one of the file as it is: its tag differs from those of the others.
func (s *Site) form(q *query, e *entry, status int) form {
	p := s.prepare(e)
	whole := form{length: e.length, file: e}
	if p != nil {
		whole.tag, whole.content = p.tag, p.content
	}
	accept := q.Header["Accept-Encoding"]
	if len(accept) == 0 || status == http.StatusOK && q.Header.Get("Range") != "" {
		return whole
	}
	var offered [codings]encode.Coding
	n := 0
	for i, coding := range codingOrder {
		if p != nil && p.forms[i].coding != nil {
			offered[n], n = coding, n+1
		}
	}
	if n == 0 {
		return whole
	}
	chosen := encode.Choose(accept, offered[:n]...)
	for i, coding := range codingOrder {
		if coding == chosen {
			return p.forms[i]
		}
	}
	return whole
}

// write sends a form as a whole.
func (s *Site) write(w http.ResponseWriter, q *query, f *form, status int) {
	var file *os.File
	if f.content == nil {
		var err error
		if file, err = s.open(f.file); err != nil {
			s.lost(w, f.file, err)
			return
		}
		defer file.Close()
	}
	w.Header()["Content-Length"] = f.length
	w.WriteHeader(status)
	if q.Method == http.MethodHead {
		return
	}
	if file == nil {
		_, _ = w.Write(f.content) // a caller that went away is nobody's error
		return
	}
	copyFile(w, io.LimitReader(file, f.file.size))
}

// copyFile hands a file to the kernel where the connection allows that.
func copyFile(w http.ResponseWriter, from io.Reader) {
	if to, ok := w.(io.ReaderFrom); ok {
		_, _ = to.ReadFrom(from)
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	_, _ = io.CopyBuffer(w, from, *buffer)
}

// parts sends what a Range header asks for: one part, several, all of it, or 416.
func (s *Site) parts(w http.ResponseWriter, q *query, f *form) {
	var modified time.Time // the conditions are judged already, but for If-Range
	if q.Header.Get("If-Range") != "" {
		modified = s.opts.Modified
	}
	if f.content != nil {
		http.ServeContent(w, q.Request, "", modified, bytes.NewReader(f.content))
		return
	}
	file, err := s.open(f.file)
	if err != nil {
		s.lost(w, f.file, err)
		return
	}
	defer file.Close()
	http.ServeContent(w, q.Request, "", modified, file)
}

// open opens a file, wherever a link in its path may lead by now: never outside.
func (s *Site) open(e *entry) (*os.File, error) { return os.OpenInRoot(s.dir, e.name) }

// lost answers for a file that was there when the site was opened.
func (s *Site) lost(w http.ResponseWriter, e *entry, err error) {
	s.opts.Log.Error("file of a site is gone", "site", s.dir, "file", e.name, "error", err)
	header := w.Header()
	for _, name := range []string{"Etag", "Last-Modified", "Content-Encoding", "Accept-Ranges"} {
		delete(header, name)
	}
	header["Cache-Control"] = []string{"no-store"}
	header["Content-Type"] = []string{"text/plain; charset=utf-8"}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "this file cannot be read now\n")
}

// conditions judges the conditions of a request in the order of RFC 9110, 13.2.2: 0 to
// answer as usual, else 304 or 412. A date counts when it is that of the site to the second:
// a file of an earlier state may well be younger than the one before.
func conditions(header http.Header, tag, modified string) int {
	if match := header["If-Match"]; len(match) > 0 {
		if !matchesTag(match, tag, false) {
			return http.StatusPreconditionFailed
		}
	} else if since := header.Get("If-Unmodified-Since"); since != "" && modified != "" && since != modified {
		return http.StatusPreconditionFailed
	}
	if match := header["If-None-Match"]; len(match) > 0 {
		if matchesTag(match, tag, true) {
			return http.StatusNotModified
		}
	} else if since := header.Get("If-Modified-Since"); since != "" && since == modified {
		return http.StatusNotModified
	}
	return 0
}

// matchesTag reports whether a list of tags holds ours.
func matchesTag(list []string, tag string, weakly bool) bool {
	for _, value := range list {
		for item := range strings.SplitSeq(value, ",") {
			item = strings.Trim(item, " \t")
			if weakly {
				item = strings.TrimPrefix(item, "W/")
			}
			if item == "*" || tag != "" && item == tag {
				return true
			}
		}
	}
	return false
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func lengthOf(content []byte) []string { return []string{strconv.Itoa(len(content))} }
