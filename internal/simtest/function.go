// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
	"github.com/dayfly-faas/dayfly/internal/scale"
)

// instance is one instance. It is idle from free on.
type instance struct {
	node             int32
	uses             int32
	born, from, free time.Duration // from is when its last call began
	clock            float64
}

// function is the state of a function.
type function struct {
	*Function
	keeper    Keeper
	chain     []int32
	instances []instance
	plan      scale.Plan
	idleFrom  time.Duration // since when it has nothing to do; never while it is called
	change    time.Duration // when the plan may want something else
	evicted   bool          // since the last call: nothing is started until the next
	calls     Calls
	at, took  time.Duration // of the next call
	busy      *busy         // of a function whose calls are counted
	auto      *auto         // of a function that an autoscaler steers
	done      uint32        // calls that count
	cold      uint32        // those of them that were cold
}

// chainMost is how many nodes a function may be passed along to: its instances stay on
// few, and are found there.
const chainMost = 4

func newFunction(spec *Function, p Policy, ring *place.Ring) *function {
	f := &function{Function: spec, idleFrom: never, change: never, at: never}
	switch {
	case p.Autoscaled:
		f.auto = &auto{}
	default:
		f.keeper = p.New(spec)
	}
	key := place.Key(spec.Name)
	if spec.Count != nil {
		f.busy = newBusy(spec)
		f.chain = ring.Chain(key, make([]int32, 0, len(f.busy.slots)))
		f.busy.slots = f.busy.slots[:len(f.chain)] // there may be fewer nodes
		return f
	}
	f.chain = ring.Chain(key, make([]int32, 0, chainMost))
	f.calls = spec.Open()
	f.advance()
	return f
}

// advance takes the next call from the trace.
func (f *function) advance() {
	var ok bool
	if f.at, f.took, ok = f.calls.Next(); !ok {
		f.at = never
	}
}

// wake is when the function has something to do next.
func (f *function) wake() time.Duration {
	if f.busy != nil {
		return f.busy.wake
	}
	at := min(f.at, f.change)
	if f.auto != nil {
		return min(at, f.auto.wake(len(f.instances)))
	}
	if f.idleFrom == never && len(f.instances) > 0 {
		at = min(at, f.lastFree())
	}
	if len(f.instances) > 1 {
		for i := range f.instances {
			at = min(at, f.instances[i].free+f.plan.Extra)
		}
	}
	return at
}

// idle tells what eviction needs to know.
func (f *function) idle(inst instance) place.Idle {
	return place.Idle{LastUsed: epoch.Add(inst.free), Uses: int64(inst.uses), ColdCost: f.Cold,
		MemoryBytes: f.MemoryBytes, Clock: inst.clock}
}

// lastFree is when the last of the instances is free, or -1 without any.
func (f *function) lastFree() time.Duration {
	last := time.Duration(-1)
	for i := range f.instances {
		last = max(last, f.instances[i].free)
	}
	return last
}

func (f *function) report(r *Result) {
	if f.done > 0 {
		r.shares = append(r.shares, float64(f.cold)/float64(f.done))
	}
}

// worker runs functions. Its counts are its own until the step is over.
type worker struct {
	*simulation
	work   []int64 // of nodes: nanoseconds of calls in this step
	memory []int64 // of nodes: change of what instances hold
	totals Totals
	own    []int64 // loads that the function at hand put on its chain in this step
	at     *function
	now    time.Duration
	choice place.Choice
}

func newWorker(s *simulation) *worker {
	w := &worker{simulation: s, work: make([]int64, s.config.Nodes), memory: make([]int64, s.config.Nodes),
		own: make([]int64, s.config.Nodes)}
	w.choice.Load = func(n int32) int { return int(w.loads[n] + w.own[n]) }
	w.choice.Idle = func(n int32) bool { return w.idleOn(w.at, n, w.now) >= 0 }
	return w
}

// run does what the functions have to do in a step.
func (w *worker) run(part []int32, from, to time.Duration) {
	for _, i := range part {
		f := w.functions[i]
		switch {
		case f.busy != nil:
			w.many(f, from, to)
		default:
			w.few(f, to)
		}
	}
}

// few follows each call of a function.
func (w *worker) few(f *function, to time.Duration) {
	for {
		at := f.wake()
		if at >= to {
			return
		}
		if f.auto != nil {
			w.tick(f, at)
		} else {
			w.settle(f, at)
		}
		if f.at <= at {
			w.call(f)
			f.advance()
		}
	}
}

// settle does what the plan wants by now.
func (w *worker) settle(f *function, now time.Duration) {
	last := f.lastFree()
	if f.idleFrom == never && last >= 0 && last <= now {
		w.rest(f, last)
	}
	for i := len(f.instances) - 1; i >= 0; i-- {
		inst := &f.instances[i]
		isLast := f.idleFrom != never && inst.free == last
		if !isLast && inst.free+f.plan.Extra <= now {
			w.end(f, i, inst.free+f.plan.Extra)
		} else if isLast {
			last = -1 // another one that was free at the same time is not the last
		}
	}
	for f.change <= now {
		w.verdict(f, f.change)
	}
}

// rest begins the time in which the function has nothing to do.
func (w *worker) rest(f *function, since time.Duration) {
	f.idleFrom, f.plan = since, f.keeper.Plan()
	w.verdict(f, since)
}

// verdict asks the plan what it wants at a time, and does so.
func (w *worker) verdict(f *function, at time.Duration) {
	s := scale.Subject{Cold: f.Cold, MemoryBytes: f.MemoryBytes}
	if w.policy.Timers && f.Timer && f.at != never {
		s.Next, s.KnownOnly = epoch.Add(f.at), true
	}
	v := f.plan.Verdict(epoch.Add(at), epoch.Add(f.idleFrom), s)
	f.change = never
	if !v.Change.IsZero() {
		f.change = max(v.Change.Sub(epoch), at+1)
	}
	switch {
	case !v.Warm:
		for len(f.instances) > 0 {
			w.end(f, 0, at)
		}
	case len(f.instances) == 0 && !f.evicted:
		w.totals.Ahead += w.counted(at)
		w.start(f, w.choose(f, at), at, at+f.Cold)
	}
}

// call serves the next call of a function.
func (w *worker) call(f *function) {
	now := f.at
	if f.idleFrom != never {
		if f.keeper != nil {
			f.keeper.Add(epoch.Add(now), now-f.idleFrom)
		}
		f.idleFrom, f.change, f.evicted = never, never, false
	}
	counts := w.counted(now)
	w.totals.Calls += counts
	f.done += uint32(counts)
	node := w.choose(f, now)
	w.work[node] += int64(f.took)
	w.totals.Work += counts * f.took.Milliseconds() * f.mebibytes()
	if i := w.idleOn(f, node, now); i >= 0 {
		f.instances[i].serve(now, f.took, w.clocks[node], f.auto)
		return
	}
	i, free := f.firstFree(node)
	if i >= 0 && w.waits(f, node, now) {
		w.totals.Waited += counts
		w.totals.WaitTime += time.Duration(counts) * (free - now)
		f.instances[i].serve(free, f.took, w.clocks[node], f.auto)
		return
	}
	if f.lastFree() > now {
		w.totals.Together += counts
	}
	w.totals.Cold += counts
	f.cold += uint32(counts)
	w.totals.ColdTime += time.Duration(counts) * f.Cold
	w.start(f, node, now, now+f.Cold)
	f.instances[len(f.instances)-1].serve(now+f.Cold, f.took, w.clocks[node], f.auto)
}

// waits asks scale whether a call that finds no idle instance waits for a busy one.
func (w *worker) waits(f *function, node int32, now time.Duration) bool {
	o := scale.Observed{Waiting: 1, Gate: 1, ServiceTime: f.Took, StartTime: f.Cold}
	for i := range f.instances {
		if f.instances[i].node == node {
			o.Busy++
		}
	}
	d := scale.Decide(epoch.Add(now), o, scale.Limits{Max: o.Busy + 1, Concurrency: 1})
	return d.Start == 0
}

// firstFree gives the instance on a node that is free first, or -1.
func (f *function) firstFree(node int32) (int, time.Duration) {
	best, free := -1, never
	for i := range f.instances {
		if inst := &f.instances[i]; inst.node == node && inst.free < free {
			best, free = i, inst.free
		}
	}
	return best, free
}

// idleOn gives the idle instance on a node that was used last, or -1.
func (w *worker) idleOn(f *function, node int32, now time.Duration) int {
	best := -1
	for i := range f.instances {
		inst := &f.instances[i]
		if inst.node == node && inst.free <= now && (best < 0 || inst.free > f.instances[best].free) {
			best = i
		}
	}
	return best
}

// choose names the node for a call.
func (w *worker) choose(f *function, now time.Duration) int32 {
	w.at, w.now = f, now
	w.choice.Chain, w.choice.Popular = f.chain, f.Popular
	w.choice.Total, w.choice.Nodes = int(w.total), w.config.Nodes
	w.choice.Draw = uint64(now) * 0x9e3779b97f4a7c15
	return place.Choose(w.config.Method, w.choice)
}

// start makes an instance that is ready at a time.
func (w *worker) start(f *function, node int32, now, ready time.Duration) {
	f.instances = append(f.instances, instance{node: node, born: now, from: now, free: ready,
		clock: w.clocks[node]})
	w.memory[node] += f.MemoryBytes
}

// serve begins a call on an instance.
func (i *instance) serve(at, took time.Duration, clock float64, a *auto) {
	if a != nil {
		a.spent += overlap(i.from, i.free, a.last, never)
	}
	i.from, i.free, i.clock = at, at+took, clock
	i.uses++
}

// end ends an instance and counts what it held.
func (w *worker) end(f *function, i int, now time.Duration) {
	inst := &f.instances[i]
	now = min(now, w.trace.Span)
	w.totals.Memory += held(inst.born, now, w.config.Learn) * f.mebibytes()
	w.memory[inst.node] -= f.MemoryBytes
	last := len(f.instances) - 1
	f.instances[i] = f.instances[last]
	f.instances[last] = instance{}
	f.instances = f.instances[:last]
}

// held is how many milliseconds of a span count.
func held(from, to, learn time.Duration) int64 {
	return max(to-max(from, learn), 0).Milliseconds()
}

// mebibytes is what an instance takes: sums of whole numbers are the same in any order.
func (f *Function) mebibytes() int64 { return max(f.MemoryBytes>>20, 1) }

// counted is 1 when what happens at a time counts.
func (w *worker) counted(at time.Duration) int64 {
	if at >= w.config.Learn {
		return 1
	}
	return 0
}
