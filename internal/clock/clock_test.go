// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/clock"
)

// owner answers an alarm as parts of the platform do: it notes the time and sets the
// alarm again, a period later.
type owner struct {
	name   string
	clock  *clock.Clock
	alarm  *clock.Alarm
	period time.Duration

	mu   *sync.Mutex // guards rung
	rung *[]string
}

func (o *owner) run(ctx context.Context, start time.Time) {
	defer o.alarm.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-o.alarm.C():
			if r.Begin {
				r.Done(0)
				continue
			}
			o.mu.Lock()
			*o.rung = append(*o.rung, fmt.Sprint(o.name, " ", o.clock.Now().Sub(start)))
			o.mu.Unlock()
			if o.period > 0 {
				o.alarm.Set(r.At.Add(o.period))
			}
			r.Done(1)
		}
	}
}

// alarms starts owners with these periods on a clock; each rings first a period after now.
func alarms(t *testing.T, c *clock.Clock, periods map[string]time.Duration) func() []string {
	t.Helper()
	var mu sync.Mutex
	var rung []string
	start := c.Now()
	for _, name := range []string{"a", "b", "c"} {
		if periods[name] == 0 {
			continue
		}
		o := &owner{name, c, c.Alarm(), periods[name], &mu, &rung}
		o.alarm.Set(start.Add(o.period))
		go o.run(t.Context(), start)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), rung...)
	}
}

func TestAdvanceRingsInOrderEachAtItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewVirtual()
		rung := alarms(t, c, map[string]time.Duration{"a": 2 * time.Hour, "b": 3 * time.Hour})
		start := c.Now()
		n, err := c.Advance(t.Context(), 7*time.Hour)
		if n != 5 || err != nil {
			t.Errorf("Advance = %d, %v; want 5", n, err)
		}
		if got := c.Now().Sub(start); got != 7*time.Hour {
			t.Errorf("after Advance it is %s later, want 7h", got)
		}
		want := []string{"a 2h0m0s", "b 3h0m0s", "a 4h0m0s", "a 6h0m0s", "b 6h0m0s"}
		if d := cmp.Diff(want, rung()); d != "" {
			t.Errorf("alarms rang (-want +got):\n%s", d)
		}
		time.Sleep(time.Hour + time.Second) // of the bubble: time runs on from there
		if d := cmp.Diff(append(want, "a 8h0m0s"), rung()); d != "" {
			t.Errorf("an hour later alarms had rung (-want +got):\n%s", d)
		}
	})
}

func TestAlarmsRingWhenTheirTimeComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		rung := alarms(t, c, map[string]time.Duration{"a": 10 * time.Minute, "b": 25 * time.Minute})
		time.Sleep(31 * time.Minute)
		want := []string{"a 10m0s", "a 20m0s", "b 25m0s", "a 30m0s"}
		if d := cmp.Diff(want, rung()); d != "" {
			t.Errorf("alarms rang (-want +got):\n%s", d)
		}
	})
}

func TestSetReplacesAndSilences(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		a := c.Alarm()
		defer a.Close()
		start := c.Now()
		a.Set(start.Add(time.Minute))
		a.Set(start.Add(3 * time.Minute))
		select {
		case r := <-a.C():
			if got := r.At.Sub(start); got != 3*time.Minute || r.Jump {
				t.Errorf("it rang after %s, jump %t; want 3m, false", got, r.Jump)
			}
			r.Done(0)
		case <-time.After(time.Hour):
			t.Error("it does not ring")
		}
		a.Set(start.Add(5 * time.Minute))
		a.Set(time.Time{})
		select {
		case <-a.C():
			t.Error("it rings though it is silenced")
		case <-time.After(time.Hour):
		}
		a.Set(start) // past: at once
		r := <-a.C()
		r.Done(0)
		if got := r.At.Sub(start); got < time.Hour {
			t.Errorf("a past alarm says it is %s, want the time that it is", got)
		}
	})
}

func TestAdvanceIsForDevelopment(t *testing.T) {
	t.Parallel()
	_, err := clock.New().Advance(t.Context(), time.Hour)
	if dayfly.KindOf(err) != dayfly.KindDenied {
		t.Errorf("Advance of a real clock: %v, want it denied", err)
	}
	for _, by := range []time.Duration{0, -time.Hour, 367 * 24 * time.Hour} {
		if _, err := clock.NewVirtual().Advance(t.Context(), by); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("Advance by %s: %v, want it refused", by, err)
		}
	}
}

func TestAdvanceStopsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewVirtual()
		a := c.Alarm() // nobody answers, but to the first ring
		start := c.Now()
		a.Set(start.Add(time.Hour))
		go func() { (<-a.C()).Done(0) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Advance(ctx, 2*time.Hour); dayfly.KindOf(err) != dayfly.KindCanceled {
			t.Errorf("Advance: %v, want it canceled", err)
		}
		if got := c.Now().Sub(start); got != time.Hour {
			t.Errorf("it is %s later, want 1h: the time of the alarm that nobody heard", got)
		}
		r := <-a.C() // it was not lost
		r.Done(0)
		a.Close()
	})
}

func TestAdvanceWaitsForWhatRings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewVirtual()
		a := c.Alarm()
		defer a.Close()
		start := c.Now()
		a.Set(start.Add(time.Second))
		first := <-a.C()
		advanced := make(chan int, 1)
		go func() {
			n, _ := c.Advance(t.Context(), time.Hour)
			advanced <- n
		}()
		synctest.Wait()
		select {
		case <-advanced:
			t.Fatal("Advance is done though an alarm rings")
		default:
		}
		a.Set(first.At.Add(time.Minute))
		first.Done(1)
		if begin := <-a.C(); begin.Begin {
			begin.Done(0)
		} else {
			t.Error("Advance does not tell that it begins")
		}
		second := <-a.C()
		if !second.Jump {
			t.Error("the second ring is not told to be a jump")
		}
		second.Done(1)
		if n := <-advanced; n != 1 {
			t.Errorf("Advance fired %d, want 1: the other was not its own", n)
		}
	})
}

func TestAdvancesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewVirtual()
		rung := alarms(t, c, map[string]time.Duration{"a": time.Hour})
		start := c.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := c.Advance(t.Context(), 90*time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := c.Now().Sub(start); got != 6*time.Hour || len(rung()) != 6 {
			t.Errorf("after four times 90m it is %s later and rang %d times, want 6h and 6", got, len(rung()))
		}
	})
}
