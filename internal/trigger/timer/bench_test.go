// SPDX-License-Identifier: Apache-2.0

package timer_test

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

const cronsMany = 10_000

// TestIdleCronsCostNothing holds that crons which are not due start no goroutine, and
// wake nobody.
func TestIdleCronsCostNothing(t *testing.T) {
	n := cronsMany
	if testing.Short() {
		n = 1000
	}
	w := newWorld(t)
	crowd(t, w, n)
	without := idle(t)
	before := runtime.NumGoroutine()
	heap := heapBytes()
	tm, stop := w.start(t, w.clock)
	waitFor(t, "the ledgers", func() bool {
		time.Sleep(200 * time.Millisecond) // listing them all is work
		records, err := w.store.List(t.Context(), "head")
		return err == nil && len(records) == n
	})
	used := idle(t)
	if extra := runtime.NumGoroutine() - before; extra > 8 {
		t.Errorf("%d crons have %d goroutines", n, extra)
	}
	each := float64(heapBytes()-heap) / float64(n)
	t.Logf("%d idle crons: %.0f bytes each; the process takes %s of processor in a second, %s without them",
		n, each, used, without)
	if used > without+50*time.Millisecond {
		t.Errorf("%d idle crons take %s of processor in a second, %s without them", n, used, without)
	}
	stop()
	if got := tm.Waiting(); got != n {
		t.Errorf("%d crons wait, want %d", got, n)
	}
}

// idle measures what the process takes in a second in which nothing is asked of it.
func idle(t *testing.T) time.Duration {
	t.Helper()
	runtime.GC()
	time.Sleep(300 * time.Millisecond) // for what was asked for last
	began := processorTime(t)
	time.Sleep(time.Second)
	return processorTime(t) - began
}

// crowd makes functions with a hundred crons each.
func crowd(t testing.TB, w *world, n int) {
	t.Helper()
	for f := range n / 100 {
		var triggers []dayfly.Trigger
		for c := range 100 {
			triggers = append(triggers, every(fmt.Sprint("c", c), fmt.Sprintf("%d %d 1 1 *", c%60, c%24)))
		}
		w.deploy(t, dayfly.FunctionRef{Project: "default", Name: dayfly.FunctionName(fmt.Sprint("f", f))}, triggers...)
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFire is one due time from the ring of the alarm to the confirmation in the
// ledger, over a real bus.
func BenchmarkFire(b *testing.B) {
	w := newWorld(b)
	w.deploy(b, report, every("c", "@every 1m", allow))
	tm, _ := w.start(b, w.clock)
	entered(b, w, tm, "c")
	for b.Loop() {
		if _, err := w.clock.Advance(context.Background(), time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThousandAtOnce is the full hour of a node with a thousand hourly crons.
func BenchmarkThousandAtOnce(b *testing.B) {
	w := newWorld(b)
	for f := range 10 {
		var triggers []dayfly.Trigger
		for c := range 100 {
			triggers = append(triggers, every(fmt.Sprint("c", c), "0 * * * *", allow))
		}
		w.deploy(b, dayfly.FunctionRef{Project: "default", Name: dayfly.FunctionName(fmt.Sprint("f", f))}, triggers...)
	}
	var tm *timer.Timer
	tm, _ = w.start(b, w.clock)
	waitFor(b, "the ledgers", func() bool {
		crons, err := tm.Crons(b.Context(), "", "")
		return err == nil && len(crons) == 1000
	})
	for b.Loop() {
		if _, err := w.clock.Advance(context.Background(), time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
