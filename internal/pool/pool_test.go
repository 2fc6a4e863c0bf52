// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/pool"
)

func TestIdleInstanceServesTheNextCall(t *testing.T) {
	t.Parallel()
	p := newPool(t, newWorld(t, func(c *fakeCall) { c.answer("hi from " + string(c.box.id)) }), nil)
	rev := revision("f", nil)
	first, body, err := call(t.Context(), p, rev)
	if err != nil || first.Cold != dayfly.ColdBoot && first.Cold != dayfly.ColdStem {
		t.Fatalf("first call = %q, cold %q, %v; want a cold start", body, first.Cold, err)
	}
	second, again, err := call(t.Context(), p, rev)
	if err != nil || again != body || second.Cold != dayfly.ColdNone || second.CallsServed != 1 {
		t.Errorf("second call = %q, cold %q, served %d, %v; want the first one's instance",
			again, second.Cold, second.CallsServed, err)
	}
}

func TestBurstSharesInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	w.startTime = 50 * time.Millisecond
	p := newPool(t, w, nil)
	rev := revision("f", nil)
	if _, _, err := call(t.Context(), p, rev); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			if _, body, err := call(t.Context(), p, rev); err != nil || body != "ok" {
				t.Errorf("call = %q, %v", body, err)
			}
		})
	}
	wg.Wait()
	if n := len(p.Instances(rev.Function)); n > 100 {
		t.Errorf("500 quick calls at once left %d instances: nobody waited for a release", n)
	}
}

func TestSteadyWaitingIsWorthAnInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { time.Sleep(5 * time.Millisecond); c.answer("ok") })
	w.startTime = 300 * time.Millisecond // so dear that each call alone would rather wait
	p := newPool(t, w, nil)
	rev := revision("f", nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, _, err := call(t.Context(), p, rev); err != nil {
					t.Errorf("call = %v", err)
				}
			}
		})
	}
	eventually(t, "six callers have five instances", func() bool { return len(p.Instances(rev.Function)) >= 5 })
	cancel()
	wg.Wait()
}

func TestLineIsBoundedAndRefusesEarly(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPool(t, newWorld(t, func(c *fakeCall) { <-release; c.answer("ok") }), nil)
	rev := revision("f", func(s *dayfly.Spec) { s.Scaling.MaxInstances, s.Scaling.QueueDepth = 1, 2 })
	var wg sync.WaitGroup
	for range 3 { // one runs, two wait
		wg.Go(func() {
			if _, _, err := call(t.Context(), p, rev); err != nil {
				t.Errorf("call in line = %v", err)
			}
		})
	}
	eventually(t, "one call runs and two wait", func() bool {
		stats := p.Stats()
		return stats.Busy == 1 && stats.Waiting == 2
	})
	rec, _, err := call(t.Context(), p, rev)
	if dayfly.KindOf(err) != dayfly.KindExhausted || rec.QueueDepth != 2 {
		t.Errorf("call past the line = %v, depth %d; want exhausted at 2", err, rec.QueueDepth)
	}
	close(release)
	wg.Wait()
}

func TestCallThatCannotBeInTimeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{}, 10)
	p := newPool(t, newWorld(t, func(c *fakeCall) { <-release; c.answer("ok") }), nil)
	rev := revision("f", func(s *dayfly.Spec) {
		s.Scaling.MaxInstances, s.Scaling.QueueTimeout = 1, time.Millisecond
	})
	time.AfterFunc(100*time.Millisecond, func() { release <- struct{}{} })
	if _, _, err := call(t.Context(), p, rev); err != nil { // teaches that a call takes 100 ms
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), p, rev)
		running <- err
	}()
	eventually(t, "the instance is busy", func() bool { return p.Stats().Busy == 1 })
	if _, _, err := call(t.Context(), p, rev); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("call that would wait 100 ms with 1 ms allowed = %v, want exhausted", err)
	}
	release <- struct{}{}
	if err := <-running; err != nil {
		t.Error(err)
	}
}

func TestReleasedInstanceBeatsAStartThatHangs(t *testing.T) {
	t.Parallel()
	first, second := make(chan struct{}), atomic.Bool{}
	w := newWorld(t, func(c *fakeCall) {
		if second.CompareAndSwap(false, true) {
			<-first
		}
		c.answer(string(c.box.id))
	})
	p := newPool(t, w, func(c *pool.Config) { c.StartsMax = 1 })
	rev := revision("f", func(s *dayfly.Spec) { s.Scaling.MaxInstances = 1 })
	go func() { _, _, _ = call(t.Context(), p, rev) }()
	eventually(t, "the first call runs", func() bool { return p.Stats().Busy == 1 })
	got := make(chan *dayfly.Record, 1)
	go func() {
		rec, _, _ := call(t.Context(), p, rev)
		got <- rec
	}()
	eventually(t, "the second waits", func() bool { return p.Stats().Waiting == 1 })
	close(first)
	if rec := <-got; rec.Cold != dayfly.ColdWaited {
		t.Errorf("second call's instance = %q (%s), want a released one", rec.Cold, rec.Why)
	}
}

func TestTimeoutEndsTheProcessAndTheNextCallIsFresh(t *testing.T) {
	t.Parallel()
	hang := atomic.Bool{}
	hang.Store(true)
	p := newPool(t, newWorld(t, func(c *fakeCall) {
		if !hang.Load() {
			c.answer(string(c.box.id))
		}
	}), nil)
	rev := revision("f", func(s *dayfly.Spec) { s.Limits.Timeout = 20 * time.Millisecond })
	rec, _, err := call(t.Context(), p, rev)
	failure, ok := guest.FailureOf(err)
	if !ok || failure.Kind != dayfly.FailureTimeout || !strings.Contains(failure.Message, "0.02 seconds") {
		t.Fatalf("call that hangs = %v, want a time-out after 0.02 seconds", err)
	}
	hang.Store(false)
	_, body, err := call(t.Context(), p, rev)
	if err != nil || body == string(rec.Instance) {
		t.Errorf("next call = %q, %v; want another instance than %s", body, err, rec.Instance)
	}
}

func TestInstanceThatDiedIdleIsNotMet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	p := newPool(t, w, nil)
	rev := revision("f", nil)
	for range 20 {
		if _, _, err := call(t.Context(), p, rev); err != nil {
			t.Fatalf("call after a death = %v", err)
		}
		for _, b := range w.list() {
			b.Kill()
		}
	}
}

func TestDeathInMidCallIsTheFunctionsFailure(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		exit  func(b *fakeBox)
		kind  dayfly.FailureKind
		words string
	}{
		"exit 0":   {func(b *fakeBox) { b.exit.Code, b.exit.Signal = 0, "" }, dayfly.FailureExit, "without providing a reason"},
		"exit 3":   {func(b *fakeBox) { b.exit.Code, b.exit.Signal = 3, "" }, dayfly.FailureExit, "exit status 3"},
		"signal":   {func(b *fakeBox) { b.exit.Signal = "segmentation fault" }, dayfly.FailureExit, "signal: segmentation fault"},
		"oom kill": {func(b *fakeBox) { b.exit.OOM = true }, dayfly.FailureMemory, "256Mi"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, newWorld(t, func(c *fakeCall) { tc.exit(c.box); c.box.Kill() }), nil)
			_, _, err := call(t.Context(), p, revision("f", nil))
			failure, ok := guest.FailureOf(err)
			if !ok || failure.Kind != tc.kind || !strings.Contains(failure.Message, tc.words) {
				t.Errorf("failure = %+v, %v; want %s with %q", failure, err, tc.kind, tc.words)
			}
		})
	}
}

func TestInitFailureReachesEveryCallerInLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	w.failing.Store(true)
	p := newPool(t, w, nil)
	rev := revision("f", nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, _, err := call(t.Context(), p, rev)
			if failure, ok := guest.FailureOf(err); !ok || failure.Kind != dayfly.FailureInit {
				t.Errorf("call = %v, want an init failure", err)
			} else if !bytes.Contains(failure.Payload, []byte(`"errorMessage":"RequestId: `)) {
				t.Errorf("payload = %s, want one with the call's id", failure.Payload)
			}
		})
	}
	wg.Wait()
	w.failing.Store(false)
	if _, _, err := call(t.Context(), p, rev); err != nil {
		t.Errorf("call once the code is mended = %v", err)
	}
}

func TestCallerThatGoesAwayLeavesTheLine(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPool(t, newWorld(t, func(c *fakeCall) { <-release; c.answer("ok") }), nil)
	rev := revision("f", func(s *dayfly.Spec) { s.Scaling.MaxInstances = 1 })
	running := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), p, rev)
		running <- err
	}()
	eventually(t, "the instance is busy", func() bool { return p.Stats().Busy == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, _, err := call(ctx, p, rev)
		gone <- err
	}()
	eventually(t, "the second waits", func() bool { return p.Stats().Waiting == 1 })
	cancel()
	if err := <-gone; dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("call of a gone caller = %v, want canceled", err)
	}
	if n := p.Stats().Waiting; n != 0 {
		t.Errorf("%d calls wait, want 0", n)
	}
	close(release)
	if err := <-running; err != nil {
		t.Error(err)
	}
}

func TestIdleInstancesFreezeAndThaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer(fmt.Sprint(c.box.frozen.Load())) })
	p := newPool(t, w, nil)
	rev := revision("f", nil)
	if _, _, err := call(t.Context(), p, rev); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the instance is frozen", func() bool {
		list := p.Instances(rev.Function)
		return len(list) == 1 && list[0].State == "frozen"
	})
	if _, body, err := call(t.Context(), p, rev); err != nil || body != "0" {
		t.Errorf("call on a frozen instance = frozen %s, %v; want it thawed", body, err)
	}
}

func TestMemoryBudgetEvictsIdleInstancesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	p := newPool(t, w, func(c *pool.Config) { c.MemoryBytes = 3 * 64 << 20 })
	for i := range 10 {
		if _, _, err := call(t.Context(), p, revision(fmt.Sprintf("f%d", i), nil)); err != nil {
			t.Fatalf("call of function %d = %v", i, err)
		}
		if used := p.Stats().MemoryBytes; used > 3*64<<20 {
			t.Errorf("%d bytes are charged, more than the budget", used)
		}
	}
}

func TestMemoryFullOfBusyInstancesRefuses(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := newPool(t, newWorld(t, func(c *fakeCall) { <-release; c.answer("ok") }),
		func(c *pool.Config) { c.MemoryBytes = 64 << 20 })
	running := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), p, revision("a", nil))
		running <- err
	}()
	eventually(t, "the budget is used", func() bool { return p.Stats().Busy == 1 })
	waiting := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), p, revision("b", nil))
		waiting <- err
	}()
	eventually(t, "the first caller of b waits in hope", func() bool { return p.Stats().Waiting == 1 })
	eventually(t, "b is refused", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _, err := call(ctx, p, revision("b", nil))
		return dayfly.KindOf(err) == dayfly.KindExhausted || dayfly.KindOf(err) == dayfly.KindCanceled
	})
	close(release)
	if err := <-running; err != nil {
		t.Error(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("call that waited for memory = %v", err)
	}
}

func TestRetiredRevisionServesItsCallsAndEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := newWorld(t, func(c *fakeCall) { <-release; c.answer("old") })
	p := newPool(t, w, nil)
	old := revision("f", nil)
	newer := *old
	newer.ID, newer.Number = old.Function.Revision(2), 2
	running := make(chan string, 1)
	go func() {
		_, body, err := call(t.Context(), p, old)
		running <- fmt.Sprint(body, err)
	}()
	eventually(t, "the old revision is busy", func() bool { return p.Stats().Busy == 1 })
	p.Retire(old.Function, &newer)
	close(release)
	if got := <-running; got != "old<nil>" {
		t.Errorf("call under way at the switch = %s, want its answer", got)
	}
	eventually(t, "the old revision's instances are gone", func() bool { return len(p.Instances(old.Function)) == 0 })
}

func TestConcurrencySharesOneInstance(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 4), make(chan struct{})
	p := newPool(t, newWorld(t, func(c *fakeCall) { arrived <- struct{}{}; <-release; c.answer(string(c.box.id)) }), nil)
	rev := revision("f", func(s *dayfly.Spec) { s.Scaling.Concurrency, s.Scaling.MaxInstances = 4, 1 })
	bodies := make(chan string, 4)
	for range 4 {
		go func() {
			_, body, err := call(t.Context(), p, rev)
			bodies <- fmt.Sprint(body, err)
		}()
	}
	for range 4 {
		<-arrived // all four are in the one instance at once
	}
	close(release)
	first := <-bodies
	for range 3 {
		if got := <-bodies; got != first {
			t.Errorf("calls ran in %s and %s, want one instance", first, got)
		}
	}
}

func TestEvictEndsIdleInstances(t *testing.T) {
	t.Parallel()
	p := newPool(t, newWorld(t, func(c *fakeCall) { c.answer("ok") }), nil)
	rev := revision("f", nil)
	if _, _, err := call(t.Context(), p, rev); err != nil {
		t.Fatal(err)
	}
	if n := p.Evict(rev.Function); n != 1 {
		t.Errorf("Evict() = %d, want 1", n)
	}
	rec, _, err := call(t.Context(), p, rev)
	if err != nil || rec.Cold == dayfly.ColdNone {
		t.Errorf("call after evict: cold %q, %v; want a cold start", rec.Cold, err)
	}
}

// A project that starts many functions at once makes another wait for one of its starts, not
// for all of them.
func TestStartsGoRoundProjects(t *testing.T) {
	t.Parallel()
	const many = 60
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	w.startTime = 10 * time.Millisecond
	p := newPool(t, w, func(cfg *pool.Config) { cfg.StartsMax, cfg.StemsPerRuntime = 1, 0 })
	var served atomic.Int64
	var calls sync.WaitGroup
	defer calls.Wait()
	for i := range many {
		calls.Go(func() {
			if _, _, err := call(t.Context(), p, revision(fmt.Sprintf("big-%d", i), nil)); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			served.Add(1)
		})
	}
	eventually(t, "starts wait for their turn", func() bool { return served.Load() > 0 })
	rev := revision("small", nil)
	rev.Function.Project = "quiet"
	rev.ID = rev.Function.Revision(1)
	before := served.Load()
	if _, _, err := call(t.Context(), p, rev); err != nil {
		t.Fatal(err)
	}
	if passed := served.Load() - before; passed > many/4 {
		t.Errorf("%d of %d starts of one project came before the first of another", passed, many)
	}
}

// A start that is given up leaves its turn to the next.
func TestStartsThatAreGivenUpAreNoTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") })
	w.startTime = 50 * time.Millisecond
	p := newPool(t, w, func(cfg *pool.Config) { cfg.StartsMax, cfg.StemsPerRuntime = 1, 0 })
	ctx, cancel := context.WithCancel(t.Context())
	var probes sync.WaitGroup
	for i := range 20 {
		probes.Go(func() { _ = p.Probe(ctx, revision(fmt.Sprintf("probed-%d", i), nil)) })
	}
	eventually(t, "a start is under way", func() bool { return w.count() > 0 })
	cancel()
	probes.Wait()
	if _, _, err := call(t.Context(), p, revision("f", nil)); err != nil {
		t.Errorf("after starts that were given up: %v", err)
	}
}
