// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/marks"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// pipelineMax is how many messages may be under way to the bus unacknowledged, of
	// all that push many at once.
	pipelineMax = 1 << 14
	// pushAllMax is how many events PushAll takes at once, so that a few that push
	// many fit into the pipeline.
	pushAllMax = 2_000
)

// PushAll accepts events in their order, pipelined: for those who copy many. It gives what
// was accepted, which is a prefix of pushes; when that is not all, the error says why.
// A lane without room for all takes what fits, and the rest is exhausted. At most 2,000
// at once, none with an idempotency key or an hour of its own.
func (q *Queue) PushAll(ctx context.Context, pushes []Push) ([]Accepted, error) {
	if len(pushes) > pushAllMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%d events at once, at most %d are taken", len(pushes), pushAllMax)
	}
	now := time.Now()
	entries := make([]*work.Entry, 0, len(pushes))
	var refused error
	for i := range pushes {
		e, err := q.entryOf(&pushes[i], now)
		if err == nil && (e.Key != "" || !e.Due.IsZero()) {
			err = dayfly.Errorf(dayfly.KindInvalid, "event %d of many has a key or a time of its own", i+1)
		}
		if err != nil {
			refused = err
			break
		}
		entries = append(entries, e)
	}
	fit, err := q.fitting(ctx, entries)
	if err != nil {
		return nil, err
	}
	if fit < len(entries) {
		full := dayfly.Errorf(dayfly.KindExhausted, "there is no room for more events of %s", entries[fit].Function)
		full.RetryAfter = bus.FullPause
		entries, refused = entries[:fit], full
	}
	accepted, err := q.pipeline(ctx, entries, pushes)
	if err != nil {
		return accepted, err
	}
	return accepted, refused
}

// fitting tells how many entries, from the first, their lanes have room for. Whoever copies
// into a lane is the only one who does: what fits now fits when it is written.
func (q *Queue) fitting(ctx context.Context, entries []*work.Entry) (int, error) {
	wanted := map[work.Lane]int{}
	for _, e := range entries {
		wanted[e.Lane()]++
	}
	room := make(map[work.Lane]int, len(wanted))
	for id := range wanted {
		if q.quota.Allow(id) != nil {
			continue
		}
		subject := id.WorkSubject()
		info, err := q.work.Info(ctx, jetstream.WithSubjectFilter(subject))
		if err != nil {
			return 0, bus.Explain("see how full the lane is", err)
		}
		room[id] = q.cfg.LaneMessagesMax - int(info.State.Subjects[subject])
	}
	for i, e := range entries {
		if room[e.Lane()] <= 0 {
			return i, nil
		}
		room[e.Lane()]--
	}
	return len(entries), nil
}

// pipeline writes entries without waiting for one before the next.
func (q *Queue) pipeline(ctx context.Context, entries []*work.Entry, pushes []Push) ([]Accepted, error) {
	futures := make([]jetstream.PubAckFuture, 0, len(entries))
	tolds := make([]*marks.Told, 0, len(entries))
	defer func() {
		for _, e := range entries[:len(tolds)] {
			q.marks.Pushed(e.ID)
		}
	}()
	var failed error
	for i, e := range entries {
		m, err := workMessage(e, pushes[i].identity())
		if err == nil {
			q.fault("pushall:before")
			tolds = append(tolds, q.marks.Pushing(e.ID))
			var future jetstream.PubAckFuture
			if future, err = q.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0)); err == nil {
				futures = append(futures, future)
			}
		}
		if err != nil {
			failed = bus.Explain("accept events", err)
			break
		}
	}
	accepted := make([]Accepted, 0, len(futures))
	for i, future := range futures {
		select {
		case ack := <-future.Ok():
			q.quota.Pushed(entries[i].Lane(), len(future.Msg().Data))
			accepted = append(accepted, q.piped(entries[i], ack, tolds[i], pushes[i].identity()))
		case err := <-future.Err():
			return q.woken(entries[:i], accepted), bus.Explain("accept events", err)
		case <-ctx.Done():
			return q.woken(entries[:i], accepted), bus.Explain("accept events", context.Cause(ctx))
		}
	}
	q.fault("pushall:after")
	if at := slices.IndexFunc(entries[:len(accepted)], isDurable); at >= 0 {
		if err := q.force(ctx, entries[at], bus.StreamWork); err != nil {
			q.woken(entries[:len(accepted)], nil)
			return nil, err
		}
	}
	return q.woken(entries[:len(accepted)], accepted), failed
}

func isDurable(e *work.Entry) bool { return e.Durable }

// piped tells the journal of an event that was acknowledged.
func (q *Queue) piped(e *work.Entry, ack *jetstream.PubAck, told *marks.Told, identity string) Accepted {
	if ack.Duplicate {
		return duplicateOf(e, identity)
	}
	told.UnlessEnded(func() { q.deps.Journal.Event(e.Info(dayfly.EventPending)) })
	return Accepted{ID: e.ID}
}

// woken wakes the lanes of what was accepted.
func (q *Queue) woken(entries []*work.Entry, accepted []Accepted) []Accepted {
	var seen []work.Lane
	for _, e := range entries {
		if id := e.Lane(); !slices.Contains(seen, id) {
			seen = append(seen, id)
			q.wake(id)
		}
	}
	return accepted
}
