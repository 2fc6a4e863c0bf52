// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// Options are what a site is told beside its front.
type Options struct {
	Log *slog.Logger
	// Shelf is shared by the sites of a node; nil gives the site a small one of its own.
	Shelf *Shelf
	// Modified is when the site was published. It is Last-Modified of every file; none is
	// told when it is zero, since the files of a bundle have no times.
	Modified time.Time
	// Private says that answers are for one caller alone, as behind a login: caches that
	// several callers share are then told to keep nothing.
	Private bool
}

// Site is an open folder.
type Site struct {
	dir      string
	spec     front.Site
	opts     Options
	modified []string // Last-Modified
	pages    map[string]page
	entries  map[string]*entry // by name
	order    []*entry          // as they are prepared
	fallback *entry
	headers  headerRules
	redirect redirectRules
	cancel   context.CancelFunc
	worker   sync.WaitGroup
	done     chan struct{} // closed when the files are prepared
	mu       sync.Mutex    // guards shelved
	shelved  int64         // bytes of the shelf that are ours; negative once they were given back
}

// Outcome is what became of a request.
type Outcome struct {
	// Handled says that the answer was sent. What was not handled is for the function that
	// the site names, or not found.
	Handled bool
	// Rewrite is where a rule sends the request inside this host: an escaped path, with a
	// query. It is to be routed once more, and if it then comes to a site, to ServeFile.
	Rewrite string
	// Allow are the methods of a file that was asked for by another: 405.
	Allow []string
}

// Open reads what is in dir. The error names the file and line at fault.
func Open(dir string, spec front.Site, opts Options) (*Site, error) {
	if opts.Shelf == nil {
		opts.Shelf = NewShelf(ownShelfBytes)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Site{dir: dir, spec: spec, opts: opts, done: make(chan struct{})}
	if !opts.Modified.IsZero() {
		s.modified = []string{opts.Modified.UTC().Format(http.TimeFormat)}
	}
	if err := s.walk(); err != nil {
		return nil, err
	}
	if err := s.readRules(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.worker.Go(func() { s.prepareAll(ctx) })
	return s, nil
}

// Close ends the work in the background and gives the memory back. Requests that are under
// way, or still to come, are served from the folder.
func (s *Site) Close() error {
	s.cancel()
	s.worker.Wait()
	s.mu.Lock()
	shelved := s.shelved
	s.shelved = -1
	s.mu.Unlock()
	if shelved < 0 {
		return nil
	}
	for _, e := range s.order {
		e.prepared.Store(nil)
	}
	s.opts.Shelf.give(shelved)
	return nil
}

// Prepared is closed when every file has its tag and its compressed forms.
func (s *Site) Prepared() <-chan struct{} { return s.done }

// Serve answers a request for path: the decoded part of the URL's path that the site is to
// answer for, with or without its first slash.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, path string) Outcome {
	q := s.query(r, path)
	found, has := s.pages[q.path]
	if rule, ok := s.redirect.match(&q, has); ok {
		return s.apply(w, &q, rule)
	}
	return s.answer(w, &q, found, has)
}

// ServeFile is Serve without the rules of _redirects, for a request that came by one.
func (s *Site) ServeFile(w http.ResponseWriter, r *http.Request, path string) Outcome {
	q := s.query(r, path)
	found, has := s.pages[q.path]
	return s.answer(w, &q, found, has)
}

// query is a request for a path of the site.
type query struct {
	*http.Request
	path  string // without its first slash
	mount string // where the site stands: a path, not escaped, with a slash at both ends
}

func (s *Site) query(r *http.Request, path string) query {
	q := query{Request: r, path: strings.TrimPrefix(path, "/"), mount: "/"}
	if before, ok := strings.CutSuffix(r.URL.Path, q.path); ok && strings.HasSuffix(before, "/") {
		q.mount = "/" + strings.Trim(before, "/") + "/"
		if q.mount == "//" {
			q.mount = "/"
		}
	}
	return q
}

// reads reports whether the request is one for a file.
func (q *query) reads() bool { return q.Method == http.MethodGet || q.Method == http.MethodHead }

// answer serves what was found, or what stands in for what was not.
func (s *Site) answer(w http.ResponseWriter, q *query, found page, has bool) Outcome {
	switch {
	case has && !q.reads() && s.spec.Otherwise == "":
		return Outcome{Allow: []string{http.MethodGet, http.MethodHead}}
	case !q.reads():
		return Outcome{}
	case has && found.entry != nil:
		s.send(w, q, found.entry, http.StatusOK)
	case has:
		s.move(w, q, found.to)
	case s.fallback != nil && navigates(q):
		s.send(w, q, s.fallback, http.StatusOK)
	case s.spec.Otherwise != "":
		return Outcome{}
	default:
		missing := s.missing(q.path)
		if missing == nil {
			return Outcome{}
		}
		s.send(w, q, missing, http.StatusNotFound)
	}
	return Outcome{Handled: true}
}

// navigates tells a page that an application in the browser may know from a file that is
// missing: a script that got the page of the application would fail without a word.
func navigates(q *query) bool {
	last := q.path[strings.LastIndexByte(q.path, '/')+1:]
	dot := strings.LastIndexByte(last, '.')
	if dot < 0 {
		return true
	}
	kind := kindOf(last)
	return kind == unknownKind || strings.HasPrefix(kind, "text/html") ||
		strings.Contains(q.Header.Get("Accept"), "text/html")
}

// missing gives the page that goes with a 404: the nearest one up the folders.
func (s *Site) missing(path string) *entry {
	if s.spec.NotFound != "" {
		return s.entries[s.spec.NotFound]
	}
	for {
		slash := strings.LastIndexByte(path, '/')
		path = path[:slash+1]
		if e := s.entries[path+notFoundFile]; e != nil {
			return e
		}
		if slash < 0 {
			return nil
		}
		path = path[:slash]
	}
}

// move sends a caller to the one address of a page.
func (s *Site) move(w http.ResponseWriter, q *query, to string) {
	s.locate(w, q, q.mount+to, http.StatusPermanentRedirect)
}

// locate answers with a redirect to a path of this host, with the query of the request.
func (s *Site) locate(w http.ResponseWriter, q *query, path string, status int) {
	to := url.URL{Path: path, RawQuery: q.URL.RawQuery}
	header := w.Header()
	header["Location"] = []string{to.String()}
	header["Cache-Control"] = s.cacheValue(cacheCheck)
	header["Content-Length"] = []string{"0"}
	s.headers.apply(header, q)
	w.WriteHeader(status)
}
