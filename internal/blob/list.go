// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

const (
	// pageMax bounds a page of a list, as in S3.
	pageMax = 1000
	// scanMax is how many keys are looked at before writers get their turn.
	scanMax = 4096
)

// List gives a page of what a bucket holds.
func (s *Store) List(ctx context.Context, ref BucketRef, q ListQuery) (Listing, error) {
	b, err := s.bucket(ref)
	if err != nil {
		return Listing{}, err
	}
	if q.Max < 0 {
		return Listing{}, dayfly.Errorf(dayfly.KindInvalid, "a page of %d entries", q.Max)
	}
	if q.Max == 0 || q.Max > pageMax {
		q.Max = pageMax
	}
	p := pager{q: q, pivot: max(q.Prefix, q.After)}
	for more := true; more; {
		if err := context.Cause(ctx); err != nil {
			return Listing{}, err
		}
		b.mu.RLock()
		more = p.scan(b)
		b.mu.RUnlock()
	}
	return p.out, nil
}

// pager collects a page. It lets go of the bucket now and then, and each time it jumps
// over what a common prefix covers.
type pager struct {
	q     ListQuery
	pivot string // where to go on
	out   Listing
}

// scan looks at keys from the pivot on and tells whether there is more to look at.
func (p *pager) scan(b *bucket) (more bool) {
	looked := 0
	b.tree.Ascend(&entry{key: p.pivot}, func(e *entry) bool {
		if !strings.HasPrefix(e.key, p.q.Prefix) {
			return false
		}
		if looked++; looked > scanMax {
			p.pivot, more = e.key, true
			return false
		}
		if prefix, ok := rolledUp(e.key, p.q.Prefix, p.q.Delimiter); ok {
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
		case v.is(flagGone):
			continue
		case skipping:
			skipping = v.name() != p.q.AfterVersion
		case !p.q.Versions && v.is(flagMarker):
			return true
		case !p.room():
			return false
		default:
			object := v.object(e.key)
			object.Latest = latest
			p.out.Objects = append(p.out.Objects, object)
			p.out.Next, p.out.NextVersion = e.key, object.VersionID
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
		if v.name() == name && !v.is(flagGone) {
			return true
		}
	}
	return false
}

// room tells whether the page takes one more; when not, it is marked as truncated.
func (p *pager) room() bool {
	p.out.Truncated = len(p.out.Objects)+len(p.out.Prefixes) == p.q.Max
	return !p.out.Truncated
}

// rolledUp gives the common prefix that stands for key.
func rolledUp(key, prefix, delimiter string) (string, bool) {
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
