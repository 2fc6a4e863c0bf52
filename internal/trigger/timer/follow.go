// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"container/heap"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// sweepAge is how long ago a ledger must have been written to be swept at the start
	// because its function is unknown: another node's new function may be unknown for a
	// moment.
	sweepAge = 24 * time.Hour
	// adoptAttempts is how often a ledger that others write at the same time is read
	// again. Each of them is through with it after a write or two.
	adoptAttempts = 8
)

// learn enters what is live, and clears away ledgers of functions that are no more.
func (t *Timer) learn(ctx context.Context) error {
	records, err := t.records.List(ctx, heads)
	if err != nil {
		return fmt.Errorf("read ledgers of crons: %w", err)
	}
	kept := map[id]store.Record{}
	for _, record := range records {
		if i, ok := parseHeadKey(record.Key); ok {
			kept[i] = record
		}
	}
	known := map[dayfly.FunctionRef]bool{}
	var entries []*entry
	for _, f := range t.catalog.Functions("") {
		known[f.FunctionRef] = true
		live, err := t.catalog.Resolve(f.FunctionRef, dayfly.LiveAlias)
		if err != nil {
			continue // nothing is live yet
		}
		entries = append(entries, t.entriesOf(f.FunctionRef, live)...)
	}
	t.adoptAll(ctx, entries, kept)
	for i, record := range kept {
		if l, err := decode(record); !known[i.function] && err == nil && t.clock.Now().Sub(l.touched()) > sweepAge {
			if err := t.forget(ctx, i.function); err != nil {
				t.log.Warn("ledgers of a removed function were not deleted", "function", i.function.String(),
					"error", err)
			}
		}
	}
	return nil
}

// touched is when the ledger was written last, as far as it says.
func (l *ledger) touched() time.Time {
	at := l.Anchor
	for _, other := range []time.Time{l.Gone, l.LastDue} {
		if other.After(at) {
			at = other
		}
	}
	if n := len(l.Runs); n > 0 && l.Runs[n-1].At.After(at) {
		at = l.Runs[n-1].At
	}
	return at
}

// follow brings what is live of one function up to date.
func (t *Timer) follow(ctx context.Context, ref dayfly.FunctionRef, live *dayfly.Revision) {
	var old map[dayfly.TriggerName]*entry
	if known := t.functions[ref]; known != nil {
		old = known.crons
	}
	for _, e := range old {
		if e.place >= 0 {
			heap.Remove(&t.heap, e.place)
		}
	}
	if live == nil {
		delete(t.functions, ref)
		if err := t.forget(ctx, ref); err != nil {
			t.log.Warn("ledgers of a removed function were not deleted", "function", ref.String(), "error", err)
		}
		return
	}
	entries := t.entriesOf(ref, live)
	for _, e := range entries {
		delete(old, e.id.trigger)
	}
	t.adoptAll(ctx, entries, nil)
	for _, e := range old {
		t.leave(ctx, e.id)
	}
}

// refresh follows what was deployed up to now and not told of yet.
func (t *Timer) refresh(ctx context.Context) {
	gone := maps.Clone(t.functions)
	for _, f := range t.catalog.Functions("") {
		delete(gone, f.FunctionRef)
		live, err := t.catalog.Resolve(f.FunctionRef, dayfly.LiveAlias)
		if err != nil {
			continue
		}
		known := t.functions[f.FunctionRef]
		if known == nil && !hasCrons(live) || known != nil && known.live == live {
			continue
		}
		t.follow(ctx, f.FunctionRef, live)
	}
	for ref := range gone {
		t.follow(ctx, ref, nil)
	}
}

func hasCrons(r *dayfly.Revision) bool {
	return slices.ContainsFunc(r.Spec.Triggers, func(t dayfly.Trigger) bool { return t.Cron != nil })
}

// entriesOf makes the entries of a revision's crons, in place of those of the one before.
func (t *Timer) entriesOf(ref dayfly.FunctionRef, live *dayfly.Revision) []*entry {
	crons := map[dayfly.TriggerName]*entry{}
	var list []*entry
	for n := range live.Spec.Triggers {
		trigger := &live.Spec.Triggers[n]
		if trigger.Cron == nil {
			continue
		}
		schedule, err := cron.Parse(trigger.Cron.Expression, trigger.Cron.Zone)
		if err != nil {
			t.log.Warn("cron was not understood", "function", ref.String(), "trigger", trigger.Name, "error", err)
			continue
		}
		e := &entry{id: id{ref, trigger.Name}, trigger: trigger.Cron, schedule: schedule, place: -1}
		crons[trigger.Name] = e
		list = append(list, e)
	}
	delete(t.functions, ref)
	if len(crons) > 0 {
		t.functions[ref] = &function{live, crons}
	}
	return list
}

// adoptAll adopts crons, some at once, and enters them into the heap. Kept are the ledgers
// that were read already.
func (t *Timer) adoptAll(ctx context.Context, entries []*entry, kept map[id]store.Record) {
	slots := make(chan struct{}, firesMax)
	var wg sync.WaitGroup
	for _, e := range entries {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			t.adopt(ctx, e, kept[e.id])
		})
	}
	wg.Wait()
	for _, e := range entries {
		t.enter(e)
	}
}

// adopt brings the ledger of a live cron in line with it, and sets when it is looked at.
func (t *Timer) adopt(ctx context.Context, e *entry, found store.Record) {
	var err error
	for range adoptAttempts {
		var l *ledger
		if found.Version > 0 {
			l, err = decode(found)
			found.Version = 0
		} else {
			l, err = t.load(ctx, e.id)
		}
		if dayfly.KindOf(err) == dayfly.KindNotFound {
			l, err = &ledger{}, nil
		}
		if err != nil {
			break
		}
		if t.align(e, l) {
			err = t.save(ctx, e.id, l)
		}
		if dayfly.KindOf(err) == dayfly.KindConflict {
			continue
		}
		if err == nil {
			e.schedule = e.schedule.From(l.Anchor)
			if e.at = firstLook(e, l); l.Claim != nil {
				e.found = l.Claim.Event
			}
		}
		break
	}
	if err != nil && ctx.Err() == nil {
		t.log.Warn("ledger of a cron was not read; it is tried again", "cron", e.id.String(), "error", err)
		e.at = t.clock.Now().Add(readRetry)
	}
}

// firstLook is when an adopted cron is looked at: at once when a claim stands open, as a
// process that was killed leaves one.
func firstLook(e *entry, l *ledger) time.Time {
	switch {
	case l.Claim != nil:
		return l.Claim.At
	case l.Due.IsZero():
		return time.Time{}
	}
	return l.Due.Add(delay(e.id, l.Due, min(max(e.trigger.Jitter, 0), jitterMax)))
}

// align makes a ledger fit its cron, and tells whether it changed. A new expression counts
// from now on; so does a cron that is back. With a virtual clock, which a restart sets back to
// the real time, what is due only after the next time counts from now, too.
func (t *Timer) align(e *entry, l *ledger) bool {
	now := t.clock.Now()
	fresh := l.version == 0
	changed := l.Expression != e.trigger.Expression || l.Zone != e.trigger.Zone
	back := !l.Gone.IsZero()
	behind := false
	if t.clock.Virtual() && !fresh && !e.schedule.Once() {
		next, ok := e.schedule.From(minTime(l.Anchor, now)).Next(now)
		behind = ok && l.Due.After(next)
	}
	if !fresh && !changed && !back && !behind {
		return false
	}
	over := e.schedule.Once() && !fresh && !changed && l.Due.IsZero() // it had its moment
	l.Expression, l.Zone, l.Gone = e.trigger.Expression, e.trigger.Zone, time.Time{}
	if !over {
		l.Anchor = now
		l.Due, _ = e.schedule.From(now).Next(now)
	}
	if at, ok := e.schedule.Next(time.Time{}); (fresh || changed) && e.schedule.Once() && ok && !at.After(now) {
		l.add(cron.Run{Due: at, At: now, Outcome: cron.Missed, Why: "it was past when the cron was deployed"})
	}
	return true
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// leave notes that no live revision has the cron any more: what would be due until it is
// back is not missed.
func (t *Timer) leave(ctx context.Context, i id) {
	var err error
	for range adoptAttempts {
		var l *ledger
		if l, err = t.load(ctx, i); err != nil {
			break
		}
		l.Gone = t.clock.Now()
		if err = t.save(ctx, i, l); dayfly.KindOf(err) != dayfly.KindConflict {
			break
		}
	}
	if err != nil && ctx.Err() == nil && dayfly.KindOf(err) != dayfly.KindNotFound {
		t.log.Warn("ledger of a cron that is gone was not closed", "cron", i.String(), "error", err)
	}
}
