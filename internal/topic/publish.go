// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// TypeMessage is the type of a message whose publisher gave none.
	TypeMessage = "dev.dayfly.message"
	// PublishMax bounds the events of one Publish.
	PublishMax = 10_000
	// flightMax bounds the events of one Publish that are on their way to the server,
	// and publishersMax how many such there are: together half of what its client takes.
	flightMax     = 256
	publishersMax = 8
	// ackTimeout bounds the wait for the server, which answers within a millisecond
	// unless the disk is slow.
	ackTimeout = 15 * time.Second
	// stallTimeout bounds the wait for the client to take another event.
	stallTimeout = 5 * time.Second
	// fullRetry is when to try again after the stream was full: room is made by then.
	fullRetry = time.Second
	// roomLook is after how many written bytes the room is looked at: a sixteenth of
	// the smallest usual margin.
	roomLook = 64 << 20
	// errStoreFailed is the server's code for a full stream, which it shares with
	// other faults of the store; errInsufficient that for a full disk.
	errStoreFailed  jetstream.ErrorCode = 10077
	errInsufficient jetstream.ErrorCode = 10023
)

// Publish puts messages onto a queue, in their order, and gives their sequences. It
// returns when all are durable. Identity, source, type and time are filled in where they
// are empty. After an error some may have been kept: publishing all again gives
// duplicates, unless each has an ExtensionDedupe.
func (t *Topic) Publish(
	ctx context.Context, project dayfly.ProjectName, queue dayfly.QueueName, events []dayfly.Event,
) ([]uint64, error) {
	q, err := t.Queue(project, queue)
	if err != nil {
		return nil, err
	}
	sequences, err := t.publish(ctx, QueueSource(project, queue), events)
	if err == nil && q.Durability == dayfly.DurabilityAlways {
		err = t.sync(ctx, bus.StreamEvents)
	}
	return sequences, err
}

// Emit tells of a change of a bucket of objects or values. Unless someone wants to
// know, nothing is written, and one that is told again within DedupeWindow is kept once.
func (t *Topic) Emit(
	ctx context.Context, project dayfly.ProjectName, kind string, bucket dayfly.BucketName,
	event dayfly.Event,
) error {
	if !t.Wants(project, kind, bucket) {
		return nil
	}
	_, err := t.publish(ctx, Source{project, kind, string(bucket)}, []dayfly.Event{event})
	return err
}

// Wants tells whether someone wants the changes of a bucket. It does no I/O and takes
// no lock.
func (t *Topic) Wants(project dayfly.ProjectName, kind string, bucket dayfly.BucketName) bool {
	return (*t.wanted.Load())[Source{project, kind, string(bucket)}]
}

// Want says whose changes are wanted from now on: those of these sources.
func (t *Topic) Want(sources map[Source]bool) {
	copied := maps.Clone(sources)
	t.wanted.Store(&copied)
}

func (t *Topic) publish(ctx context.Context, s Source, events []dayfly.Event) ([]uint64, error) {
	if err := errors.Join(s.check(), t.bus.Room(), t.allow(s)); err != nil {
		return nil, err
	}
	if len(events) > PublishMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%d events at once are too many, at most %d are possible",
			len(events), PublishMax)
	}
	messages := make([]*nats.Msg, len(events))
	bytes, subject, now := 0, s.subject(), time.Now().UTC()
	for i := range events {
		e := fill(s, events[i], now)
		if err := check(&e); err != nil {
			return nil, err
		}
		messages[i] = encode(subject, &e)
		if dedupe := identity(s, &e); dedupe != "" {
			messages[i].Header[jetstream.MsgIDHeader] = []string{dedupeID(subject, dedupe)}
		}
		bytes += len(messages[i].Data)
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	var err error
	sequences := make([]uint64, len(messages))
	if len(messages) == 1 {
		sequences[0], err = t.send(ctx, messages[0])
	} else {
		err = t.sendAll(ctx, messages, sequences)
	}
	if err != nil {
		t.doubt.Store(true) // what got no acknowledgement may be there all the same
	}
	t.wake(s)
	t.weigh(subject, len(events), bytes)
	t.measure(bytes)
	return sequences, t.explain(s, err)
}

// fill gives an event the attributes that CloudEvents requires and its publisher left
// out.
func fill(s Source, e dayfly.Event, now time.Time) dayfly.Event {
	if e.ID == "" {
		e.ID = string(dayfly.NewEventID(now))
	}
	if e.Source == "" {
		e.Source = "/projects/" + string(s.Project) + "/" + s.Kind + "s/" + s.Name
	}
	if e.Type == "" {
		e.Type = TypeMessage
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	return e
}

// identity tells an event from others of its source, or is "" when nobody said. A change
// that is told once more has the same identity, source and data, but maybe another time. The
// data is part of it because a loss of power can give a version out twice.
func identity(s Source, e *dayfly.Event) string {
	if s.Kind == KindQueue {
		return e.Extensions[ExtensionDedupe]
	}
	return e.ID + "\x00" + e.Type + "\x00" + e.Subject + "\x00" + string(e.Data)
}

// dedupeID gives the identity by which the server knows a message again: within its
// source, of a length that does not depend on the publisher.
func dedupeID(subject, dedupe string) string {
	sum := sha256.Sum256([]byte(subject + "\x00" + dedupe))
	return hex.EncodeToString(sum[:16])
}

func (t *Topic) send(ctx context.Context, m *nats.Msg) (uint64, error) {
	ack, err := t.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, err
	}
	t.tell(ack.Sequence)
	return ack.Sequence, nil
}

// sendAll sends messages without waiting for each: the server acknowledges in order.
func (t *Topic) sendAll(ctx context.Context, messages []*nats.Msg, sequences []uint64) error {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	futures := make([]jetstream.PubAckFuture, 0, len(messages))
	for i, m := range messages {
		if i >= flightMax {
			if err := t.await(ctx, futures[i-flightMax], &sequences[i-flightMax]); err != nil {
				return err
			}
		}
		future, err := t.js.PublishMsgAsync(m, jetstream.WithStallWait(stallTimeout))
		if err != nil {
			return err
		}
		futures = append(futures, future)
	}
	for i := max(0, len(futures)-flightMax); i < len(futures); i++ {
		if err := t.await(ctx, futures[i], &sequences[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Topic) await(ctx context.Context, f jetstream.PubAckFuture, sequence *uint64) error {
	select {
	case ack := <-f.Ok():
		*sequence = ack.Sequence
		t.tell(ack.Sequence)
		return nil
	case err := <-f.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// measure asks for a look at the room after each roomLook bytes.
func (t *Topic) measure(bytes int) {
	if t.added.Add(int64(bytes)) > min(roomLook, t.max/16) {
		t.added.Store(0)
		t.askRoom()
	}
}

func (t *Topic) askRoom() {
	select {
	case t.short <- struct{}{}:
	default: // asked already
	}
}

// explain gives an error of the server its kind; nil stays nil.
func (t *Topic) explain(s Source, err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api) && (api.ErrorCode == errInsufficient ||
		api.ErrorCode == errStoreFailed && strings.Contains(api.Description, "maximum")):
		t.hurry.Do(t.askRoom)
		full := dayfly.Errorf(dayfly.KindExhausted,
			"there is no room for events: %s are kept that are still to be read", dayfly.FormatBytes(t.max)).
			WithHint("dayfly queue stats NAME shows which trigger is behind")
		full.RetryAfter = fullRetry
		return full
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "publish to %s: %w", s, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return dayfly.Errorf(dayfly.KindTimeout, "publish to %s: %w", s, err)
	case errors.Is(err, jetstream.ErrTooManyStalledMsgs), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return dayfly.Errorf(dayfly.KindUnavailable, "publish to %s: %w", s, err)
	default:
		return fmt.Errorf("publish to %s: %w", s, err)
	}
}
