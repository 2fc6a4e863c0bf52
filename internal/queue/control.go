// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/retell"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

func isMissing(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrMsgNotFound) ||
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeMessageNotFound
}

// retellPatience is how long a question waits for the journal to be right after a start.
const retellPatience = 5 * time.Second

// retell lets the journal catch up with what a crash kept from it.
func (q *Queue) retell(ctx context.Context) {
	defer close(q.retold)
	err := retell.Run(ctx, retell.Deps{Work: q.work, Later: q.later, Dead: q.dead, Journal: q.deps.Journal,
		Waits: q.times.Has, IsCanceled: q.marks.IsCanceled})
	if err != nil && ctx.Err() == nil {
		q.log.Warn("lives of events may be told as they were some moments before the last end", "error", err)
	}
}

// awaitRetold waits until the journal has caught up, for a while.
func (q *Queue) awaitRetold(ctx context.Context) {
	q.mu.Lock()
	retold := q.retold
	q.mu.Unlock()
	if retold == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, retellPatience)
	defer cancel()
	select {
	case <-retold:
	case <-ctx.Done():
	}
}

// Event tells the life of an event so far.
func (q *Queue) Event(ctx context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	q.awaitRetold(ctx)
	info, err := q.deps.Journal.FindEvent(ctx, id)
	if err != nil {
		return nil, err
	}
	return q.present(info), nil
}

// Events tells the lives of events, as the journal finds them.
func (q *Queue) Events(ctx context.Context, query logs.EventQuery) ([]dayfly.EventInfo, error) {
	q.awaitRetold(ctx)
	list, err := q.deps.Journal.Events(ctx, query)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i] = *q.present(&list[i])
	}
	return list, nil
}

// present adds what only this moment knows: that an attempt is under way.
func (q *Queue) present(info *dayfly.EventInfo) *dayfly.EventInfo {
	if !info.Ended.IsZero() || !q.isRunning(info.ID) {
		return info
	}
	now := *info
	now.State = dayfly.EventRunning
	return &now
}

func (q *Queue) isRunning(id dayfly.EventID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running[id] != nil
}

// Cancel takes an event back: one that waits is not executed any more, the attempt of one
// that runs is ended (in a batch, it runs on but is not tried again). What ended
// already is a conflict.
func (q *Queue) Cancel(ctx context.Context, id dayfly.EventID) error {
	if !work.ValidID(id) {
		return dayfly.Errorf(dayfly.KindNotFound, "event %q not found", id)
	}
	if claimed := q.times.Claim(id); claimed != nil {
		return q.cancelLater(ctx, claimed)
	}
	info, err := q.deps.Journal.FindEvent(ctx, id)
	if err != nil && (dayfly.KindOf(err) != dayfly.KindNotFound || !q.isRunning(id)) {
		return err
	}
	if err == nil && !info.Ended.IsZero() {
		return dayfly.Errorf(dayfly.KindConflict, "event %s has ended: it is %s", id, info.State)
	}
	if err := q.marks.Cancel(ctx, id); err != nil {
		return err
	}
	// It may have gone to LATER, for its next attempt, a moment ago.
	if claimed := q.times.Claim(id); claimed != nil {
		return q.cancelLater(ctx, claimed)
	}
	if !q.interrupt(id) && info != nil {
		// It waits in its lane, and is removed when its turn comes.
		canceled := *info
		canceled.State, canceled.Ended = dayfly.EventCanceled, time.Now()
		q.marks.Supersede(id)
		q.deps.Journal.Event(&canceled)
	}
	return nil
}

// interrupt ends the attempt of an event that runs, and tells whether it does.
func (q *Queue) interrupt(id dayfly.EventID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	x := q.running[id]
	if x == nil {
		return false
	}
	if len(x.items) == 1 {
		x.canceled = true
		if x.cancel != nil {
			x.cancel()
		}
	}
	return true
}

// cancelLater ends an event that waited for its time.
func (q *Queue) cancelLater(ctx context.Context, waiting *due.Event) error {
	m, err := q.later.GetMsg(ctx, waiting.Seq)
	if err != nil {
		q.times.Put(waiting)
		return bus.Explain("read the event", err)
	}
	var e work.Entry
	if err := e.Unmarshal(m.Data); err != nil {
		return err
	}
	if err := errors.Join(q.settleKey(ctx, &e), q.marks.Cancel(ctx, e.ID)); err != nil {
		q.times.Put(waiting)
		return err
	}
	if err := q.dropLater(ctx, waiting.Lane, waiting.ID); err != nil {
		q.times.Put(waiting)
		return bus.Explain("cancel the event", err)
	}
	e.Ended = time.Now()
	q.marks.Forget(e.ID)
	q.deps.Journal.Event(e.Info(dayfly.EventCanceled))
	return nil
}
