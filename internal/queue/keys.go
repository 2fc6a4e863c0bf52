// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// An idempotency key is a record: "pending ID" before its event is written, "accepted ID"
// after. One that a crash left pending is settled by whoever comes next: by a
// repetition of the push, which looks whether the event is there, or by the
// attempt that ends the event, before the event is removed. So a pending key whose
// event is nowhere means that the event was never written.

// keyState is how far a key has come.
type keyState string

// The states of keys.
const (
	keyPending  keyState = "pending"
	keyAccepted keyState = "accepted"
)

// keyRecord is an idempotency key as it is stored.
type keyRecord struct {
	state   keyState
	id      dayfly.EventID
	version uint64
}

// keys are the idempotency keys.
type keys struct {
	kv jetstream.KeyValue
	js jetstream.JetStream

	mu    sync.Mutex // guards waits
	waits map[string]chan struct{}
}

// keyName is where the key of a function is kept. Keys are anybody's text: their
// hash stands for them.
func keyName(ref dayfly.FunctionRef, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "idem." + string(ref.Project) + "." + string(ref.Name) + "." + hex.EncodeToString(sum[:])
}

// lock waits until nobody else in this process works on the key.
func (k *keys) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		wait, taken := k.waits[name]
		if !taken {
			mine := make(chan struct{})
			k.waits[name] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.waits, name)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, explain("wait for the idempotency key", context.Cause(ctx))
		}
	}
}

// get gives the record of a key; its version is 0 when there is none.
func (k *keys) get(ctx context.Context, name string) (keyRecord, error) {
	entry, err := k.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return keyRecord{}, nil
	}
	if err != nil {
		return keyRecord{}, explain("read idempotency key", err)
	}
	state, id, ok := strings.Cut(string(entry.Value()), " ")
	if !ok {
		return keyRecord{}, fmt.Errorf("read idempotency key %s: %q is no record", name, entry.Value())
	}
	return keyRecord{keyState(state), dayfly.EventID(id), entry.Revision()}, nil
}

// create writes the record of a new key; it vanishes after window.
func (k *keys) create(ctx context.Context, name string, id dayfly.EventID, window time.Duration) (keyRecord, error) {
	version, err := k.kv.Create(ctx, name, []byte(string(keyPending)+" "+string(id)), jetstream.KeyTTL(window))
	if err != nil {
		return keyRecord{}, explain("write idempotency key", err)
	}
	return keyRecord{keyPending, id, version}, nil
}

// accept writes that the event of a key is there.
func (k *keys) accept(ctx context.Context, name string, r keyRecord, window time.Duration) error {
	m := &nats.Msg{Subject: "$KV." + bus.BucketKeys + "." + name, Data: []byte(string(keyAccepted) + " " + string(r.id))}
	_, err := k.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(r.version), jetstream.WithMsgTTL(window))
	return err
}

// pushKeyed accepts an event unless its key was seen.
func (q *Queue) pushKeyed(ctx context.Context, e *entry) (Accepted, error) {
	name, window := keyName(e.Function, e.Key), q.retryOf(e.Function).KeyWindow
	unlock, err := q.keys.lock(ctx, name)
	if err != nil {
		return Accepted{}, err
	}
	defer unlock()
	record, err := q.keys.get(ctx, name)
	if err != nil {
		return Accepted{}, err
	}
	switch {
	case record.state == keyAccepted:
		return Accepted{ID: record.id, Duplicate: true}, nil
	case record.state == keyPending:
		there, err := q.holds(ctx, e.lane(), record.id)
		if err != nil {
			return Accepted{}, err
		}
		if there {
			return Accepted{ID: record.id, Duplicate: true}, q.keyAccept(ctx, name, record, window)
		}
		e.ID = record.id
	default:
		q.fault("key:before")
		if record, err = q.keys.create(ctx, name, e.ID, window); err != nil {
			return Accepted{}, err
		}
		q.fault("key:after")
	}
	accepted, err := q.store(ctx, e, "")
	if err != nil {
		return accepted, err
	}
	return accepted, q.keyAccept(ctx, name, record, window)
}

// keyAccept writes that a key's event is there. That the record has changed means that
// the event was executed meanwhile, which wrote the same.
func (q *Queue) keyAccept(ctx context.Context, name string, r keyRecord, window time.Duration) error {
	q.fault("key:accept")
	err := q.keys.accept(ctx, name, r, window)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil
	}
	if err != nil {
		return explain("write idempotency key", err)
	}
	return nil
}

// settleKey sees to it that the key of an event that ends is not pending any more.
func (q *Queue) settleKey(ctx context.Context, e *entry) error {
	if e.Key == "" {
		return nil
	}
	name := keyName(e.Function, e.Key)
	record, err := q.keys.get(ctx, name)
	if err != nil || record.state != keyPending || record.id != e.ID {
		return err
	}
	return q.keyAccept(ctx, name, record, q.retryOf(e.Function).KeyWindow)
}

// holds tells whether an event is kept somewhere. It reads the whole lane, and is asked
// only about what a crash left in doubt.
func (q *Queue) holds(ctx context.Context, id laneID, event dayfly.EventID) (bool, error) {
	if q.times.has(event) {
		return true, nil
	}
	_, err := q.dead.GetLastMsgForSubject(ctx, deadSubject(id.function, event))
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, explain("look for the event", err)
	}
	for seq := uint64(1); ; {
		m, err := q.work.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(id.workSubject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err != nil {
			return false, explain("look for the event", err)
		}
		var e entry
		if e.unmarshal(m.Data) == nil && e.ID == event {
			return true, nil
		}
		seq = m.Sequence + 1
	}
}
