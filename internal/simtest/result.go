// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"math"
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
)

// Totals is what is counted, in whole numbers so that the order does not matter.
type Totals struct {
	Calls, Cold          int64
	BusyCalls, BusyCold  int64 // of these, those of busy functions
	Together             int64 // cold calls that came while other instances were busy
	Waited               int64 // calls that waited for a busy instance rather than start one
	Ahead                int64 // instances that were started before a call
	Evicted              int64 // instances that made room for others
	ColdTime, WaitTime   time.Duration
	Memory, Work         int64 // mebibyte milliseconds of instances, and those of calls
	BusyMemory, BusyWork int64 // of these, those of busy functions
}

func (t *Totals) add(o *Totals) {
	t.Calls += o.Calls
	t.Cold += o.Cold
	t.BusyCalls += o.BusyCalls
	t.BusyCold += o.BusyCold
	t.Together += o.Together
	t.Waited += o.Waited
	t.Ahead += o.Ahead
	t.Evicted += o.Evicted
	t.ColdTime += o.ColdTime
	t.WaitTime += o.WaitTime
	t.Memory += o.Memory
	t.Work += o.Work
	t.BusyMemory += o.BusyMemory
	t.BusyWork += o.BusyWork
}

// Result is what a simulation came to.
type Result struct {
	Policy    string
	Placement place.Method
	Span      time.Duration // that was counted
	Totals
	// LoadPeak is how much more than the mean of the nodes the most loaded one carried,
	// on average over time; LoadSpread is the coefficient of variation.
	LoadPeak, LoadSpread float64
	// MemoryPeak is the same of memory; MemoryMost what a node held at most, in bytes.
	MemoryPeak, MemoryMost float64
	shares                 []float64 // of calls that were cold, by function, sorted
}

// ColdShare is the share of the calls that were cold.
func (r *Result) ColdShare() float64 { return ratio(r.Cold, r.Calls) }

// SeldomShare is that of the functions that are not busy: busy ones are warm under any
// policy, and their many calls hide the others.
func (r *Result) SeldomShare() float64 { return ratio(r.Cold-r.BusyCold, r.Calls-r.BusyCalls) }

// IdleGiB is the mean memory of instances that nobody used.
func (r *Result) IdleGiB() float64 {
	return float64(r.Memory-r.Work) / 1024 / float64(max(r.Span.Milliseconds(), 1))
}

// SeldomIdleGiB is that of the functions that are not busy.
func (r *Result) SeldomIdleGiB() float64 {
	idle := r.Memory - r.Work - r.BusyMemory + r.BusyWork
	return float64(idle) / 1024 / float64(max(r.Span.Milliseconds(), 1))
}

// FunctionShare gives the share of cold calls below which the share p of the functions
// lies.
func (r *Result) FunctionShare(p float64) float64 {
	if len(r.shares) == 0 {
		return 0
	}
	return r.shares[min(int(p*float64(len(r.shares))), len(r.shares)-1)]
}

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// balance gathers how even nodes are.
type balance struct{ load, memory evenness }

func (b *balance) next() {
	b.load.next()
	b.memory.next()
}

func (b *balance) report(r *Result) {
	n := float64(max(b.load.steps, 1))
	r.LoadPeak, r.LoadSpread = b.load.peaks/n, b.load.spreads/n
	r.MemoryPeak = b.memory.peaks / float64(max(b.memory.steps, 1))
	r.MemoryMost = b.memory.most
}

// evenness is how even one measure is over the nodes.
type evenness struct {
	n, sum, squares, high float64 // of this step
	steps                 int
	peaks, spreads, most  float64 // of all steps
}

func (e *evenness) add(x float64) {
	e.n++
	e.sum += x
	e.squares += x * x
	e.high = max(e.high, x)
}

// next ends a step; one in which nothing happened says nothing.
func (e *evenness) next() {
	if e.sum > 0 {
		mean := e.sum / e.n
		e.steps++
		e.peaks += e.high / mean
		e.spreads += math.Sqrt(max(e.squares/e.n-mean*mean, 0)) / mean
		e.most = max(e.most, e.high)
	}
	e.n, e.sum, e.squares, e.high = 0, 0, 0, 0
}
