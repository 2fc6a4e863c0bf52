// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// purgesMax is how many purges are remembered, for answers that were on their way when they
// came. An answer that is older than the oldest is not kept.
const purgesMax = 4096

// Purge says which answers to forget.
type Purge = front.Purge

// purge is one that is carried out.
type purge struct {
	project dayfly.ProjectName
	what    Purge
	host    string // "" for all
	path    string
	query   string
	anyways bool // whatever the query
}

func newPurge(project dayfly.ProjectName, what Purge) purge {
	p := purge{project: project, what: what, anyways: true}
	u, err := url.Parse(what.URL + what.Prefix)
	if err != nil {
		return p
	}
	p.host, p.path = strings.ToLower(u.Host), u.EscapedPath()
	if p.path == "" {
		p.path = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		p.query, p.anyways = u.RawQuery, false
	}
	return p
}

// hits tells whether an entry is meant.
func (p *purge) hits(e *entry) bool {
	if e.project != p.project {
		return false
	}
	here := p.host == "" || p.host == e.host
	switch {
	case p.what.All:
		return true
	case p.what.Route != "":
		return e.route == p.what.Route
	case p.what.Tag != "":
		return slices.Contains(e.tags, p.what.Tag)
	case p.what.Prefix != "":
		return here && strings.HasPrefix(e.path, p.path)
	}
	return here && e.path == p.path && (p.anyways || e.query == p.query)
}

// purges are the latest, numbered from 1.
type purges struct {
	last   uint64
	recent []purge // recent[i] has the number last-len+1+i
}

func (l *purges) add(p purge) {
	if len(l.recent) >= purgesMax {
		l.recent = slices.Clone(l.recent[purgesMax/2:])
	}
	l.recent = append(l.recent, p)
	l.last++
}

// since tells whether a purge hit the entry after the one numbered began.
func (l *purges) since(began uint64, e *entry) bool {
	behind := l.last - began
	if behind > uint64(len(l.recent)) {
		return true
	}
	return slices.ContainsFunc(l.recent[len(l.recent)-int(behind):], func(p purge) bool { return p.hits(e) })
}

// Purge forgets answers of a project, those on their way too, and gives how many there were.
func (c *Cache) Purge(project dayfly.ProjectName, what Purge) int {
	return c.carryOut(newPurge(project, what), func(p *purge) []*entry {
		var list []*entry
		for _, at := range c.resources {
			for _, e := range at.variants {
				if p.hits(e) {
					list = append(list, e)
				}
			}
		}
		return list
	})
}

// Changed forgets what is kept of an address, because a request changed it: RFC 9111 §4.4.
// The door calls it for routes without a cache too.
func (c *Cache) Changed(project dayfly.ProjectName, host, escapedPath string) {
	p := purge{project: project, host: strings.ToLower(host), path: escapedPath, anyways: true}
	c.carryOut(p, func(p *purge) []*entry {
		return slices.Collect(maps.Keys(c.addresses[address{p.project, p.host, p.path}]))
	})
}

func (c *Cache) carryOut(p purge, find func(*purge) []*entry) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.purges.add(p)
	list := find(&p)
	for _, e := range list {
		c.remove(e)
	}
	return len(list)
}

// Stats tells what there is, and what was asked since the node started.
func (c *Cache) Stats(project dayfly.ProjectName) front.CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := front.CacheStats{BytesMax: c.bytesMax, Routes: []front.CachedRoute{}}
	if n := c.counters[project]; n != nil {
		s.Hits, s.Stale, s.Misses, s.Bypassed = n.hits, n.stale, n.misses, n.bypassed
	}
	routes := map[string]front.CachedRoute{}
	for _, at := range c.resources {
		for _, e := range at.variants {
			if e.project == project {
				r := routes[e.route]
				routes[e.route] = front.CachedRoute{Route: e.route, Entries: r.Entries + 1, Bytes: r.Bytes + e.size}
				s.Entries, s.Bytes = s.Entries+1, s.Bytes+e.size
			}
		}
	}
	for _, r := range routes {
		s.Routes = append(s.Routes, r)
	}
	slices.SortFunc(s.Routes, func(a, b front.CachedRoute) int { return strings.Compare(a.Route, b.Route) })
	return s
}
