// SPDX-License-Identifier: Apache-2.0

package router

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Match is what a table says of a request.
type Match[T any] struct {
	// Found tells whether there is a route; Value is where it leads, Pattern which one it is.
	Found   bool
	Value   T
	Pattern front.Pattern
	// Params are what the pattern captured, in its order.
	Params []Param
	// Path is the clean path: the one that all must use from here.
	Path string
	// Host is the clean host, without a port. Known tells whether any route is there.
	Host  string
	Known bool
	// Allowed are the methods for which the path leads somewhere, when it does for none that
	// was asked: an answer of 405.
	Allowed []string
	// Err, of kind invalid, is why the host or the path is refused: an answer of 400.
	Err error
}

// Param is what a pattern captured.
type Param struct {
	Name  string
	Value string // not escaped
	Raw   string // as it stands in the path
}

// Match finds the route of a request: a host as the Host header has it, a method, and the
// escaped path without its query.
func (t *Table[T]) Match(name, method, escaped string) Match[T] {
	host, err := CleanHost(name)
	if err != nil {
		return Match[T]{Err: err}
	}
	path, doubt, err := clean(escaped)
	if err != nil {
		return Match[T]{Host: host, Err: err}
	}
	h := t.find(host)
	if h == nil {
		return Match[T]{Host: host, Path: path}
	}
	m := Match[T]{Host: host, Path: path, Known: true}
	w := walk[T]{path: path, method: method}
	found := w.host(h)
	if doubt != 0 && !sameEveryWay(h, found, method, path, doubt) {
		m.Err = ambiguous(doubt)
		return m
	}
	if found == nil {
		m.Allowed = w.allowed()
		return m
	}
	m.Found, m.Value, m.Pattern = true, found.value, found.pattern
	m.Params = w.params(found.pattern)
	return m
}

// sameEveryWay tells whether each way to read a path in doubt leads to the same pattern.
func sameEveryWay[T any](h *host[T], found *entry[T], method, path string, doubt doubts) bool {
	for way := doubts(1); way <= doubt; way++ {
		if way&doubt != way {
			continue
		}
		other, err := read(path, way)
		if err != nil {
			return false
		}
		w := walk[T]{path: other, method: method}
		if w.host(h) != found {
			return false
		}
	}
	return true
}

// walk looks for the pattern of one path.
type walk[T any] struct {
	path   string
	method string
	// spans are where the captures of the pattern begin and end in path.
	spans [capturesMax][2]int32
	// others take the path, not the method. With all, none is taken and others are all that
	// take the path, the best first.
	others []*entry[T]
	all    bool
}

// host looks among all patterns of a host.
func (w *walk[T]) host(h *host[T]) *entry[T] {
	for _, root := range h.tiers {
		if root == nil {
			continue
		}
		if e := w.down(root, 1, 0); e != nil {
			return e
		}
	}
	return nil
}

// down looks below n for what matches the path from its byte at; captured segments stand
// before.
func (w *walk[T]) down(n *node[T], at, captured int) *entry[T] {
	end := strings.IndexByte(w.path[at:], '/')
	last := end < 0
	if last {
		end = len(w.path)
	} else {
		end += at
	}
	if next := n.below(w.literal(w.path[at:end])); next != nil {
		if e := w.step(next, end, captured); e != nil {
			return e
		}
	}
	if n.capture != nil && end > at {
		w.spans[captured] = [2]int32{int32(at), int32(end)}
		if e := w.step(n.capture, end, captured+1); e != nil {
			return e
		}
	}
	if len(n.rest) > 0 {
		w.spans[captured] = [2]int32{int32(at), int32(len(w.path))}
		if e := w.take(n.rest); e != nil {
			return e
		}
	}
	if last && end == at && at > 1 {
		return w.take(n.ends) // the path is that of n, with a slash at its end
	}
	return nil
}

// step goes on after a segment that ends at the byte end.
func (w *walk[T]) step(n *node[T], end, captured int) *entry[T] {
	if end == len(w.path) {
		return w.take(n.ends)
	}
	return w.down(n, end+1, captured)
}

// take gives the pattern among those of one place, and notes those of other methods.
func (w *walk[T]) take(list []*entry[T]) *entry[T] {
	if w.all {
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(a, b *entry[T]) int { return int(a.takes(w.method) - b.takes(w.method)) })
	} else if e := pick(list, w.method); e != nil {
		return e
	}
	w.others = append(w.others, list...)
	return nil
}

// literal gives the text of a segment.
func (w *walk[T]) literal(segment string) string {
	if strings.IndexByte(segment, '%') < 0 {
		return segment
	}
	return unescape(segment)
}

// params gives what p captured.
func (w *walk[T]) params(p front.Pattern) []Param {
	n := 0
	for i := range p.Segments {
		if p.Segments[i].Name != "" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	params := make([]Param, 0, n)
	for i := range p.Segments {
		if name := p.Segments[i].Name; name != "" {
			span := w.spans[len(params)]
			raw := w.path[span[0]:span[1]]
			params = append(params, Param{name, w.literal(raw), raw})
		}
	}
	return params
}

// allowed gives the methods of the patterns that take the path.
func (w *walk[T]) allowed() []string {
	var methods []string
	for _, e := range w.others {
		methods = append(methods, e.pattern.Methods...)
		if slices.Contains(e.pattern.Methods, http.MethodGet) {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// ambiguous is the error of a path that leads elsewhere when it is read in another way.
func ambiguous(doubt doubts) error {
	return dayfly.Errorf(dayfly.KindInvalid, "the path can be read in several ways, which lead to different routes: it has %s",
		doubt)
}
