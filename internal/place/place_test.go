// SPDX-License-Identifier: Apache-2.0

package place_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/place"
)

const mib = 1 << 20

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// instance is an idle one of 10 MiB, used once just now, that costs 10 ms.
func instance(changes ...func(*place.Idle)) place.Idle {
	i := place.Idle{LastUsed: now, Uses: 1, ColdCost: 10 * time.Millisecond, MemoryBytes: 10 * mib}
	for _, change := range changes {
		change(&i)
	}
	return i
}

func size(mibs int64) func(*place.Idle) {
	return func(i *place.Idle) { i.MemoryBytes = mibs * mib }
}

func cost(d time.Duration) func(*place.Idle) { return func(i *place.Idle) { i.ColdCost = d } }
func uses(n int64) func(*place.Idle)         { return func(i *place.Idle) { i.Uses = n } }
func clock(c float64) func(*place.Idle)      { return func(i *place.Idle) { i.Clock = c } }
func age(d time.Duration) func(*place.Idle) {
	return func(i *place.Idle) { i.LastUsed = now.Add(-d) }
}

func TestEvict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		need int64
		idle []place.Idle
		want []int
	}{
		"nothing needed": {0, []place.Idle{instance()}, nil},
		"nothing idle":   {1, nil, nil},
		"not enough in all": {
			21, []place.Idle{instance(), instance(uses(0), age(1))}, []int{1, 0},
		},
		"the rarely used goes": {
			1, []place.Idle{instance(uses(9)), instance(uses(2)), instance(uses(5))}, []int{1},
		},
		"the cheap to start goes": {
			1, []place.Idle{instance(cost(time.Second)), instance(cost(time.Millisecond))},
			[]int{1},
		},
		"the large goes": {
			1, []place.Idle{instance(size(20)), instance(size(200))}, []int{1},
		},
		"the long unused goes": {
			1, []place.Idle{instance(), instance(age(time.Hour))}, []int{1},
		},
		"the one left behind goes": {
			1, []place.Idle{instance(clock(7)), instance(clock(2))}, []int{1},
		},
		"the older of equals goes": {
			1, []place.Idle{instance(cost(0)), instance(cost(0), age(1))}, []int{1},
		},
		"as many as needed go": {
			15, []place.Idle{instance(uses(3)), instance(uses(1)), instance(uses(2))}, []int{1, 2},
		},
		"exactly enough is enough": {
			20, []place.Idle{instance(), instance(), instance()}, []int{0, 1},
		},
		"the unnecessary are spared": {
			100, []place.Idle{
				instance(uses(1)), instance(uses(2), size(20)), instance(uses(99), size(200)),
			},
			[]int{2},
		},
		"an unknown size frees nothing": {
			1, []place.Idle{instance(size(0), uses(0)), instance()}, []int{1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := place.Evict(now, 0, c.need*mib, c.idle)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Evict(%d MiB) (-want +got):\n%s", c.need, diff)
			}
		})
	}
}

func TestClockRisesToTheValueEvicted(t *testing.T) {
	t.Parallel()
	idle := []place.Idle{instance(uses(4), clock(3)), instance(uses(2), clock(3))}
	for name, c := range map[string]struct {
		clock float64
		need  int64
		want  float64
	}{
		"one goes":           {3, mib, 5},
		"both go":            {3, 20 * mib, 7},
		"none goes":          {3, 0, 3},
		"it never goes back": {9, mib, 9},
	} {
		if _, got := place.Evict(now, c.clock, c.need, idle); got != c.want {
			t.Errorf("%s: clock is %v, want %v", name, got, c.want)
		}
	}
}

func TestUnusedIsOvertakenByTheClock(t *testing.T) {
	t.Parallel()
	// A once busy instance outlives others, but not for ever: each eviction raises
	// the clock that newly used ones start from.
	node := 0.0
	star := instance(uses(50), clock(node))
	for range 100 {
		idle := []place.Idle{star, instance(clock(node))}
		var victims []int
		victims, node = place.Evict(now, node, mib, idle)
		if victims[0] == 0 {
			if node < 10 {
				t.Errorf("evicted at clock %v, too early", node)
			}
			return
		}
	}
	t.Error("an instance that is never used again was kept for ever")
}

// FuzzEvict holds against any input: enough is freed or all go, each victim is named
// once, and none of enough could be spared.
func FuzzEvict(f *testing.F) {
	f.Add(int64(1), []byte("0123456789abcdef0123456789abcdef"))
	f.Add(int64(math.MaxInt64), make([]byte, 64))
	f.Fuzz(func(t *testing.T, need int64, data []byte) {
		var idle []place.Idle
		total := int64(0)
		for ; len(data) >= 16; data = data[16:] {
			i := place.Idle{
				MemoryBytes: int64(binary.LittleEndian.Uint64(data)) >> 8,
				Uses:        int64(int8(data[8])),
				ColdCost:    time.Duration(data[9]) * time.Millisecond,
				LastUsed:    now.Add(-time.Duration(data[10]) * time.Minute),
				Clock:       float64(data[11]),
			}
			idle = append(idle, i)
			total += max(i.MemoryBytes, 0)
		}
		if len(idle) > 64 {
			return // more would overflow the sum above
		}
		victims, _ := place.Evict(now, 0, need, idle)
		freed, seen := int64(0), map[int]bool{}
		for _, v := range victims {
			if v < 0 || v >= len(idle) || seen[v] {
				t.Fatalf("victims are %v of %d", victims, len(idle))
			}
			seen[v] = true
			freed += max(idle[v].MemoryBytes, 0)
		}
		switch {
		case need <= 0 && len(victims) > 0:
			t.Errorf("%v are evicted for %d bytes", victims, need)
		case total < need && len(victims) != len(idle):
			t.Errorf("only %v of %d are evicted though all free %d", victims, len(idle), total)
		case total >= need && freed < need:
			t.Errorf("%d bytes are freed of %d", freed, need)
		}
		if total < need {
			return
		}
		for _, v := range victims {
			if freed-max(idle[v].MemoryBytes, 0) >= need {
				t.Errorf("%d could be spared of %v", v, victims)
			}
		}
	})
}
