// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"strconv"
	"strings"
)

// Bounds of the work for one request: in proportion to its size, whatever the schemas are.
// Without them, schemas that choose between forms of themselves take time exponential in the
// depth of what the caller sends.
const (
	stepsMin      = 100_000
	stepsPerValue = 64
	nestingMax    = 2_000 // of checks in checks; each takes some 300 bytes of stack
)

// run is the check of one request or answer.
type run struct {
	in       string
	name     string // of the parameter that is checked alone
	response bool
	fields   []Field
	path     []step
	quiet    int // only whether a value passes is asked, not why
	values   int // of what is checked
	steps    int
	nesting  int
	stopped  bool
}

// step leads into an array, when index is not negative, or an object.
type step struct {
	key   string
	index int
}

// root checks a value against its schema.
func (r *run) root(n *node, value any) bool {
	r.path = r.path[:0]
	return r.check(n, value, nil)
}

// spend counts a step, and stops the run when there were too many.
func (r *run) spend() bool {
	if r.steps++; r.steps <= stepsMin || r.steps <= stepsPerValue*r.values {
		return true
	}
	if !r.stopped {
		quiet := r.quiet
		r.quiet, r.stopped = 0, true
		r.wrong("bound", "takes too long to check")
		r.quiet = quiet
	}
	return false
}

// wrong notes what is wrong with the value at hand. It gives false.
func (r *run) wrong(rule, message string) bool {
	if r.quiet == 0 && len(r.fields) < fieldsMax {
		r.fields = append(r.fields, Field{In: r.in, Field: r.field(), Message: message, Rule: rule})
	}
	return false
}

// wrongAt is wrong for a part of the value at hand.
func (r *run) wrongAt(key, rule, message string) {
	r.path = append(r.path, step{key, -1})
	r.wrong(rule, message)
	r.path = r.path[:len(r.path)-1]
}

// enough tells that no more needs to be found out.
func (r *run) enough() bool { return r.quiet > 0 || r.stopped || len(r.fields) >= fieldsMax }

// field names the value at hand.
func (r *run) field() string {
	var b strings.Builder
	b.WriteString(r.name)
	for i, s := range r.path {
		if i > 0 || r.in == InBody || r.in == InResponse || r.name != "" {
			b.WriteByte('/')
		}
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(pointerEscapes.Replace(s.key))
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// part checks a value inside the one at hand.
func (r *run) part(n *node, value any, at step) bool {
	r.path = append(r.path, at)
	ok := r.check(n, value, nil)
	r.path = r.path[:len(r.path)-1]
	return ok
}

// passes tells whether a value would pass, and reports nothing.
func (r *run) passes(n *node, value any, t *tracker) bool {
	r.quiet++
	ok := r.check(n, value, t)
	r.quiet--
	return ok
}

// tracker holds which parts of a value some schema has looked at, for the keywords
// unevaluatedProperties and unevaluatedItems.
type tracker struct {
	keys  map[string]bool
	items map[int]bool
}

func (t *tracker) key(key string) {
	if t == nil {
		return
	}
	if t.keys == nil {
		t.keys = map[string]bool{}
	}
	t.keys[key] = true
}

func (t *tracker) item(index int) {
	if t == nil {
		return
	}
	if t.items == nil {
		t.items = map[int]bool{}
	}
	t.items[index] = true
}

// inner gives a tracker for a schema that may fail, which forgets what it looked at.
func (t *tracker) inner() *tracker {
	if t == nil {
		return nil
	}
	return &tracker{}
}

func (t *tracker) merge(passed *tracker) {
	if t == nil || passed == nil {
		return
	}
	for key := range passed.keys {
		t.key(key)
	}
	for index := range passed.items {
		t.item(index)
	}
}
