// SPDX-License-Identifier: Apache-2.0

package place

import (
	"math"
	"slices"
	"time"
)

// halfLife is how fast past use loses weight: an instance used ten minutes ago counts
// half of one used now.
const halfLife = 10 * time.Minute

// Idle is an instance that could give way.
type Idle struct {
	LastUsed    time.Time
	Uses        int64         // calls it has served
	ColdCost    time.Duration // what the next call of its function pays if it goes
	MemoryBytes int64         // what ending it frees
}

// Evict chooses the idle instances whose end frees need bytes at the least loss, and
// gives the clock for the next choice. It is Greedy-Dual-Size-Frequency as FaasCache
// (ASPLOS 2021) uses it:
//
//	priority = clock + uses, decayed by age × cold cost in ms ÷ size in MiB
//
// The lowest priorities go first; the clock rises to the highest of those that went,
// so that what was valuable long ago does not stay for ever. When all candidates
// together free less than need, all are chosen.
func Evict(now time.Time, clock float64, need int64, idle []Idle) ([]int, float64) {
	type ranked struct {
		index    int
		priority float64
	}
	order := make([]ranked, len(idle))
	for i, c := range idle {
		order[i] = ranked{i, clock + value(now, c)}
	}
	slices.SortStableFunc(order, func(a, b ranked) int {
		switch {
		case a.priority < b.priority:
			return -1
		case a.priority > b.priority:
			return 1
		}
		return idle[a.index].LastUsed.Compare(idle[b.index].LastUsed)
	})
	var chosen []int
	for _, r := range order {
		if need <= 0 {
			break
		}
		chosen = append(chosen, r.index)
		need -= idle[r.index].MemoryBytes
		clock = max(clock, r.priority)
	}
	return chosen, clock
}

func value(now time.Time, c Idle) float64 {
	age := max(0, now.Sub(c.LastUsed))
	uses := float64(c.Uses+1) * math.Exp2(-float64(age)/float64(halfLife))
	size := math.Max(1, float64(c.MemoryBytes)/(1<<20))
	return uses * float64(c.ColdCost.Microseconds()) / 1000 / size
}
