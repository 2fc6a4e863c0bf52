// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"time"

	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/policy"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// batchBytesMax bounds the bodies of one batch, as AWS bounds its payloads.
const batchBytesMax = 6 << 20

// batchGrace is how long a batch without a window waits for what is on its way already.
const batchGrace = time.Millisecond

// gather takes the events of one execution: one, or a batch. None means that the lane is
// idle, or its function paused.
func (l *lane) gather(ctx context.Context, p *policy.Policy, broken <-chan error) ([]*item, error) {
	l.mu.Lock()
	l.poked = false
	l.mu.Unlock()
	mine := map[string]bool{} // order keys of this batch
	timer := time.NewTimer(laneIdle)
	defer timer.Stop()
	var items []*item
	bytes := 0
	for len(items) < p.Batch && bytes < batchBytesMax {
		it, err := l.next(ctx, p, waits{timer.C, broken}, mine)
		if err != nil {
			l.unread(items, mine)
			return nil, err
		}
		if it == nil && len(items) == 0 && l.busy() && !l.q.marks.IsPaused(l.id.Function) {
			timer.Reset(laneIdle)
			continue
		}
		if it == nil {
			break
		}
		if l.q.marks.IsCanceled(it.ID) {
			l.q.finishCanceled(ctx, l, it)
			l.free(map[string]bool{it.OrderKey: true})
			continue
		}
		items = append(items, it)
		bytes += len(it.Body)
		if len(items) == 1 {
			timer.Reset(max(p.Window, batchGrace))
		}
	}
	return items, nil
}

// waits are what ends the waiting for an event.
type waits struct {
	timer  <-chan time.Time
	broken <-chan error
}

// busy tells whether the lane has something to wait for.
func (l *lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting, _ := l.order.Waiting()
	return l.running > 0 || waiting > 0
}

// next gives the next event whose key is free, or nil when the time is over or the function
// is paused.
func (l *lane) next(ctx context.Context, p *policy.Policy, w waits, mine map[string]bool) (*item, error) {
	for {
		if l.q.marks.IsPaused(l.id.Function) {
			if l.busy() {
				if err := l.rest(ctx, w); err != nil {
					return nil, err
				}
				continue
			}
			return nil, nil
		}
		if it := l.waiting(ctx, p, mine); it != nil {
			return it, nil
		}
		in := l.in
		if l.crowded() {
			in = nil
		}
		select {
		case it := <-in:
			l.fresh = false
			if l.arrive(p, it, mine) {
				return it, nil
			}
		case <-l.kick:
		case <-w.timer:
			return nil, nil
		case err := <-w.broken:
			return nil, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// rest waits until something changes.
func (l *lane) rest(ctx context.Context, w waits) error {
	select {
	case <-l.kick:
		return nil
	case err := <-w.broken:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waiting gives an event that is there already: whose key became free, or that is due.
// Due ones and fresh ones take turns.
func (l *lane) waiting(ctx context.Context, p *policy.Policy, mine map[string]bool) *item {
	for it := l.unpark(); it != nil; it = l.unpark() {
		if l.admit(it, mine) {
			return it
		}
	}
	if l.fresh {
		select {
		case it := <-l.in:
			l.fresh = false
			if l.arrive(p, it, mine) {
				return it
			}
		default:
		}
	}
	for one := l.q.times.Take(l.id); one != nil; one = l.q.times.Take(l.id) {
		it := l.q.read(ctx, one)
		if it != nil && l.arrive(p, it, mine) {
			l.fresh = true
			return it
		}
	}
	return nil
}

// unread gives back what an execution would have had: events of LATER are due again at
// once, those of WORK come again with the next consumer.
func (l *lane) unread(items []*item, mine map[string]bool) {
	for i := len(items) - 1; i >= 0; i-- {
		if items[i].from != nil {
			l.q.times.GiveBack(items[i].from)
		}
	}
	l.free(mine)
}

// read gives the event of LATER that is due, or nil when it is gone.
func (q *Queue) read(ctx context.Context, one *due.Event) *item {
	m, err := q.later.GetMsg(ctx, one.Seq)
	if err != nil {
		if isMissing(err) {
			q.times.Remove(one.ID, one.Seq)
			return nil
		}
		// It stays in LATER, and is tried again a little later.
		q.log.Warn("due event was not read", "event", one.ID, "error", err)
		q.times.Put(&due.Event{ID: one.ID, Lane: one.Lane, Seq: one.Seq, Bytes: one.Bytes,
			At: time.Now().Add(reopenPause)})
		return nil
	}
	it := &item{Entry: &work.Entry{}, from: one}
	if err := it.Unmarshal(m.Data); err != nil {
		q.log.Error("event that cannot be read was dropped", "event", one.ID, "error", err)
		_ = q.dropLater(ctx, one.Lane, one.ID) // what stays is found at the next start
		return nil
	}
	return it
}
