// SPDX-License-Identifier: Apache-2.0

package router

import (
	"fmt"
	"slices"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// listMax is up to how many texts a node compares one by one; more are hashed.
const listMax = 6

// node is a place between two slashes of a path, and what may follow.
type node[T any] struct {
	few     []child[T]          // literal segments, while they are few
	many    map[string]*node[T] // and else
	capture *node[T]
	rest    []*entry[T] // patterns that capture all that follows
	ends    []*entry[T] // patterns that end here
	visits  int         // nodes that a request visits at most from here, this one included
	literal int         // the most of those below a literal segment
}

type child[T any] struct {
	text string
	node *node[T]
}

// add puts e below n, where its segments lead.
func (n *node[T]) add(segments []front.Segment, e *entry[T]) error {
	if len(segments) == 0 {
		var err error
		n.ends, err = insert(n.ends, e)
		return err
	}
	s, next := segments[0], (*node[T])(nil)
	switch {
	case s.Rest:
		var err error
		n.rest, err = insert(n.rest, e)
		return err
	case s.Name != "":
		if n.capture == nil {
			n.capture = &node[T]{visits: 1}
		}
		next = n.capture
	default:
		next = n.grow(s.Literal)
	}
	if err := next.add(segments[1:], e); err != nil {
		return err
	}
	n.count(s, next)
	return nil
}

// count notes that next, below n by s, may have grown.
func (n *node[T]) count(s front.Segment, next *node[T]) {
	if s.Name == "" {
		n.literal = max(n.literal, next.visits)
	}
	n.visits = 1 + n.literal
	if n.capture != nil {
		n.visits += n.capture.visits
	}
}

// insert puts e among the patterns of one place.
func insert[T any](list []*entry[T], e *entry[T]) ([]*entry[T], error) {
	for _, other := range list {
		if overlap(other.pattern.Methods, e.pattern.Methods) {
			return list, fmt.Errorf("%s matches the same requests as %s", e.pattern, other.pattern)
		}
	}
	return append(list, e), nil
}

// overlap tells whether two patterns of the same path take the same method in the same way.
func overlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return slices.ContainsFunc(a, func(method string) bool { return slices.Contains(b, method) })
}

// grow gives the node below a literal segment, which it makes.
func (n *node[T]) grow(text string) *node[T] {
	if next := n.below(text); next != nil {
		return next
	}
	next := &node[T]{visits: 1}
	if n.many == nil && len(n.few) < listMax {
		n.few = append(n.few, child[T]{text, next})
		return next
	}
	if n.many == nil {
		n.many = make(map[string]*node[T], len(n.few)+1)
		for _, c := range n.few {
			n.many[c.text] = c.node
		}
		n.few = nil
	}
	n.many[text] = next
	return next
}

// below gives the node below a literal segment, or nil.
func (n *node[T]) below(text string) *node[T] {
	if n.many != nil {
		return n.many[text]
	}
	for i := range n.few {
		if n.few[i].text == text {
			return n.few[i].node
		}
	}
	return nil
}

// pick gives of the patterns of one place the one that takes the method best.
func pick[T any](list []*entry[T], method string) *entry[T] {
	best, fits := (*entry[T])(nil), fitsNot
	for _, e := range list {
		if f := e.takes(method); f < fits {
			best, fits = e, f
		}
	}
	return best
}
