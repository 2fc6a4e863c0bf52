// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

const (
	// fromFirst is the From of a trigger that begins with the oldest event that is kept.
	fromFirst = "first"
	// settleTimeout bounds what one change of a function takes: a few records.
	settleTimeout = 30 * time.Second
)

// Queue takes the copies: package queue. It accepts a prefix of the pushes, all unless
// it says why not.
type Queue interface {
	PushAll(context.Context, []queue.Push) ([]queue.Accepted, error)
	// Waiting tells how many copies for a trigger are not executed yet.
	Waiting(context.Context, dayfly.FunctionRef, dayfly.TriggerName) (uint64, error)
}

// Notices knows the triggers that buckets have by themselves, beside those of revisions:
// package blob/notice.
type Notices interface {
	Triggers(dayfly.FunctionRef) []dayfly.Trigger
	// Of gives all that a project's buckets have, of every project for "".
	Of(dayfly.ProjectName) []notice.Entry
	// Watch has fn called after each change.
	Watch(fn func(notice.Change))
}

// Triggers are the copiers of all functions. Its methods may be called from any
// goroutine, once it is open; events are copied while Run runs.
type Triggers struct {
	log     *slog.Logger
	catalog *catalog.Catalog
	topic   *topic.Topic
	queue   Queue
	notices Notices

	turn chan struct{} // holds one element while a function is settled: one at a time

	mu      sync.Mutex // guards all below
	copiers map[string]*copier
	running context.Context // of Run; nil before
	stopped bool            // Run has ended
	done    sync.WaitGroup  // the copiers
}

// New makes triggers over parts that are open when Open is called. It opens nothing.
func New(log *slog.Logger, c *catalog.Catalog, t *topic.Topic, q Queue, n Notices) *Triggers {
	return &Triggers{log: log, catalog: c, topic: t, queue: q, notices: n, turn: make(chan struct{}, 1),
		copiers: make(map[string]*copier)}
}

// Open places the cursors of all live triggers and drops those of triggers that are
// gone. From then on topic knows whose changes are wanted.
func (t *Triggers) Open(ctx context.Context) error {
	live := map[string]bool{}
	for _, f := range t.catalog.Functions("") {
		rev, err := t.live(f.FunctionRef)
		if err != nil {
			return err
		}
		for name := range t.wanted(f.FunctionRef, rev) {
			live[name] = true
		}
		if err := t.settle(ctx, f.FunctionRef, rev, t.sinceCreation); err != nil {
			return fmt.Errorf("open triggers of %s: %w", f.FunctionRef, err)
		}
	}
	if err := t.openForwards(ctx, live); err != nil {
		return err
	}
	t.notices.Watch(t.noticed)
	for _, c := range t.topic.Cursors() {
		if live[c.Name] {
			continue
		}
		if err := t.topic.Drop(ctx, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// Run copies events until ctx ends.
func (t *Triggers) Run(ctx context.Context) error {
	t.mu.Lock()
	t.running = ctx
	for _, c := range t.copiers {
		t.start(c)
	}
	t.mu.Unlock()
	stop := t.catalog.Watch(func(change catalog.Change) {
		if err := t.Settle(ctx, change.Function); err != nil && ctx.Err() == nil {
			t.log.Error("triggers not settled", "function", change.Function.String(), "error", err)
		}
	})
	<-ctx.Done()
	stop()
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.done.Wait()
	return nil
}

// Settle makes the function's copiers those of its live revision. A node calls it when
// a deploy is done, before it says so; for all else Run does.
func (t *Triggers) Settle(ctx context.Context, ref dayfly.FunctionRef) error {
	rev, err := t.live(ref)
	if err != nil {
		return err
	}
	return t.settle(ctx, ref, rev, t.sinceNow)
}

// sinceNow is where a trigger begins that was made just now.
func (t *Triggers) sinceNow(ctx context.Context, _ *dayfly.Revision) (uint64, error) {
	return t.topic.Last(ctx)
}

// live gives the live revision of a function; nil when there is none.
func (t *Triggers) live(ref dayfly.FunctionRef) (*dayfly.Revision, error) {
	rev, err := t.catalog.Resolve(ref, dayfly.LiveAlias)
	switch dayfly.KindOf(err) {
	case "":
		return rev, nil
	case dayfly.KindNotFound, dayfly.KindUnavailable:
		return nil, nil
	default:
		return nil, err
	}
}

// sinceCreation is where a trigger begins whose cursor a crash kept from being placed:
// no later than its revision went live.
func (t *Triggers) sinceCreation(ctx context.Context, rev *dayfly.Revision) (uint64, error) {
	first, err := t.topic.FirstSince(ctx, rev.CreatedAt)
	if first > 0 {
		first-- // a cursor is at what has been passed
	}
	return first, err
}

// settle brings the copiers of one function to those of rev, nil for none. begin says
// where new ones begin.
func (t *Triggers) settle(ctx context.Context, ref dayfly.FunctionRef, rev *dayfly.Revision,
	begin func(context.Context, *dayfly.Revision) (uint64, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	want := t.wanted(ref, rev)
	var failed error
	for _, c := range t.of(ref) {
		if next, ok := want[c.name]; ok && reflect.DeepEqual(next, c.wish) {
			delete(want, c.name)
			continue
		}
		t.end(c)
		if _, ok := want[c.name]; !ok {
			failed = errors.Join(failed, t.topic.Drop(ctx, c.name))
		}
	}
	for name, w := range want {
		c := newCopier(t, name, ref, w)
		if err := t.place(ctx, c, rev, begin); err != nil {
			failed = errors.Join(failed, fmt.Errorf("place trigger %s: %w", name, err))
			continue
		}
		t.mu.Lock()
		t.copiers[name] = c
		t.want()
		t.start(c)
		t.mu.Unlock()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.want()
	return failed
}

// place sees to it that the copier's source is there and that it has a cursor on it.
func (t *Triggers) place(ctx context.Context, c *copier, rev *dayfly.Revision,
	begin func(context.Context, *dayfly.Revision) (uint64, error),
) error {
	if q := c.trigger.Queue; q != nil {
		if err := t.topic.Ensure(ctx, c.function.Project, q.Queue); err != nil {
			return err
		}
	}
	if old, ok := t.topic.Cursor(c.name); ok && old.Source == c.source {
		return nil
	}
	if o := c.trigger.Object; o != nil && o.Configuration != "" {
		begin = t.sinceNow // the revision may be much older
	}
	cursor := topic.Cursor{Name: c.name, Source: c.source}
	if q := c.trigger.Queue; q == nil || q.From != fromFirst {
		var err error
		if cursor.Sequence, err = begin(ctx, rev); err != nil {
			return err
		}
	}
	return t.topic.Place(ctx, cursor)
}

// wish is what a copier is to do.
type wish struct {
	trigger dayfly.Trigger
	onto    dayfly.QueueName // in place of a function
}

// wanted gives the triggers of a function that have a source, by the name of their cursor:
// those of the revision, and those that buckets have for it. With no name for the function
// it gives what buckets have for queues.
func (t *Triggers) wanted(ref dayfly.FunctionRef, rev *dayfly.Revision) map[string]wish {
	want := map[string]wish{}
	if ref.Name == forwards {
		for _, e := range t.notices.Of(ref.Project) {
			if e.Target.Queue != "" {
				want[cursorName(ref, e.Trigger.Name)] = wish{e.Trigger, e.Target.Queue}
			}
		}
		return want
	}
	if rev == nil {
		return want
	}
	for _, trigger := range rev.Spec.Triggers {
		if trigger.Queue != nil || trigger.Object != nil || trigger.Value != nil {
			want[cursorName(ref, trigger.Name)] = wish{trigger: trigger}
		}
	}
	for _, trigger := range t.notices.Triggers(ref) {
		want[cursorName(ref, trigger.Name)] = wish{trigger: trigger}
	}
	return want
}

// cursorName is unique among all triggers: no name has a slash in it.
func cursorName(f dayfly.FunctionRef, trigger dayfly.TriggerName) string {
	return string(f.Project) + "/" + string(f.Name) + "/" + string(trigger)
}

// of gives the copiers of a function.
func (t *Triggers) of(ref dayfly.FunctionRef) []*copier {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*copier
	for _, c := range t.copiers {
		if c.function == ref {
			list = append(list, c)
		}
	}
	return list
}

// onSource gives the copiers of a source, by name.
func (t *Triggers) onSource(s topic.Source) []*copier {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*copier
	for _, c := range t.copiers {
		if c.source == s {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *copier) int {
		return strings.Compare(a.name, b.name)
	})
	return list
}

// start lets a copier run once Run does. The caller holds mu.
func (t *Triggers) start(c *copier) {
	if t.running == nil || t.stopped || c.cancel != nil {
		return
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(t.running)
	t.done.Go(func() {
		defer close(c.ended)
		c.run(ctx)
	})
}

// end stops a copier and waits until it has.
func (t *Triggers) end(c *copier) {
	t.mu.Lock()
	delete(t.copiers, c.name)
	cancel := c.cancel
	t.mu.Unlock()
	if cancel != nil {
		cancel()
		<-c.ended
	}
}

// want tells topic whose changes are wanted. The caller holds mu.
func (t *Triggers) want() {
	sources := map[topic.Source]bool{}
	for _, c := range t.copiers {
		sources[c.source] = true
	}
	t.topic.Want(sources)
}
