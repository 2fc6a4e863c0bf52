// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"time"

	"github.com/dayfly-faas/dayfly/internal/scale"
)

// Policy is a way to keep functions warm.
type Policy struct {
	Name string
	// New makes what is remembered of one function.
	New func(*Function) Keeper
	// Timers says that the times of timers are known beforehand.
	Timers bool
	// Autoscaled says that instances are kept as an autoscaler wants them, not by
	// plans; Keepers are not asked.
	Autoscaled bool
}

// Keeper plans for one function.
type Keeper interface {
	// Plan says how long it is kept from now on, when it has nothing to do.
	Plan() scale.Plan
	// Add tells that it was called at now, after it had nothing to do for gap.
	Add(now time.Time, gap time.Duration)
}

// Fixed keeps every instance for so long after its last call.
func Fixed(name string, keep time.Duration) Policy {
	return Policy{Name: name, New: func(*Function) Keeper { return fixed(keep) }}
}

type fixed time.Duration

func (f fixed) Plan() scale.Plan           { return scale.Fixed(time.Duration(f)) }
func (fixed) Add(time.Time, time.Duration) {}

// Knative keeps instances as Knative's autoscaler does, with its defaults. It is flattered: a
// call that finds no instance gets one at once, not at the autoscaler's next look.
func Knative() Policy { return Policy{Name: "Knative's autoscaler", Autoscaled: true} }

// Weighed is Dayfly's own policy.
func Weighed(name string, trade scale.Trade) Policy {
	return Policy{Name: name, New: func(f *Function) Keeper {
		return &weighed{trade: trade, subject: subjectOf(f)}
	}}
}

// Scheduled is Dayfly's own policy where the timers are crons of its own.
func Scheduled(name string, trade scale.Trade) Policy {
	p := Weighed(name, trade)
	p.Timers = true
	return p
}

func subjectOf(f *Function) scale.Subject {
	return scale.Subject{Cold: f.Cold, MemoryBytes: f.MemoryBytes}
}

// weighed plans anew when it has learned a sixteenth more.
type weighed struct {
	history scale.History
	trade   scale.Trade
	subject scale.Subject
	plan    scale.Plan
	added   int
	planned int // added when plan was made; 0 before
}

func (w *weighed) Plan() scale.Plan {
	if w.planned == 0 || w.added > w.planned+w.planned/16 {
		w.plan, w.planned = scale.NewPlan(&w.history, w.subject, w.trade), max(w.added, 1)
	}
	return w.plan
}

func (w *weighed) Add(now time.Time, gap time.Duration) {
	w.history.Add(now, gap)
	w.added++
}

// Hybrid is the hybrid histogram of Shahrad and others (ATC 2020) with a range: bins of
// a minute, started before the fifth percentile and kept past the 99th, and kept for
// the whole range while it knows too little. What lies beyond the range is not
// predicted.
func Hybrid(name string, reach time.Duration) Policy {
	return Policy{Name: name, New: func(*Function) Keeper {
		return &hybrid{bins: make([]uint32, int(reach/time.Minute)), reach: reach}
	}}
}

type hybrid struct {
	bins          []uint32
	reach         time.Duration
	sum, squares  float64
	total, beyond int
}

const (
	hybridHead   = 0.05
	hybridTail   = 0.99
	hybridMargin = 0.1
	hybridSpread = 2.0
)

func (h *hybrid) Add(_ time.Time, gap time.Duration) {
	b := int(gap / time.Minute)
	if b >= len(h.bins) {
		h.beyond++
		return
	}
	n := float64(h.bins[b])
	h.bins[b]++
	h.total++
	h.sum++
	h.squares += 2*n + 1
}

func (h *hybrid) Plan() scale.Plan {
	whole := scale.Plan{Keep: h.reach, Extra: h.reach}
	mean := h.sum / float64(len(h.bins))
	variance := h.squares/float64(len(h.bins)) - mean*mean
	if h.total < 2 || variance < hybridSpread*hybridSpread*mean*mean || h.beyond > h.total {
		return whole
	}
	head, tail, sum := -1, 0, 0.0
	for b, n := range h.bins {
		sum += float64(n)
		if head < 0 && sum >= hybridHead*h.sum {
			head = b
		}
		if sum >= hybridTail*h.sum {
			tail = b
			break
		}
	}
	start := time.Duration(float64(head) * (1 - hybridMargin) * float64(time.Minute))
	end := time.Duration(float64(tail+1) * (1 + hybridMargin) * float64(time.Minute))
	if head <= 1 {
		return scale.Plan{Keep: end, Extra: end}
	}
	return scale.Plan{Prewarm: start, Until: end, Extra: end - start}
}
