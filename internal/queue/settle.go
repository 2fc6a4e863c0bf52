// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/queue/outcome"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// insistMin and insistMax bound the wait between tries to write an outcome. While it
	// cannot be written the event stays where it is.
	insistMin = 50 * time.Millisecond
	insistMax = 5 * time.Second
)

func errTriggerGone() error {
	return dayfly.Errorf(dayfly.KindNotFound, "the function has no such trigger any more")
}

// settleAll gives every event of the execution the same outcome.
func (x *execution) settleAll(v outcome.Verdict, a *outcome.Answer) time.Duration {
	return x.settle(a, func(int) outcome.Verdict { return v })
}

// settleBatch asks the answer which events of a batch failed.
func (x *execution) settleBatch(a *outcome.Answer) time.Duration {
	failed, err := envelope.Failures(x.policy.Revision, envelopes(x.items), a.Status, a.Header, a.Body)
	if err != nil {
		a.Err = err
	}
	return x.settle(a, func(i int) outcome.Verdict {
		if slices.Contains(failed, i) {
			return outcome.Retry
		}
		return outcome.Done
	})
}

// settle writes the outcome of each event. What has to be tried again in its place stays
// in x.items, and the wait before that is given.
func (x *execution) settle(a *outcome.Answer, judged func(i int) outcome.Verdict) time.Duration {
	now := time.Now()
	var left []*item
	var wait time.Duration
	held := map[string]bool{}  // keys with an event that is to be tried again
	freed := map[string]bool{} // keys of events that ended
	for i, it := range x.items {
		v := judged(i)
		if v == outcome.Done && held[it.OrderKey] && x.policy.Ordered {
			v = outcome.Retry // it ran, but out of order: once more, after the one before it
		}
		stays, pause := x.settleOne(it, v, a, now)
		if stays {
			left, wait = append(left, it), max(wait, pause)
			held[it.OrderKey] = true
		} else {
			freed[it.OrderKey] = true
		}
	}
	x.items = left
	for key := range held {
		delete(freed, key)
	}
	x.lane.free(freed)
	return wait
}

// settleOne writes the outcome of one event, unless it stays to be tried in its place.
func (x *execution) settleOne(
	it *item, v outcome.Verdict, a *outcome.Answer, now time.Time,
) (stays bool, wait time.Duration) {
	attempt := a.Attempt(it.Tries+1, v)
	switch v {
	case outcome.Done:
		it.Tries++
		it.Note(attempt)
		x.q.succeed(x.ctx, x, it, a)
		return false, 0
	case outcome.Retry:
		it.Tries++
		retry := &x.policy.Retry
		wait = pace.Backoff(retry, it.Tries, pace.RetryAfter(a.Header, now))
		attempt.Next = now.Add(wait)
		switch {
		case it.Tries >= retry.Attempts:
			attempt.Next = time.Time{}
			it.Note(attempt)
			x.q.die(x.ctx, x, it, a, dayfly.DeadAttempts)
		case attempt.Next.Sub(it.Began()) > retry.Age:
			attempt.Next = time.Time{}
			it.Note(attempt)
			x.q.die(x.ctx, x, it, a, dayfly.DeadAge)
		default:
			it.Note(attempt)
			stays = x.again(it, attempt.Next)
		}
		return stays, wait
	case outcome.Removed:
		x.q.die(x.ctx, x, it, a, dayfly.DeadRemoved)
		return false, 0
	}
	it.Tries++
	attempt.Fatal = true
	it.Note(attempt)
	x.q.die(x.ctx, x, it, a, dayfly.DeadFatal)
	return false, 0
}

// again lets an event be tried later, and tells whether it has to wait here for that: those
// of ordered lanes do, and all when LATER has no room.
func (x *execution) again(it *item, at time.Time) (stays bool) {
	it.Due = at
	x.q.marks.Supersede(it.ID)
	x.q.deps.Journal.Event(it.Info(dayfly.EventDelayed))
	if x.policy.Ordered && it.OrderKey != "" {
		return true
	}
	if err := x.q.putLater(x.ctx, it.Entry); err != nil {
		it.kept = true
		x.q.log.Warn("event waits for its next attempt in memory", "event", it.ID, "error", err)
		return true
	}
	x.q.fault("retry:between")
	if it.msg != nil {
		_ = it.msg.Ack() // sent when the connection is; what is not is passed over
	}
	x.lane.settled(it)
	return false
}

// afterFault is for attempts that do not count: there was no capacity, or the platform
// failed. The events stay, unless they are too old.
func (x *execution) afterFault(a *outcome.Answer, v outcome.Verdict, now time.Time) time.Duration {
	x.waits++
	least, most := pace.PlatformMin, pace.PlatformMax
	if v == outcome.Capacity {
		least, most = pace.CapacityMin, pace.CapacityMax
		x.lane.mu.Lock()
		x.lane.window.Refused(now)
		x.lane.mu.Unlock()
	}
	wait := pace.Jittered(least, most, x.waits)
	var left []*item
	freed := map[string]bool{}
	for _, it := range x.items {
		if now.Add(wait).Sub(it.Began()) <= x.policy.Retry.Age {
			left = append(left, it)
			continue
		}
		it.Note(a.Attempt(it.Tries+1, v))
		x.q.die(x.ctx, x, it, a, dayfly.DeadAge)
		freed[it.OrderKey] = true
	}
	x.items = left
	for _, it := range left {
		delete(freed, it.OrderKey)
	}
	x.lane.free(freed)
	x.q.log.Debug("attempt did not count", "function", x.lane.id.Function, "error", a.Err, "wait", wait)
	return wait
}

// afterCancel ends what Cancel asked for; the other events of a batch are tried again.
func (x *execution) afterCancel(a *outcome.Answer) time.Duration {
	var left []*item
	freed := map[string]bool{}
	for _, it := range x.items {
		if !x.q.marks.IsCanceled(it.ID) {
			left = append(left, it)
			continue
		}
		it.Note(a.Attempt(it.Tries+1, outcome.Stopped))
		x.q.finishCanceled(x.ctx, x.lane, it)
		freed[it.OrderKey] = true
	}
	x.items = left
	for _, it := range left {
		delete(freed, it.OrderKey)
	}
	x.lane.free(freed)
	return pace.CapacityMin
}

// succeed ends an event well.
func (q *Queue) succeed(ctx context.Context, x *execution, it *item, a *outcome.Answer) {
	it.Ended = time.Now()
	if it.Post == nil {
		q.tell(ctx, x, it, a, dayfly.EventDone)
	}
	q.finish(ctx, x.lane, it, dayfly.EventDone)
}

// die gives an event up: it is a dead letter before it leaves.
func (q *Queue) die(ctx context.Context, x *execution, it *item, a *outcome.Answer, why dayfly.DeadReason) {
	it.Reason, it.Ended = why, time.Now()
	if it.Post == nil {
		q.insist(ctx, "keep dead letter", func() error { return q.bury(ctx, it.Entry) })
		q.tell(ctx, x, it, a, dayfly.EventDead)
	}
	q.log.Debug("event was given up", "event", it.ID, "function", it.Function, "reason", why)
	q.finish(ctx, x.lane, it, dayfly.EventDead)
}

// bury writes a dead letter.
func (q *Queue) bury(ctx context.Context, e *work.Entry) error {
	data, err := e.Marshal()
	if err != nil {
		return err
	}
	q.fault("dead:before")
	_, err = q.js.PublishMsg(ctx, &nats.Msg{Subject: work.DeadSubject(e.Function, e.ID), Data: data,
		Header: nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupSubject}}}, jetstream.WithRetryAttempts(0))
	q.fault("dead:after")
	if err != nil {
		return err
	}
	return q.force(ctx, e, bus.StreamDead)
}

// finishCanceled ends an event that was taken back.
func (q *Queue) finishCanceled(ctx context.Context, l *lane, it *item) {
	it.Ended = time.Now()
	q.finish(ctx, l, it, dayfly.EventCanceled)
	q.marks.Forget(it.ID)
}

// finish removes an event that ended, and tells the journal. When ctx ends before, it
// stays, and its last attempt is repeated.
func (q *Queue) finish(ctx context.Context, l *lane, it *item, state dayfly.EventState) {
	q.insist(ctx, "settle idempotency key", func() error { return q.settleKey(ctx, it.Entry) })
	q.fault("finish:before")
	q.insist(ctx, "remove event", func() error { return q.remove(ctx, it) })
	q.fault("finish:after")
	if ctx.Err() != nil {
		return
	}
	l.settled(it)
	q.marks.Supersede(it.ID)
	if it.Post != nil {
		q.delivered(ctx, it, state)
		return
	}
	q.deps.Journal.Event(it.Info(state))
}

// remove takes an event out of WORK or LATER.
func (q *Queue) remove(ctx context.Context, it *item) error {
	if it.from != nil || it.kept {
		if err := q.dropLater(ctx, it.Lane(), it.ID); err != nil {
			return err
		}
	}
	if it.msg != nil {
		return it.msg.Ack()
	}
	return nil
}

// insist repeats a write until it succeeds or ctx ends.
func (q *Queue) insist(ctx context.Context, what string, write func() error) {
	for tries := 1; ctx.Err() == nil; tries++ {
		err := write()
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			q.log.Warn("write is repeated", "what", what, "error", err)
		}
		pause(ctx, pace.Jittered(insistMin, insistMax, tries))
	}
}
