// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// Whatever waits for its time is one message of LATER, on a subject of its own, and one
// element of times. It stays in both while it is executed, and gives way to its next attempt
// on the same subject. A message of WORK whose event is in LATER is what a crash left
// of an attempt whose outcome was written: it is passed over.

// dueHeader carries when a message of LATER is due, in nanoseconds: starting reads
// headers only.
const dueHeader = "Dayfly-Due"

// sizeHeader is where the server tells the size of a message whose headers only are read.
const sizeHeader = "Nats-Msg-Size"

// laterShare is the part of LATER, as a fraction, that one lane may have of delayed events.
// Next attempts are not refused: they are of what was accepted.
const laterShare = 4

// mayDelay refuses a delayed event of a lane that has its part of LATER.
func (q *Queue) mayDelay(id work.Lane) error {
	held, cfg := q.times.Held(id), q.later.CachedInfo().Config
	if int64(held.Events) < cfg.MaxMsgs/laterShare && int64(held.Bytes) < cfg.MaxBytes/laterShare {
		return nil
	}
	e := dayfly.Errorf(dayfly.KindExhausted, "%d events of %s wait for their time already: there is no room for more",
		held.Events, id.Function)
	e.RetryAfter = bus.FullPause
	return e
}

// idleWait is how long the clock sleeps when nothing waits; a kick ends it.
const idleWait = time.Hour

// runTimes wakes lanes when their events are due.
func (q *Queue) runTimes(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-q.times.Kicked():
		}
		woken, next := q.times.Advance(time.Now())
		for _, id := range woken {
			q.wake(id)
		}
		wait := idleWait
		if !next.IsZero() {
			wait = min(wait, time.Until(next))
		}
		timer.Reset(wait)
	}
}

// putLater writes an entry that is due at its Due; it takes the place of what there was
// of the event in LATER.
func (q *Queue) putLater(ctx context.Context, e *work.Entry) error {
	data, err := e.Marshal()
	if err != nil {
		return err
	}
	id := e.Lane()
	if !q.times.Has(e.ID) && q.times.Len() >= bus.LaterMessagesMax {
		full := dayfly.Errorf(dayfly.KindExhausted, "%d events wait for their time, the most that may",
			bus.LaterMessagesMax)
		full.RetryAfter = bus.FullPause
		return full
	}
	m := &nats.Msg{Subject: id.LaterSubject(e.ID), Data: data, Header: nats.Header{
		dueHeader:           {strconv.FormatInt(e.Due.UnixNano(), 10)},
		jetstream.MsgRollup: {jetstream.MsgRollupSubject}}}
	q.fault("later:before")
	ack, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return bus.Explain("keep the event for later", err)
	}
	q.fault("later:after")
	if err := q.force(ctx, e, bus.StreamLater); err != nil {
		return err
	}
	q.times.Put(&due.Event{ID: e.ID, Lane: id, Seq: ack.Sequence, At: e.Due, Bytes: len(data)})
	return nil
}

// dropLater removes what LATER has of an event, and forgets it.
func (q *Queue) dropLater(ctx context.Context, id work.Lane, event dayfly.EventID) error {
	if err := q.later.Purge(ctx, jetstream.WithPurgeSubject(id.LaterSubject(event))); err != nil {
		return err
	}
	q.times.Drop(event)
	return nil
}

// loadBatch is how many messages starting reads at once.
const loadBatch = 1_000

// loadLater learns what is in LATER.
func (q *Queue) loadLater(ctx context.Context) error {
	info, err := q.later.Info(ctx)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	consumer, err := q.later.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy,
		HeadersOnly: true, MemoryStorage: true, InactiveThreshold: time.Minute})
	if err != nil {
		return err
	}
	defer func() { _ = q.later.DeleteConsumer(ctx, consumer.CachedInfo().Name) }()
	for left := info.State.Msgs; left > 0; {
		batch, err := consumer.Fetch(int(min(left, loadBatch)), jetstream.FetchMaxWait(10*time.Second))
		if err != nil {
			return err
		}
		read := uint64(0)
		for m := range batch.Messages() {
			read++
			if err := q.recall(m); err != nil {
				q.log.Error("event for later was passed over", "subject", m.Subject(), "error", err)
			}
		}
		if err := batch.Error(); err != nil || read == 0 {
			return fmt.Errorf("read stream of later events: %d are missing: %w", left-read, err)
		}
		left -= read
	}
	return nil
}

// recall learns of one message of LATER.
func (q *Queue) recall(m jetstream.Msg) error {
	id, ok := work.ParseLane(m.Subject())
	if !ok {
		return fmt.Errorf("read subject %s: it names no lane", m.Subject())
	}
	nanos, err := strconv.ParseInt(m.Headers().Get(dueHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("read due time: %w", err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	size, err := strconv.Atoi(m.Headers().Get(sizeHeader))
	if err != nil {
		return fmt.Errorf("read size: %w", err)
	}
	event := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
	q.times.Put(&due.Event{ID: dayfly.EventID(event), Lane: id, Seq: meta.Sequence.Stream,
		At: time.Unix(0, nanos), Bytes: size})
	return nil
}
