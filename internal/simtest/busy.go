// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"math"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly/internal/scale"
)

const (
	// shares is into how many pieces the calls of a step are cut to be placed.
	shares = 8
	// peakSigma is how far above the mean the most calls at once in a step are taken
	// to be, in roots of the mean: calls that do not know of each other come as a
	// Poisson distribution, which seldom exceeds this in a step.
	peakSigma = 2.5
	// nodeCalls is for how many calls at once a busy function may have another node.
	nodeCalls = 8
	// nodesMost is how many nodes a function may be on.
	nodesMost = 64
)

// busy is a function that is called so often that its calls are counted in steps: how
// many instances it needs on each node of its chain, and how many it has there.
type busy struct {
	calls Counter
	slots []slot
	wake  time.Duration
	mean  float64 // calls at once, over time
}

// slot is what a busy function has on a node.
type slot struct {
	marks []mark // how many instances were needed when: the most first, the newest last
	alive int
	told  int // alive as the node's memory knows
	last  time.Duration
	need  int // in this step, as the rest
	calls int
	work  time.Duration
}

type mark struct {
	need int
	at   time.Duration
}

func newBusy(spec *Function) *busy {
	b := &busy{calls: spec.Count()}
	// A day of it, taken from a stream of its own, tells how much it is.
	b.mean = float64(spec.Count().Count(0, 24*time.Hour)) * spec.Took.Hours() / 24
	b.slots = make([]slot, chainMost+int(min(b.mean/nodeCalls, nodesMost-chainMost)))
	return b
}

// many places the calls of a step.
func (w *worker) many(f *function, from, to time.Duration) {
	b := f.busy
	n := b.calls.Count(from, to)
	b.wake = to
	w.place(f, n, from)
	plan, wanted := w.wanted(f, n, to-from)
	cold, alive, needs := 0, 0, 0
	for k := range b.slots {
		s := &b.slots[k]
		cold += max(s.need-s.alive, 0)
		needs += s.need
		s.alive = max(s.alive, s.need)
		alive += s.alive
	}
	w.countMany(f, n, min(cold, n), int64(alive), to-from, from)
	for k := range b.slots {
		s, before := &b.slots[k], b.slots[k].told
		if f.auto != nil {
			s.alive = (wanted*s.need + max(needs, 1) - 1) / max(needs, 1)
		} else {
			s.shrink(to, plan, k == 0)
		}
		s.told = s.alive
		w.memory[f.chain[k]] += int64(s.told-before) * f.MemoryBytes
		s.need, s.calls, s.work = 0, 0, 0
	}
}

// place gives the calls of a step to nodes, a share at a time.
func (w *worker) place(f *function, n int, now time.Duration) {
	b := f.busy
	pieces := min(n, shares)
	for c := range pieces {
		calls := n*(c+1)/pieces - n*c/pieces
		k := slices.Index(f.chain, w.choose(f, now+time.Duration(c)))
		work := time.Duration(calls) * f.Took
		b.slots[k].calls += calls
		b.slots[k].work += work
		w.work[f.chain[k]] += int64(work)
		w.own[f.chain[k]] += int64(work) * milli / int64(step)
	}
	for k, node := range f.chain {
		w.own[node] = 0
		s := &b.slots[k]
		atOnce := s.work.Seconds() / step.Seconds()
		s.need = min(int(math.Ceil(atOnce+peakSigma*math.Sqrt(atOnce))), s.calls)
	}
}

// wanted asks who keeps the function's instances: a plan, or how many an autoscaler
// wants.
func (w *worker) wanted(f *function, n int, length time.Duration) (plan scale.Plan, wanted int) {
	if f.auto == nil {
		return f.keeper.Plan(), 0
	}
	atOnce := float64(n) * f.Took.Seconds() / length.Seconds()
	for k := range f.busy.slots {
		wanted += f.busy.slots[k].alive
	}
	for range max(int(length/scale.AutoscaleTick), 1) {
		wanted = f.auto.scaler.Tick(atOnce, wanted, autoTarget)
	}
	return plan, wanted
}

// countMany counts a step of a busy function.
func (w *worker) countMany(f *function, n, cold int, alive int64, length, from time.Duration) {
	if w.counted(from) == 0 {
		return
	}
	t, mib := &w.totals, f.mebibytes()
	t.Calls += int64(n)
	t.BusyCalls += int64(n)
	t.Cold += int64(cold)
	t.BusyCold += int64(cold)
	t.ColdTime += time.Duration(cold) * f.Cold
	work, memory := int64(n)*f.Took.Milliseconds()*mib, alive*length.Milliseconds()*mib
	t.Work += work
	t.BusyWork += work
	t.Memory += memory
	t.BusyMemory += memory
	f.done += uint32(n)
	f.cold += uint32(cold)
}

// shrink forgets what was not needed for long enough, and remembers what was needed
// now. The last instance of the home node is kept as the plan keeps a last one.
func (s *slot) shrink(now time.Duration, p scale.Plan, home bool) {
	for len(s.marks) > 0 && s.need > 0 && s.marks[len(s.marks)-1].need <= s.need {
		s.marks = s.marks[:len(s.marks)-1]
	}
	if s.need > 0 {
		s.marks = append(s.marks, mark{s.need, now})
		s.last = now
	}
	for len(s.marks) > 0 && s.marks[0].at+p.Extra <= now {
		s.marks = append(s.marks[:0], s.marks[1:]...)
	}
	s.alive = 0
	if len(s.marks) > 0 {
		s.alive = s.marks[0].need
	} else if home && s.last > 0 && s.last+p.Keep > now {
		s.alive = 1
	}
}
