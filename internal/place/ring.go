// SPDX-License-Identifier: Apache-2.0

package place

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

const (
	// points is how many places a node has on the ring: with a hundred, the shares
	// of nodes differ by about a tenth.
	points = 100
	// Bound is how much more than the mean a node may carry before it is passed by:
	// a smaller one balances better and moves more.
	Bound = 1.25
)

// Ring places functions on nodes by consistent hashing: when a node comes or goes,
// only what was its own moves. It is made once for a set of nodes and never changes;
// it may be used by several goroutines.
type Ring struct {
	nodes  int
	points []point // sorted by at
}

type point struct {
	at   uint64
	node int32
}

// NewRing makes the ring of the nodes of these names. The order of names does not
// change where functions go, only the numbers by which nodes are called.
func NewRing(names []string) *Ring {
	r := &Ring{nodes: len(names), points: make([]point, 0, len(names)*points)}
	for i, name := range names {
		for p := range points {
			at := Key(name + "#" + strconv.Itoa(p))
			r.points = append(r.points, point{at: at, node: int32(i)})
		}
	}
	slices.SortFunc(r.points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(names[a.node], names[b.node]))
	})
	return r
}

// Key is where a name stands on every ring, on every machine.
func Key(name string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	// FNV leaves neighbours of like names together; mixing spreads them.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Chain gives the first distinct nodes that follow key on the ring, its home first, as
// many as into has room for.
func (r *Ring) Chain(key uint64, into []int32) []int32 {
	into = into[:0]
	want := min(cap(into), r.nodes)
	start, _ := slices.BinarySearchFunc(r.points, key, func(p point, k uint64) int {
		return cmp.Compare(p.at, k)
	})
	for i := 0; len(into) < want && i < len(r.points); i++ {
		node := r.points[(start+i)%len(r.points)].node
		if !slices.Contains(into, node) {
			into = append(into, node)
		}
	}
	return into
}

// Method is a way to choose among the nodes of a function's chain.
type Method uint8

// The methods.
const (
	// MethodHome takes the function's own node, however much it carries.
	MethodHome Method = iota
	// MethodBounded passes along the chain what would carry more than Bound times the
	// mean; when all do, the least loaded of the chain takes it.
	MethodBounded
	// MethodPopular does so for functions that are called often; others go home, where
	// they are warm.
	MethodPopular
	// MethodIdle takes the first node of the chain that has an idle instance, and
	// otherwise does what MethodPopular does.
	MethodIdle
	// MethodTwo takes the less loaded of two nodes of the chain, drawn for the call.
	MethodTwo
)

// Choice is what is known when a call is placed.
type Choice struct {
	Chain   []int32          // nodes of the function, its home first
	Load    func(int32) int  // calls that a node carries
	Idle    func(int32) bool // whether a node has an idle instance; for MethodIdle
	Total   int              // calls that all nodes carry
	Nodes   int              // how many nodes there are
	Popular bool             // the function is called often
	Draw    uint64           // for MethodTwo: random, or a hash of the call
}

// Choose names the node that takes a call.
func Choose(m Method, c Choice) int32 {
	if m == MethodIdle {
		for _, n := range c.Chain {
			if c.Idle(n) {
				return n
			}
		}
		m = MethodPopular
	}
	switch {
	case m == MethodTwo:
		return two(c)
	case m == MethodHome, m == MethodPopular && !c.Popular:
		return c.Chain[0]
	}
	return bounded(c)
}

// bounded takes the first node that may carry one more.
func bounded(c Choice) int32 {
	limit := int(math.Ceil(Bound * float64(c.Total+1) / float64(max(c.Nodes, 1))))
	best := c.Chain[0]
	for _, n := range c.Chain {
		load := c.Load(n)
		if load+1 <= limit {
			return n
		}
		if load < c.Load(best) {
			best = n
		}
	}
	return best
}

func two(c Choice) int32 {
	n := uint64(len(c.Chain))
	a := c.Chain[c.Draw%n]
	b := c.Chain[c.Draw>>32%n]
	if c.Load(b) < c.Load(a) {
		return b
	}
	return a
}
