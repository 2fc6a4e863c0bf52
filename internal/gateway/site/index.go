// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	filesMax     = 100_000 // of a site; each takes some 500 bytes of memory
	indexFile    = "index.html"
	notFoundFile = "404.html"
	wellKnown    = ".well-known" // the one hidden folder that is for the public: RFC 8615
)

// entry is a file of the site.
type entry struct {
	name      string // below the folder, with slashes
	size      int64
	kind      []string // Content-Type
	length    []string // Content-Length
	immutable bool
	mu        sync.Mutex // one reads the file at a time
	prepared  atomic.Pointer[prepared]
	beside    [codings]*entry // compressed by whoever built the site
}

// page is what answers a path: a file, or the path that is its one address.
type page struct {
	entry *entry
	to    string
}

// walk finds the files, and the paths at which they answer.
func (s *Site) walk() error {
	if err := checkGlobs(s.spec.Immutable); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return fmt.Errorf("open site %s: %w", s.dir, err)
	}
	defer root.Close()
	s.entries = map[string]*entry{}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read site: %w", err)
		}
		if hidden(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return s.enter(root, name, d)
	})
	if err != nil {
		return err
	}
	return s.lay()
}

// hidden reports whether a file or folder is not for the public.
func hidden(name string) bool {
	base := path.Base(name)
	switch name {
	case ".", wellKnown:
		return false
	case headersFile, redirectsFile, "dayfly.yaml", "dayfly.yml":
		return true
	}
	return base[0] == '.' || !utf8.ValidString(name)
}

// enter takes a file in. A link counts as what it leads to, if that is a file inside.
func (s *Site) enter(root *os.Root, name string, d fs.DirEntry) error {
	if d.IsDir() {
		return nil
	}
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		s.opts.Log.Debug("file of a site left out", "file", name, "error", err)
		return nil
	}
	if len(s.order) == filesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the site has more than %d files", filesMax)
	}
	e := &entry{name: name, size: info.Size(), kind: []string{kindOf(name)},
		length: []string{strconv.FormatInt(info.Size(), 10)}}
	e.immutable = hashed(name) || matchesAny(s.spec.Immutable, name)
	s.entries[name] = e
	s.order = append(s.order, e)
	return nil
}

// lay says at which paths the files answer. A file's own name comes before what is made of
// another's.
func (s *Site) lay() error {
	s.pages = make(map[string]page, len(s.entries))
	for name, e := range s.entries {
		s.pages[name] = page{entry: e}
		for i, suffix := range suffixes {
			if small := s.entries[name+suffix]; small != nil {
				e.beside[i] = small
			}
		}
	}
	clean := s.spec.CleanURLs == nil || *s.spec.CleanURLs
	for _, e := range s.order {
		if path.Base(e.name) == indexFile {
			s.layIndex(e, clean)
		}
	}
	for _, e := range s.order {
		if stem, ok := strings.CutSuffix(e.name, ".html"); ok && clean && path.Base(e.name) != indexFile && path.Base(stem) != "." {
			s.layClean(e, stem)
		}
	}
	for _, e := range s.order {
		if folder, ok := strings.CutSuffix(e.name, "/"+indexFile); ok {
			s.offer(folder, page{to: folder + "/"})
		}
	}
	return s.standIns()
}

// layIndex lays the page of a folder: at /docs/, where /docs leads.
func (s *Site) layIndex(e *entry, clean bool) {
	folder := strings.TrimSuffix(e.name, indexFile)
	s.offer(folder, page{entry: e})
	if clean {
		s.pages[e.name] = page{to: folder}
		s.offer(folder+"index", page{to: folder})
	}
}

// layClean lays about.html at /about, unless a file has that name.
func (s *Site) layClean(e *entry, stem string) {
	if !s.offer(stem, page{entry: e}) {
		return
	}
	s.pages[e.name] = page{to: stem}
	s.offer(stem+"/", page{to: stem})
}

func (s *Site) offer(at string, p page) bool {
	if _, taken := s.pages[at]; taken {
		return false
	}
	s.pages[at] = p
	return true
}

// standIns finds the files that the front names.
func (s *Site) standIns() error {
	if name := s.spec.Fallback; name != "" {
		if s.fallback = s.entries[name]; s.fallback == nil {
			return dayfly.Errorf(dayfly.KindInvalid, "the site has no file %.80q, its fallback", name)
		}
	}
	if name := s.spec.NotFound; name != "" && s.entries[name] == nil {
		return dayfly.Errorf(dayfly.KindInvalid, "the site has no file %.80q, its page for what is not found", name)
	}
	if len(s.entries) == 0 && s.spec.Otherwise == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "the site has no files")
	}
	return nil
}
