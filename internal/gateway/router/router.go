// SPDX-License-Identifier: Apache-2.0

package router

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// visitsMax bounds the nodes that a request may visit. Routes of real APIs need fewer
	// than two for a segment; a thousand take some twenty microseconds.
	visitsMax = 1000
	// capturesMax bounds the captures of a pattern: a pattern has as many segments.
	capturesMax = 64
)

// Table holds routes by host. It does not change.
type Table[T any] struct {
	exact  map[string]*host[T]
	parent map[string]*host[T] // of "*.example.com", by "example.com"
	any    *host[T]            // of "*"
}

// host holds the routes of one host, by how well their patterns name it.
type host[T any] struct {
	name  string
	tiers [tiers]*node[T]
}

// Tiers of a host: its patterns name it, name a wildcard that it is under, or name none.
const (
	tierNamed = iota
	tierWildcard
	tierAll
	tiers
)

// Builder makes a table.
type Builder[T any] struct{ table *Table[T] }

// New begins a table.
func New[T any]() *Builder[T] {
	return &Builder[T]{&Table[T]{exact: map[string]*host[T]{}, parent: map[string]*host[T]{}}}
}

// Add lets requests that p matches at a host lead to value. The host is "*", "*.PARENT" or a
// name. Where p names a host itself, it may be that host or a wildcard of it: a pattern
// answers only at the hosts for which it is added (Spread).
//
// An error names the pattern that matches the same requests.
func (b *Builder[T]) Add(name string, p front.Pattern, value T) error {
	if len(p.Segments) == 0 || len(p.Captures()) > capturesMax {
		return fmt.Errorf("the pattern %s was not parsed", p)
	}
	name = strings.ToLower(name)
	tier := tierOf(name, p.Host)
	if tier < 0 {
		return fmt.Errorf("the pattern %s does not answer at %s", p, name)
	}
	h := b.host(name)
	if h.tiers[tier] == nil {
		h.tiers[tier] = &node[T]{visits: 1}
	}
	root := h.tiers[tier]
	if err := root.add(p.Segments, &entry[T]{pattern: p, value: value}); err != nil {
		return err
	}
	if root.visits > visitsMax {
		return fmt.Errorf("with %s, a request could match too many patterns halfway: use fewer that have a text "+
			"and a capture in the same place", p)
	}
	return nil
}

// tierOf says how well the host of a pattern names a host, or -1.
func tierOf(name, pattern string) int {
	_, parent, _ := strings.Cut(name, ".")
	switch {
	case pattern == "":
		return tierAll
	case pattern == name && name != "*" && !strings.HasPrefix(name, "*."):
		return tierNamed
	case pattern == name, pattern == "*", pattern == "*."+parent:
		return tierWildcard
	}
	return -1
}

// host gives the host of that name.
func (b *Builder[T]) host(name string) *host[T] {
	t := b.table
	if name == "*" {
		if t.any == nil {
			t.any = &host[T]{name: name}
		}
		return t.any
	}
	of, key := t.exact, name
	if parent, ok := strings.CutPrefix(name, "*."); ok {
		of, key = t.parent, parent
	}
	if of[key] == nil {
		of[key] = &host[T]{name: name}
	}
	return of[key]
}

// Build gives the table. The builder must not be used after it.
func (b *Builder[T]) Build() *Table[T] {
	t := b.table
	b.table = nil
	return t
}

// With gives a table that has the hosts of other in place of its own of the same names, and
// none of the hosts gone that other does not have. Both share what they have in common: it
// takes as long as there are hosts, however many routes these have.
func (t *Table[T]) With(other *Table[T], gone ...string) *Table[T] {
	next := &Table[T]{exact: maps.Clone(t.exact), parent: maps.Clone(t.parent), any: t.any}
	for _, name := range gone {
		name = strings.ToLower(name)
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			delete(next.parent, parent)
		} else if name == "*" {
			next.any = nil
		} else {
			delete(next.exact, name)
		}
	}
	maps.Copy(next.exact, other.exact)
	maps.Copy(next.parent, other.parent)
	if other.any != nil {
		next.any = other.any
	}
	return next
}

// Hosts are the names of the hosts that have routes, sorted.
func (t *Table[T]) Hosts() []string {
	var names []string
	for _, of := range []map[string]*host[T]{t.exact, t.parent} {
		for _, h := range of {
			names = append(names, h.name)
		}
	}
	if t.any != nil {
		names = append(names, t.any.name)
	}
	slices.Sort(names)
	return names
}

// find gives the host that answers for a name, which is clean.
func (t *Table[T]) find(name string) *host[T] {
	if h := t.exact[name]; h != nil {
		return h
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if h := t.parent[parent]; h != nil {
			return h
		}
	}
	return t.any
}

// Has reports whether some host of the table answers for a name, as a Host header has it.
func (t *Table[T]) Has(name string) bool {
	clean, err := CleanHost(name)
	return err == nil && t.find(clean) != nil
}

// Names reports whether a host of the table, not "*", answers for a name.
func (t *Table[T]) Names(name string) bool {
	clean, err := CleanHost(name)
	if err != nil {
		return false
	}
	h := t.find(clean)
	return h != nil && h != t.any
}

// Spread says at which hosts the patterns of a front are to be added: one that names no host
// at all of them, one that names a wildcard also at those below it. Hosts are those of the
// front and those that patterns name; the result has, for each, indexes of patterns.
func Spread(hosts []string, patterns []front.Pattern) map[string][]int {
	spread := make(map[string][]int, len(hosts))
	for _, name := range hosts {
		spread[strings.ToLower(name)] = nil
	}
	for _, p := range patterns {
		if p.Host != "" {
			spread[p.Host] = nil
		}
	}
	for name := range spread {
		for i, p := range patterns {
			if tierOf(name, p.Host) >= 0 {
				spread[name] = append(spread[name], i)
			}
		}
	}
	return spread
}

// entry is one pattern and where it leads.
type entry[T any] struct {
	pattern front.Pattern
	value   T
}

// takes says how well e takes a method: by its name, as HEAD of a GET, as all do, or not.
func (e *entry[T]) takes(method string) fit {
	methods := e.pattern.Methods
	switch {
	case len(methods) == 0:
		return fitsAll
	case slices.Contains(methods, method):
		return fitsNamed
	case method == http.MethodHead && slices.Contains(methods, http.MethodGet):
		return fitsHead
	}
	return fitsNot
}

// fit is how well a pattern takes a method; less is better.
type fit int

const (
	fitsNamed fit = iota
	fitsHead
	fitsAll
	fitsNot
)
