// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/keys"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// pushKeyed accepts an event unless its key was seen.
func (q *Queue) pushKeyed(ctx context.Context, e *work.Entry) (Accepted, error) {
	name, window := keys.Name(e.Function, e.Key), q.retryOf(e.Function).KeyWindow
	unlock, err := q.keys.Lock(ctx, name)
	if err != nil {
		return Accepted{}, err
	}
	defer unlock()
	record, err := q.keys.Get(ctx, name)
	if err != nil {
		return Accepted{}, err
	}
	switch {
	case record.State == keys.Accepted:
		return Accepted{ID: record.ID, Duplicate: true}, nil
	case record.State == keys.Pending:
		there, err := q.holds(ctx, e.Lane(), record.ID)
		if err != nil {
			return Accepted{}, err
		}
		if there {
			if err := errors.Join(q.force(ctx, e, bus.StreamWork), q.force(ctx, e, bus.StreamLater)); err != nil {
				return Accepted{}, err
			}
			return Accepted{ID: record.ID, Duplicate: true}, q.keyAccept(ctx, name, record, window)
		}
		e.ID = record.ID
	default:
		q.fault("key:before")
		if record, err = q.keys.Create(ctx, name, e.ID, window); err != nil {
			return Accepted{}, err
		}
		q.fault("key:after")
		if err := q.force(ctx, e, bus.StreamKeys); err != nil {
			return Accepted{}, err
		}
	}
	accepted, err := q.store(ctx, e, "")
	if err != nil {
		return accepted, err
	}
	return accepted, q.keyAccept(ctx, name, record, window)
}

// keyAccept writes that a key's event is there. That the record has changed means that
// the event was executed meanwhile, which wrote the same.
func (q *Queue) keyAccept(ctx context.Context, name string, r keys.Record, window time.Duration) error {
	q.fault("key:accept")
	err := q.keys.Accept(ctx, name, r, window)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil
	}
	if err != nil {
		return bus.Explain("write idempotency key", err)
	}
	return nil
}

// settleKey sees to it that the key of an event that ends is not pending any more.
func (q *Queue) settleKey(ctx context.Context, e *work.Entry) error {
	if e.Key == "" {
		return nil
	}
	name := keys.Name(e.Function, e.Key)
	record, err := q.keys.Get(ctx, name)
	if err == nil && record.State == keys.Pending && record.ID == e.ID {
		err = q.keyAccept(ctx, name, record, q.retryOf(e.Function).KeyWindow)
	}
	if err != nil {
		return err
	}
	return q.force(ctx, e, bus.StreamKeys)
}

// holds tells whether an event is kept somewhere. It reads the whole lane, and is asked
// only about what a crash left in doubt.
func (q *Queue) holds(ctx context.Context, id work.Lane, event dayfly.EventID) (bool, error) {
	if q.times.Has(event) {
		return true, nil
	}
	_, err := q.dead.GetLastMsgForSubject(ctx, work.DeadSubject(id.Function, event))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, bus.Explain("look for the event", err)
	}
	for seq := uint64(1); ; {
		m, err := q.work.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(id.WorkSubject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, bus.Explain("look for the event", err)
		}
		var e work.Entry
		if e.Unmarshal(m.Data) == nil && e.ID == event {
			return true, nil
		}
		seq = m.Sequence + 1
	}
}
