// SPDX-License-Identifier: Apache-2.0

package processors

import (
	"testing"
	"time"
)

// What busy instances need is learnt from the processor time that they use, and what all of
// them claim follows.
func TestEffortIsLearntFromWhatCallsUse(t *testing.T) {
	t.Parallel()
	const call, start = 100 * time.Millisecond, 30 * time.Millisecond
	for name, c := range map[string]struct {
		used time.Duration // of the processor, in a call
		want int64
		free bool // more instances may come while the processors are full
	}{
		"waits":             {2 * time.Millisecond, 20, true},
		"computes":          {100 * time.Millisecond, 1000, false},
		"computes in turns": {40 * time.Millisecond, 400, false},
		"two threads":       {200 * time.Millisecond, 2000, false},
		"nothing":           {0, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, m := new(Watch), Meter{}
			e := NewEffort(w)
			e.Measure(&m, start, 0)
			e.Began()
			e.Began()
			if got := w.claim.Load(); got != 2*unknown || e.Measured() {
				t.Errorf("two instances that were not measured claim %d, want %d", got, 2*unknown)
			}
			w.full.Store(true)
			w.busy.Store(1 << 20)
			if !e.Crowded() {
				t.Error("calls that were not measured are not said to crowd full processors")
			}
			e.Measure(&m, start+c.used, call)
			if e.milli != c.want || w.claim.Load() != 2*c.want {
				t.Errorf("the effort is %d and two instances claim %d, want %d and %d", e.milli, w.claim.Load(), c.want, 2*c.want)
			}
			if e.Crowded() == c.free {
				t.Errorf("crowded = %v, want %v", e.Crowded(), !c.free)
			}
			e.Measure(&m, start+c.used, call) // idle since
			if e.milli != c.want {
				t.Errorf("an idle while made the effort %d, want %d", e.milli, c.want)
			}
			w.full.Store(false)
			if e.Crowded() {
				t.Error("processors that are not full are crowded")
			}
			e.Ended()
			e.Ended()
			if got := w.claim.Load(); got != 0 {
				t.Errorf("idle instances claim %d", got)
			}
		})
	}
}

// Many that wait for the most part are as good as a few that compute.
func TestWaitingCallsCrowdTogether(t *testing.T) {
	t.Parallel()
	w, m := new(Watch), Meter{}
	e := NewEffort(w)
	e.Measure(&m, 0, 0)
	e.Measure(&m, 20*time.Millisecond, 100*time.Millisecond)
	w.full.Store(true)
	w.busy.Store(1 << 20)
	for n := 0; !e.Crowded(); n++ {
		if n > 100_000 {
			t.Fatal("a hundred thousand instances that take a fifth of a processor each do not crowd this machine")
		}
		e.Began()
	}
	if e.busy < 2 {
		t.Errorf("%d instances that wait crowd the machine", e.busy)
	}
}
