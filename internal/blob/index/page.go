// SPDX-License-Identifier: Apache-2.0

package index

import (
	"context"
	"strings"
)

const (
	// pageMax bounds a page of a list, as in S3.
	pageMax = 1000
	// scanMax is how many keys are looked at before writers get their turn.
	scanMax = 4096
)

// Query asks for the keys of a bucket, or for their versions.
type Query struct {
	Prefix    string
	Delimiter string // keys with it after the prefix are told as one common prefix
	After     string // only what is greater
	// AfterVersion continues within the versions of the key After; with Versions only.
	AfterVersion string
	// Max bounds objects and prefixes together: 1 to 1,000; 0 is 1,000.
	Max      int
	Versions bool // every version and marker, each key's newest first
}

// Item is a version in a page.
type Item struct {
	Key string
	Version
	Latest bool
}

// Page is what a query finds, in the order of the keys' bytes.
type Page struct {
	Items    []Item
	Prefixes []string
	// Truncated tells that there is more, after Next (and NextVersion).
	Truncated   bool
	Next        string
	NextVersion string
}

// Page gives what a query asks for.
func (x *Index) Page(ctx context.Context, q Query) (Page, error) {
	q.Max = Limit(q.Max)
	p := pager{q: q, pivot: max(q.Prefix, q.After)}
	for more := true; more; {
		if err := context.Cause(ctx); err != nil {
			return Page{}, err
		}
		x.mu.RLock()
		more = p.scan(x)
		x.mu.RUnlock()
	}
	return p.out, nil
}

// Limit gives the size of a page that was asked for.
func Limit(n int) int {
	if n <= 0 || n > pageMax {
		return pageMax
	}
	return n
}

// pager collects a page. It lets go of the bucket now and then, and each time it jumps
// over what a common prefix covers.
type pager struct {
	q     Query
	pivot string // where to go on
	out   Page
}

// scan looks at keys from the pivot on and tells whether there is more to look at.
func (p *pager) scan(x *Index) (more bool) {
	looked := 0
	x.tree.Ascend(&entry{key: p.pivot}, func(e *entry) bool {
		if !strings.HasPrefix(e.key, p.q.Prefix) {
			return false
		}
		if looked++; looked > scanMax {
			p.pivot, more = e.key, true
			return false
		}
		if prefix, ok := RolledUp(e.key, p.q.Prefix, p.q.Delimiter); ok {
			return p.prefix(e, prefix, &more)
		}
		if e.key < p.q.After || e.key == p.q.After && p.q.AfterVersion == "" && p.q.After != "" {
			return true
		}
		return p.entry(e)
	})
	return more
}

// prefix adds the common prefix of e and tells whether to go on with the next key; it
// sets more when the scan is to begin again behind the prefix.
func (p *pager) prefix(e *entry, prefix string, more *bool) bool {
	if prefix > p.q.After {
		if !e.visible(p.q.Versions) {
			return true
		}
		if !p.room() {
			return false
		}
		p.out.Prefixes = append(p.out.Prefixes, prefix)
		p.out.Next, p.out.NextVersion = prefix, ""
	}
	p.pivot, *more = successor(prefix)
	return false
}

// entry adds an object or its versions and tells whether to go on.
func (p *pager) entry(e *entry) bool {
	latest := true
	skipping := e.key == p.q.After && e.has(p.q.AfterVersion)
	for i := range e.versions {
		v := &e.versions[i]
		switch {
		case v.Is(Gone):
			continue
		case skipping:
			skipping = v.Name() != p.q.AfterVersion
		case !p.q.Versions && v.Is(Marker):
			return true
		case !p.room():
			return false
		default:
			p.out.Items = append(p.out.Items, Item{e.key, *v, latest})
			p.out.Next, p.out.NextVersion = e.key, v.Name()
		}
		if !p.q.Versions {
			return true
		}
		latest = false
	}
	return true
}

// has tells whether there is a version of that name.
func (e *entry) has(name string) bool {
	for _, v := range e.versions {
		if v.Name() == name && !v.Is(Gone) {
			return true
		}
	}
	return false
}

// room tells whether the page takes one more; when not, it is marked as truncated.
func (p *pager) room() bool {
	p.out.Truncated = len(p.out.Items)+len(p.out.Prefixes) == p.q.Max
	return !p.out.Truncated
}

// RolledUp gives the common prefix that stands for key.
func RolledUp(key, prefix, delimiter string) (string, bool) {
	if delimiter == "" {
		return "", false
	}
	at := strings.Index(key[len(prefix):], delimiter)
	if at < 0 {
		return "", false
	}
	return key[:len(prefix)+at+len(delimiter)], true
}

// successor gives the least string that is greater than all that begin with prefix, and
// whether there is one.
func successor(prefix string) (string, bool) {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1}), true
		}
	}
	return "", false
}
