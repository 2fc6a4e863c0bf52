// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"container/heap"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

const (
	// firesMax is how many crons fire at once: each waits for three writes of the bus,
	// which shares its own between those who wait.
	firesMax = 16
	// readRetry is how long a cron whose ledger cannot be read or written waits.
	readRetry = time.Second
)

// Catalog tells what is live.
type Catalog interface {
	Functions(dayfly.ProjectName) []dayfly.Function
	Resolve(dayfly.FunctionRef, dayfly.AliasName) (*dayfly.Revision, error)
	Watch(func(catalog.Change)) (stop func())
}

// Queue accepts events, and knows what became of them.
type Queue interface {
	Push(context.Context, queue.Push) (queue.Accepted, error)
	Event(context.Context, dayfly.EventID) (*dayfly.EventInfo, error)
}

// Timer fires crons. Crons, History and Fire may be called from any goroutine.
type Timer struct {
	log     *slog.Logger
	clock   *clock.Clock
	records Records
	catalog Catalog
	queue   Queue
	me      string // in claims

	// Run's goroutine alone touches these.
	functions map[dayfly.FunctionRef]*function // those that have crons
	heap      entries

	// fault is called at each point before and after a write; tests set it.
	fault func(point string)
}

// function is what is known of one that has crons.
type function struct {
	live  *dayfly.Revision
	crons map[dayfly.TriggerName]*entry
}

// entry is one live cron.
type entry struct {
	id       id
	trigger  *dayfly.CronTrigger
	schedule cron.Schedule
	at       time.Time // when it is looked at next
	retries  int       // of a push that is not accepted
	place    int       // in the heap; -1: not there
	// found is the event of a claim that stood open when this timer came: whoever made
	// it was killed, or is about to push.
	found dayfly.EventID
}

// New makes a timer over open records; it starts nothing.
func New(log *slog.Logger, c *clock.Clock, records Records, cat Catalog, q Queue) *Timer {
	return &Timer{log: log, clock: c, records: records, catalog: cat, queue: q, me: rand.Text(),
		functions: map[dayfly.FunctionRef]*function{}, fault: func(string) {}}
}

// Run fires what is due until ctx ends.
//
//	1 listen to what changes      3 sleep until a cron is due, or something changes
//	2 learn what is live          4 fire all that is due; on with 3
func (t *Timer) Run(ctx context.Context) error {
	changes := make(chan catalog.Change)
	defer t.catalog.Watch(func(c catalog.Change) {
		select {
		case changes <- c:
		case <-ctx.Done():
		}
	})()
	alarm := t.clock.Alarm()
	defer alarm.Close()
	alarm.Set(t.clock.Now()) // a jump waits until all is learned
	if err := t.learn(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for {
		alarm.Set(t.heap.earliest())
		select {
		case <-ctx.Done():
			return nil
		case c := <-changes:
			t.follow(ctx, c.Function, c.Live)
		case ring := <-alarm.C():
			if ring.Begin {
				t.refresh(ctx)
			}
			fired := t.fireDue(ctx, ring)
			alarm.Set(t.heap.earliest())
			ring.Done(fired)
		}
	}
}

// fireDue handles every cron whose time has come, some at once, and tells how many
// events were accepted.
func (t *Timer) fireDue(ctx context.Context, ring clock.Ring) int {
	now := t.clock.Now()
	var due []*entry
	for at := t.heap.earliest(); !at.IsZero() && !at.After(now); at = t.heap.earliest() {
		due = append(due, heap.Pop(&t.heap).(*entry))
	}
	slots := make(chan struct{}, firesMax)
	fired := make([]int, len(due))
	var wg sync.WaitGroup
	for n, e := range due {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			fired[n] = t.handle(ctx, e, ring.Jump)
		})
	}
	wg.Wait()
	total := 0
	for n, e := range due {
		total += fired[n]
		t.enter(e)
	}
	return total
}

// enter puts an entry into the heap, unless nothing is to come of it.
func (t *Timer) enter(e *entry) {
	if !e.at.IsZero() && e.place < 0 {
		heap.Push(&t.heap, e)
	}
}

// entries is a heap of crons, the earliest first.
type entries []*entry

func (h entries) earliest() time.Time {
	if len(h) == 0 {
		return time.Time{}
	}
	return h[0].at
}

// Len implements heap.Interface.
func (h entries) Len() int { return len(h) }

// Less implements heap.Interface.
func (h entries) Less(a, b int) bool { return h[a].at.Before(h[b].at) }

// Swap implements heap.Interface.
func (h entries) Swap(a, b int) {
	h[a], h[b] = h[b], h[a]
	h[a].place, h[b].place = a, b
}

// Push implements heap.Interface.
func (h *entries) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop implements heap.Interface.
func (h *entries) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h, e.place = old[:len(old)-1], -1
	return e
}
