// SPDX-License-Identifier: Apache-2.0

package timer_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

// TestACrashLosesNothingAndDoublesNothing stops a timer for good at each point before and
// after a write, as a kill would, and lets another one go on.
func TestACrashLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"claim:before", "claim:after", "push:after", "confirm:before", "confirm:after"} {
		for hit := range 3 {
			t.Run(fmt.Sprint(point, " ", hit+1), func(t *testing.T) {
				t.Parallel()
				crashAt(t, point, hit, 5)
			})
		}
	}
	for _, point := range []string{"page:before", "page:after"} { // after 40 entries, and 60
		for hit := range 2 {
			t.Run(fmt.Sprint(point, " ", hit+1), func(t *testing.T) {
				t.Parallel()
				crashAt(t, point, hit, 65)
			})
		}
	}
}

// crashAt lets a timer run for some minutes and stops it at a point, the first time or a
// later one.
func crashAt(t *testing.T, point string, hit, minutes int) {
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1m", allow))
	crashed, buried := make(chan struct{}), make(chan struct{})
	killed := timer.New(w.log, w.clock, w.store, w, w.inbox)
	killed.SetFault(func(p string) {
		if p != point {
			return
		}
		if hit--; hit == -1 {
			close(crashed)
			<-buried
		}
	})
	stop := w.run(t, killed)
	// Only when all is over may the dead one's goroutine end: it wakes up to a
	// ledger that went on without it.
	t.Cleanup(func() { close(buried); stop() })
	entered(t, w, killed, "c")
	begin := w.clock.Now()
	ctx := t.Context()
	go func() { _, _ = w.clock.Advance(ctx, time.Duration(minutes)*time.Minute) }() // it never returns by itself
	<-crashed

	next := clock.NewVirtual()
	if _, err := next.Advance(t.Context(), w.clock.Now().Sub(next.Now())); err != nil {
		t.Fatal(err)
	}
	tm, stopNext := w.start(t, next)
	waitFor(t, "the claim to be settled", func() bool {
		return len(w.inbox.pushes()) >= hit+1 && len(runs(t, tm, report, "c")) >= len(w.inbox.pushes())
	})
	if _, err := next.Advance(t.Context(), begin.Add(time.Duration(minutes+5)*time.Minute).Sub(next.Now())); err != nil {
		t.Fatal(err)
	}
	stopNext()
	checkOnce(t, w, tm, minutes+5)
}

// checkOnce wants each of the first due times to have fired one event, and one entry.
func checkOnce(t *testing.T, w *world, tm *timer.Timer, want int) {
	t.Helper()
	seen := map[time.Time]int{}
	for _, p := range w.inbox.pushes() {
		seen[p.Event.Time]++
	}
	history, err := tm.History(t.Context(), report, "c", 200)
	if err != nil {
		t.Fatal(err)
	}
	entries := map[time.Time]int{}
	for _, r := range history {
		entries[r.Due]++
		if entries[r.Due] != 1 || seen[r.Due] != 1 {
			t.Errorf("%s has %d entries and %d events, want one of each: %s", r.Due, entries[r.Due],
				seen[r.Due], words(r))
		}
	}
	// Clocks run on while the test does.
	if n := len(seen); n != len(entries) || n < want || n > want+2 {
		t.Errorf("%d due times fired and %d are in the ledger, want %d of both", n, len(entries), want)
	}
}

// TestAClaimThatIsFoundLate holds that what a kill left is caught up, or not, as other due
// times of the downtime are.
func TestAClaimThatIsFoundLate(t *testing.T) {
	t.Parallel()
	for policy, want := range map[dayfly.CatchUp]string{
		dayfly.CatchUpLast: "1 late: its event was not accepted before",
		dayfly.CatchUpNone: "1 missed: no node ran, and it is too old to be caught up",
	} {
		w := newWorld(t)
		w.deploy(t, report, every("c", "@every 24h", func(c *dayfly.CronTrigger) { c.CatchUp = policy }))
		killed := timer.New(w.log, w.clock, w.store, w, w.inbox)
		crashed, buried := make(chan struct{}), make(chan struct{})
		killed.SetFault(func(p string) {
			if p == "claim:after" {
				close(crashed)
				<-buried
			}
		})
		stop := w.run(t, killed)
		t.Cleanup(func() { close(buried); stop() })
		entered(t, w, killed, "c")
		ctx := t.Context()
		go func() { _, _ = w.clock.Advance(ctx, 24*time.Hour) }()
		<-crashed
		next := clock.NewVirtual()
		if _, err := next.Advance(t.Context(), w.clock.Now().Sub(next.Now())+time.Hour); err != nil {
			t.Fatal(err)
		}
		tm, _ := w.start(t, next)
		waitFor(t, "the claim to be settled", func() bool { return len(runs(t, tm, report, "c")) > 0 })
		if got := runs(t, tm, report, "c"); got[0] != want {
			t.Errorf("catch-up %s of a claim an hour old: %q, want %q", policy, got, want)
		}
	}
}

// TestManyTimersFireOnce lets nodes whose clocks differ watch one ledger: each races ahead
// of the others now and then, and several come to a due time at once.
func TestManyTimersFireOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1m", allow))
	var timers []*timer.Timer
	var clocks []*clock.Clock
	for range 4 {
		c := clock.NewVirtual()
		tm, _ := w.start(t, c)
		timers, clocks = append(timers, tm), append(clocks, c)
	}
	entered(t, w, timers[0], "c")
	var all sync.WaitGroup
	for n, c := range clocks {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			for end := c.Now().Add(60*time.Minute + 30*time.Second); c.Now().Before(end); {
				step := min(time.Duration(1+r.IntN(200))*time.Second, end.Sub(c.Now()))
				if step <= 0 {
					break
				}
				if _, err := c.Advance(t.Context(), step); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	checkOnce(t, w, timers[0], 60)
}

// TestTwoNodesAtOneMoment is the same with clocks that agree: everyone wants each due time
// at the same instant.
func TestTwoNodesAtOneMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy(t, report, every("c", "@every 1s", allow))
	var tm *timer.Timer
	for range 3 {
		tm, _ = w.start(t, clock.New())
	}
	waitFor(t, "three runs", func() bool { return len(w.inbox.pushes()) >= 3 })
	waitFor(t, "their entries", func() bool { return len(runs(t, tm, report, "c")) >= 3 })
	seen := map[time.Time]int{}
	for _, p := range w.inbox.pushes() {
		if seen[p.Event.Time]++; seen[p.Event.Time] > 1 {
			t.Errorf("%s fired twice", p.Event.Time)
		}
	}
}
