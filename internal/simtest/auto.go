// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"time"

	"github.com/dayfly-faas/dayfly/internal/scale"
)

// autoTarget is how many calls at once an instance that takes one at a time is meant
// to have: Knative's default utilisation.
const autoTarget = 0.7

// auto is the autoscaler of a function.
type auto struct {
	scaler scale.Autoscaler
	last   time.Duration // of the last tick
	spent  time.Duration // by calls since then whose instances serve others by now
	awake  bool
}

// wake is when the next tick is needed: none are while nothing is there to be seen.
func (a *auto) wake(instances int) time.Duration {
	if !a.awake && instances == 0 {
		return never
	}
	return a.last + scale.AutoscaleTick
}

// tick lets the autoscaler look when it is time.
func (w *worker) tick(f *function, now time.Duration) {
	a := f.auto
	if !a.awake {
		a.last, a.awake = now-now%scale.AutoscaleTick, true
	}
	next := a.last + scale.AutoscaleTick
	if next > now {
		return
	}
	spent := a.spent
	for i := range f.instances {
		spent += overlap(f.instances[i].from, f.instances[i].free, a.last, next)
	}
	a.last, a.spent = next, 0
	want := a.scaler.Tick(spent.Seconds()/scale.AutoscaleTick.Seconds(), len(f.instances), autoTarget)
	for len(f.instances) > want {
		i := f.longestIdle(next)
		if i < 0 {
			break
		}
		w.end(f, i, next)
	}
	for len(f.instances) < want {
		w.totals.Ahead += w.counted(next)
		w.start(f, w.choose(f, next), next, next+f.Cold)
	}
	a.awake = !a.scaler.Quiet()
}

// longestIdle gives the instance that is idle for longest, or -1.
func (f *function) longestIdle(now time.Duration) int {
	best := -1
	for i := range f.instances {
		free := f.instances[i].free
		if free <= now && (best < 0 || free < f.instances[best].free) {
			best = i
		}
	}
	return best
}

// overlap is how much of a span lies within another.
func overlap(from, to, low, high time.Duration) time.Duration {
	return max(min(to, high)-max(from, low), 0)
}
