// SPDX-License-Identifier: Apache-2.0

package router

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// candidatesMax bounds an explanation: a reader wants the first few.
const candidatesMax = 50

// Candidate is a pattern that matches the path of a request.
type Candidate[T any] struct {
	Pattern front.Pattern
	Value   T
	Won     bool
	Why     string
}

// Explain gives the patterns that match the path at a host, the best first, and says of each
// why it won or did not. It gives none where Match gives an error.
func (t *Table[T]) Explain(name, method, escaped string) []Candidate[T] {
	m := t.Match(name, method, escaped)
	if m.Err != nil || !m.Known {
		return nil
	}
	w := walk[T]{path: m.Path, method: method, all: true}
	w.host(t.find(m.Host))
	var list []Candidate[T]
	var winner *entry[T]
	for _, e := range w.others {
		fits := e.takes(method)
		c := Candidate[T]{Pattern: e.pattern, Value: e.value}
		switch {
		case fits == fitsNot:
			c.Why = fmt.Sprintf("it takes %s, not %s", strings.Join(e.pattern.Methods, " and "), method)
		case winner == nil:
			winner, c.Won = e, true
			c.Why = won(e.pattern, fits)
		default:
			c.Why = lost(e.pattern, winner.pattern)
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b Candidate[T]) int {
		if a.Won != b.Won && a.Won {
			return -1
		}
		if a.Won != b.Won {
			return 1
		}
		return 0
	})
	return list[:min(len(list), candidatesMax)]
}

// won says why the best pattern matches.
func won(p front.Pattern, fits fit) string {
	if fits == fitsHead {
		return "it takes GET, and so HEAD, and no better pattern does"
	}
	if fits == fitsAll {
		return "it takes all methods, and no better pattern matches"
	}
	return "no better pattern matches"
}

// lost says in what p is behind the winner.
func lost(p, winner front.Pattern) string {
	if p.Host != winner.Host && better(winner.Host, p.Host) {
		return fmt.Sprintf("%s names the host better", winner)
	}
	for i := range min(len(p.Segments), len(winner.Segments)) {
		own, other := p.Segments[i], winner.Segments[i]
		if rank(own) != rank(other) {
			return fmt.Sprintf("segment %d is %s, and %s in %s", i+1, describe(own), describe(other), winner)
		}
	}
	if len(p.Segments) != len(winner.Segments) {
		return fmt.Sprintf("%s matches the end of the path better", winner)
	}
	return fmt.Sprintf("%s names the method", winner)
}

// better tells whether a pattern's host is named better by a than by b.
func better(a, b string) bool {
	rank := func(host string) int {
		switch {
		case host == "":
			return tierAll
		case strings.HasPrefix(host, "*"):
			return tierWildcard
		}
		return tierNamed
	}
	return rank(a) < rank(b)
}

func rank(s front.Segment) int {
	switch {
	case s.Rest:
		return 2
	case s.Name != "":
		return 1
	}
	return 0
}

func describe(s front.Segment) string {
	switch {
	case s.Rest:
		return "the rest, {" + s.Name + "...}"
	case s.Name != "":
		return "the capture {" + s.Name + "}"
	case s.Literal == "":
		return "a slash at the end"
	}
	return fmt.Sprintf("%q", s.Literal)
}
