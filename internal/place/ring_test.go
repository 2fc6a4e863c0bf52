// SPDX-License-Identifier: Apache-2.0

package place_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/place"
)

func nodes(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "n" + strconv.Itoa(i)
	}
	return out
}

func home(r *place.Ring, names []string, f int) string {
	return names[r.Chain(place.Key("f"+strconv.Itoa(f)), make([]int32, 0, 1))[0]]
}

func TestOnlyWhatWasOnANodeMovesWhenItGoes(t *testing.T) {
	t.Parallel()
	all := nodes(20)
	fewer := slices.Delete(slices.Clone(all), 7, 8)
	before, after := place.NewRing(all), place.NewRing(fewer)
	for f := range 2000 {
		if was := home(before, all, f); was != "n7" && was != home(after, fewer, f) {
			t.Fatalf("f%d moved from %s to %s", f, was, home(after, fewer, f))
		}
	}
}

func TestOrderOfNamesDoesNotMatter(t *testing.T) {
	t.Parallel()
	all, turned := nodes(9), nodes(9)
	slices.Reverse(turned)
	a, b := place.NewRing(all), place.NewRing(turned)
	for f := range 500 {
		if home(a, all, f) != home(b, turned, f) {
			t.Fatalf("f%d is on %s and on %s", f, home(a, all, f), home(b, turned, f))
		}
	}
}

func TestHomesAreEven(t *testing.T) {
	t.Parallel()
	all, count := nodes(10), map[string]int{}
	ring := place.NewRing(all)
	for f := range 20000 {
		count[home(ring, all, f)]++
	}
	for name, n := range count {
		if n < 1300 || n > 2700 {
			t.Errorf("%s has %d of 20000", name, n)
		}
	}
}

func TestChainsAreOfDistinctNodes(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		chain := place.NewRing(nodes(n)).Chain(42, make([]int32, 0, 4))
		if len(chain) != min(n, 4) {
			t.Errorf("%d nodes give a chain of %d", n, len(chain))
		}
		slices.Sort(chain)
		if len(slices.Compact(chain)) != min(n, 4) {
			t.Errorf("chain %v names a node twice", chain)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	loads := []int{90, 10, 0, 0}
	choice := place.Choice{Chain: []int32{0, 1, 2}, Load: func(n int32) int { return loads[n] },
		Idle: func(n int32) bool { return n == 2 }, Total: 100, Nodes: 4}
	popular := choice
	popular.Popular = true
	for _, c := range []struct {
		name   string
		method place.Method
		choice place.Choice
		want   int32
	}{
		{"home, whatever it carries", place.MethodHome, popular, 0},
		{"the first that is not over the bound", place.MethodBounded, choice, 1},
		{"rare functions go home", place.MethodPopular, choice, 0},
		{"popular ones are passed along", place.MethodPopular, popular, 1},
		{"an idle instance is gone to", place.MethodIdle, choice, 2},
	} {
		if got := place.Choose(c.method, c.choice); got != c.want {
			t.Errorf("%s: node %d, want %d", c.name, got, c.want)
		}
	}
}

func TestBoundHoldsAndTwoAreEven(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for _, m := range []place.Method{place.MethodBounded, place.MethodTwo} {
		loads, chain := make([]int, 8), []int32{0, 1, 2, 3, 4, 5, 6, 7}
		for total := range 8000 {
			n := place.Choose(m, place.Choice{Chain: chain, Load: func(n int32) int { return loads[n] },
				Total: total, Nodes: 8, Draw: r.Uint64()})
			loads[n]++
		}
		if most := slices.Max(loads); most > 1251 {
			t.Errorf("method %d: a node carries %d of 8000, eight nodes have 1.25 times 1000 each", m, most)
		}
	}
}
