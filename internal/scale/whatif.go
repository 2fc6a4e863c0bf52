// SPDX-License-Identifier: Apache-2.0

package scale

import "time"

// Cost is what calls and instances came to.
type Cost struct {
	Calls, Cold float64       // calls, and those of them that found no instance
	Started     float64       // instances started ahead of a call
	ColdTime    time.Duration // that calls waited for instances
	IdleSeconds float64       // instances that lay idle, in seconds
	IdleMemory  float64       // the same in byte seconds
}

// Fixed is the plan that keeps every instance for so long.
func Fixed(keep time.Duration) Plan { return Plan{Keep: keep, Extra: keep, Covers: 1} }

// WhatIf gives what the remembered gaps would have come to under a plan: each is a
// call. What came at the same time as another call is not in it, as gaps do not tell.
// Gaps of one bin count as if spread evenly over it, those beyond Horizon as Horizon.
func WhatIf(h *History, p Plan, s Subject) Cost {
	var c Cost
	for b, n := range h.bins {
		if n == 0 {
			continue
		}
		from, to := binStart(b), binStart(b+1)
		c.add(float64(n)/weight, from, to, p)
	}
	if h.beyond > 0 {
		c.beyond(h, p)
	}
	c.ColdTime = time.Duration(min(c.Cold*float64(max(s.Cold, 0)), float64(1<<62)))
	c.IdleMemory = c.IdleSeconds * float64(max(s.MemoryBytes, 0))
	return c
}

// parts is into how many a bin is cut to see where in it a plan begins or ends.
const parts = 8

// add counts n gaps that lie somewhere between from and to.
func (c *Cost) add(n float64, from, to time.Duration, p Plan) {
	for i := range parts {
		gap := from + (to-from)*time.Duration(2*i+1)/(2*parts)
		c.gap(n/parts, gap, p)
	}
}

// gap counts n gaps of one length.
func (c *Cost) gap(n float64, gap time.Duration, p Plan) {
	c.Calls += n
	if !p.Warm(gap) {
		c.Cold += n
	}
	if p.Until > 0 && p.Prewarm > p.Keep && gap >= p.Prewarm {
		c.Started += n
	}
	c.IdleSeconds += n * p.Idle(gap).Seconds()
}

// beyond counts the gaps that bins do not tell apart by the last ones that do.
func (c *Cost) beyond(h *History, p Plan) {
	var long []time.Duration
	for _, gap := range h.recent() {
		if gap >= Horizon {
			long = append(long, gap)
		}
	}
	if len(long) == 0 {
		long = []time.Duration{Horizon}
	}
	for _, gap := range long {
		c.gap(float64(h.beyond)/weight/float64(len(long)), gap, p)
	}
}

// covered is the share of the gaps that end while a plan is warm.
func (h *History) covered(p Plan) float64 {
	if h.total+h.beyond == 0 {
		return 0
	}
	var c Cost
	for b, n := range h.bins {
		if n > 0 {
			c.gap(float64(n)/weight, (binStart(b)+binStart(b+1))/2, p)
		}
	}
	if h.beyond > 0 {
		c.beyond(h, p)
	}
	return 1 - c.Cold/h.Gaps()
}

// Call is one recorded call.
type Call struct {
	At   time.Time
	Took time.Duration // on a warm instance
}

// Replay gives what recorded calls, in order of time, would have come to when each idle
// time is planned from the calls before it: by what plan says, which may be NewPlan's
// answer or a Fixed one.
func Replay(calls []Call, s Subject, plan func(*History) Plan) Cost {
	var r replay
	for _, call := range calls {
		r.take(call, s, plan)
	}
	r.cost.IdleMemory = r.cost.IdleSeconds * float64(max(s.MemoryBytes, 0))
	return r.cost
}

// replay is the state of a function while its calls are replayed.
type replay struct {
	free    []time.Time // when each instance was or will be free
	history History
	cost    Cost
}

func (r *replay) take(call Call, s Subject, plan func(*History) Plan) {
	r.cost.Calls++
	busy, last := false, time.Time{}
	for _, at := range r.free {
		busy = busy || at.After(call.At)
		if at.After(last) {
			last = at
		}
	}
	p := plan(&r.history)
	newest := r.retire(call.At, busy, p)
	if !busy && !last.IsZero() {
		gap := call.At.Sub(last)
		r.ahead(gap, p)
		if p.Until > 0 && p.Warm(gap) && gap >= p.Prewarm && newest < 0 {
			newest = len(r.free)
			r.free = append(r.free, last)
		}
		r.history.Add(call.At, gap)
	}
	if newest >= 0 {
		r.free[newest] = call.At.Add(call.Took)
		return
	}
	r.cost.Cold++
	r.cost.ColdTime += s.Cold
	r.free = append(r.free, call.At.Add(s.Cold+call.Took))
}

// retire ends what had its time by now, counts what lay idle, and gives the idle
// instance that was used last, or -1.
func (r *replay) retire(now time.Time, busy bool, p Plan) int {
	last := -1
	for i, at := range r.free {
		if last < 0 || at.After(r.free[last]) {
			last = i
		}
	}
	kept, newest := r.free[:0], -1
	for i, at := range r.free {
		keep := p.Extra
		if i == last && !busy {
			keep = p.Keep
		}
		idle := now.Sub(at)
		if idle >= keep {
			r.cost.IdleSeconds += keep.Seconds()
			continue
		}
		kept = append(kept, at)
		if idle >= 0 && (newest < 0 || at.After(kept[newest])) {
			newest = len(kept) - 1
		}
	}
	r.free = kept
	if newest >= 0 {
		r.cost.IdleSeconds += now.Sub(kept[newest]).Seconds()
	}
	return newest
}

// ahead counts the instance that is started again in a gap.
func (r *replay) ahead(gap time.Duration, p Plan) {
	if p.Until > 0 && p.Prewarm > p.Keep && gap >= p.Prewarm {
		r.cost.Started++
		r.cost.IdleSeconds += (min(gap, p.Until) - p.Prewarm).Seconds()
	}
}
