// SPDX-License-Identifier: Apache-2.0

package timer_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var report = dayfly.FunctionRef{Project: "default", Name: "report"}

// inbox is a queue that keeps what it accepts and executes nothing: a test says when
// an event has ended.
type inbox struct {
	mu       sync.Mutex // guards all below
	accepted []queue.Push
	states   map[dayfly.EventID]dayfly.EventState
	refuse   func(queue.Push) error
}

// Push accepts an identity once.
func (q *inbox) Push(_ context.Context, p queue.Push) (queue.Accepted, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		if err := q.refuse(p); err != nil {
			return queue.Accepted{}, err
		}
	}
	if _, known := q.states[p.ID]; known {
		return queue.Accepted{ID: p.ID, Duplicate: true}, nil
	}
	q.states[p.ID] = dayfly.EventDone
	q.accepted = append(q.accepted, p)
	return queue.Accepted{ID: p.ID}, nil
}

// Event tells the state of what was accepted.
func (q *inbox) Event(_ context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	state, known := q.states[id]
	if !known {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "event %s not found", id)
	}
	return &dayfly.EventInfo{ID: id, State: state}, nil
}

func (q *inbox) set(id dayfly.EventID, s dayfly.EventState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.states[id] = s
}

func (q *inbox) pushes() []queue.Push {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]queue.Push(nil), q.accepted...)
}

// world is what a timer stands on: a real bus with a real catalog.
type world struct {
	*catalog.Catalog
	clock *clock.Clock
	store *store.Store
	inbox *inbox
	log   *slog.Logger
}

func newWorld(t testing.TB) *world {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: t.TempDir()}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	functions, crons := store.New(b, bus.BucketCatalog, log), store.New(b, bus.BucketCrons, log)
	for _, s := range []*store.Store{functions, crons} {
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := catalog.New(functions, log)
	if err := c.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	return &world{c, clock.NewVirtual(), crons, newInbox(), log}
}

func newInbox() *inbox { return &inbox{states: map[dayfly.EventID]dayfly.EventState{}} }

// deploy makes a revision with these triggers live.
func (w *world) deploy(t testing.TB, ref dayfly.FunctionRef, triggers ...dayfly.Trigger) {
	t.Helper()
	spec := dayfly.DefaultSpec()
	spec.Runtime, spec.Contract, spec.Entry = "python3.11", dayfly.ContractHandler, "app.handler"
	spec.Dialect, spec.Triggers = "lambda", triggers
	r, err := w.Publish(t.Context(), dayfly.Revision{Function: ref, Spec: spec,
		Source: dayfly.Digest(strings.Repeat("5", 64)), Bundle: dayfly.Digest(strings.Repeat("b", 64))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Activate(t.Context(), ref, r.Number); err != nil {
		t.Fatal(err)
	}
}

func every(name, expression string, more ...func(*dayfly.CronTrigger)) dayfly.Trigger {
	c := &dayfly.CronTrigger{Expression: expression}
	for _, change := range more {
		change(c)
	}
	return dayfly.Trigger{Name: dayfly.TriggerName(name), Cron: c}
}

// start runs a timer on the clock; stop ends it.
func (w *world) start(t testing.TB, c *clock.Clock) (tm *timer.Timer, stop func()) {
	t.Helper()
	tm = timer.New(w.log, c, w.store, w, w.inbox)
	return tm, w.run(t, tm)
}

func (w *world) run(t testing.TB, tm *timer.Timer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tm.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Run goes on 30s after its end was asked for")
		}
	})
	t.Cleanup(stop)
	return stop
}

// entered waits until the ledger has all of these crons with a next due time, or none.
func entered(t testing.TB, w *world, tm *timer.Timer, names ...string) {
	t.Helper()
	waitFor(t, "crons "+strings.Join(names, ", "), func() bool {
		records, err := w.store.List(t.Context(), "head")
		if err != nil {
			t.Fatal(err)
		}
		var found int
		for _, r := range records {
			for _, name := range names {
				if strings.HasSuffix(r.Key, "/"+name) && !strings.Contains(string(r.Value), `"gone"`) {
					found++
				}
			}
		}
		return found == len(names)
	})
}

func (w *world) advance(t testing.TB, by time.Duration) int {
	t.Helper()
	n, err := w.clock.Advance(t.Context(), by)
	if err != nil {
		t.Fatalf("Advance(%s): %v", by, err)
	}
	return n
}

// runs gives a ledger in words, the oldest first.
func runs(t testing.TB, tm *timer.Timer, ref dayfly.FunctionRef, name string) []string {
	t.Helper()
	list, err := tm.History(t.Context(), ref, dayfly.TriggerName(name), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, words(list[i]))
	}
	return out
}

func words(r cron.Run) string {
	text := fmt.Sprint(r.Number, " ", r.Outcome)
	if r.Count > 0 {
		text += fmt.Sprint(" ", r.Count)
	}
	if r.Why != "" {
		text += ": " + r.Why
	}
	return text
}

func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s after a minute", what)
		}
	}
}
