// SPDX-License-Identifier: Apache-2.0

package place

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	// halfLife is how fast uses are forgotten: those of an hour ago count a
	// sixty-fourth. It is the default time after which idle instances are retired.
	halfLife = 10 * time.Minute
	// sizeMin keeps an instance whose size is not known, or tiny, from seeming
	// priceless.
	sizeMin = 1 << 20
)

// Idle is an instance that could give way.
type Idle struct {
	LastUsed    time.Time
	Uses        int64         // calls it has served; one that served none counts as one
	ColdCost    time.Duration // what the next call of its function pays if it goes
	MemoryBytes int64         // what ending it frees
	// Clock is the node's clock when it was last used. Where it is left zero, only
	// the decay of Uses tells new from old.
	Clock float64
}

// Evict chooses the least valuable of idle whose end frees need bytes, the least
// valuable first, and gives the node's clock for the next choice. Instances that a
// larger one chosen later makes unnecessary are spared. When all together free less
// than need, all are chosen.
func Evict(now time.Time, clock float64, need int64, idle []Idle) ([]int, float64) {
	if need <= 0 {
		return nil, clock
	}
	values := make([]float64, len(idle))
	order := make([]int, len(idle))
	for i, inst := range idle {
		values[i], order[i] = Value(now, inst), i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(values[a], values[b]), idle[a].LastUsed.Compare(idle[b].LastUsed))
	})
	var chosen []int
	freed := int64(0)
	for _, i := range order {
		if freed >= need {
			break
		}
		chosen = append(chosen, i)
		freed = add(freed, idle[i].MemoryBytes)
	}
	if freed >= need {
		chosen = spare(chosen, freed-need, idle)
	}
	for _, i := range chosen {
		clock = max(clock, values[i])
	}
	return chosen, clock
}

// spare takes out of chosen, the most valuable first, those that are not needed:
// surplus is what is freed beyond need.
func spare(chosen []int, surplus int64, idle []Idle) []int {
	var kept []int
	for _, i := range slices.Backward(chosen) {
		if size := max(idle[i].MemoryBytes, 0); size <= surplus {
			surplus -= size
			continue
		}
		kept = append(kept, i)
	}
	slices.Reverse(kept)
	return kept
}

// Value is what keeping an instance is worth: milliseconds of waiting that each
// mebibyte saves, on top of the clock.
func Value(now time.Time, inst Idle) float64 {
	age := max(now.Sub(inst.LastUsed), 0)
	uses := float64(max(inst.Uses, 1)) * math.Exp2(-float64(age)/float64(halfLife))
	saved := float64(max(inst.ColdCost, 0)) / float64(time.Millisecond)
	size := float64(max(inst.MemoryBytes, sizeMin)) / (1 << 20)
	return inst.Clock + uses*saved/size
}

// add adds sizes without overflow; negative ones count as nothing.
func add(a, b int64) int64 {
	if b <= 0 {
		return a
	}
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
