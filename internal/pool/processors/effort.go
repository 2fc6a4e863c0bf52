// SPDX-License-Identifier: Apache-2.0

package processors

import (
	"runtime"
	"time"
)

const (
	// unknown is what a busy instance is taken to need before it was measured: a
	// processor, in thousandths.
	unknown = 1000
	// waits is up to where calls are said to wait rather than to compute.
	waits = 250
	// busyMin is the least busy time that is measured: what a call of less needs is lost in
	// what the kernel counts for its start and end.
	busyMin = time.Millisecond
)

// Effort is how much of a processor an instance of a revision needs while it has calls.
// Full processors alone do not say that another instance would be of no use: they are full
// while a burst of instances starts, whose calls may do nothing but wait. Callers of its
// methods exclude each other.
type Effort struct {
	watch    *Watch
	milli    int64 // thousandths of a processor
	measured bool
	busy     int64 // instances with calls
}

// Meter is where an instance stood when it was last measured.
type Meter struct {
	set       bool
	cpu, busy time.Duration
}

// NewEffort is of a revision that was not measured yet.
func NewEffort(w *Watch) Effort { return Effort{watch: w, milli: unknown} }

// Measured reports whether it is known.
func (e *Effort) Measured() bool { return e.measured }

// Crowded tells that another instance would mostly take turns with those that run: the
// processors are full, and with calls that compute.
func (e *Effort) Crowded() bool {
	if !e.watch.saturated() {
		return false
	}
	return !e.measured || e.milli > waits || e.watch.claim.Load() >= int64(runtime.NumCPU())*1000/2
}

// Began tells that an instance has calls, Ended that it has none any more.
func (e *Effort) Began() { e.count(1) }

// Ended is the end of what began.
func (e *Effort) Ended() { e.count(-1) }

func (e *Effort) count(instances int64) {
	e.busy += instances
	e.watch.claim.Add(instances * e.milli)
}

// Measure learns from what an instance has used of the processors by now, and for how long
// it has had calls. The newest measurement counts a third.
func (e *Effort) Measure(m *Meter, cpu, busy time.Duration) {
	used, span := cpu-m.cpu, busy-m.busy
	if m.set && span < busyMin {
		return
	}
	if m.set {
		e.learn(int64(used) * 1000 / int64(span))
	}
	*m = Meter{true, cpu, busy}
}

func (e *Effort) learn(milli int64) {
	if e.measured {
		milli = e.milli + (milli-e.milli)/3
	}
	milli = max(1, milli)
	e.watch.claim.Add(e.busy * (milli - e.milli))
	e.milli, e.measured = milli, true
}
