// SPDX-License-Identifier: Apache-2.0

package keys

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

// State is how far a key has come.
type State string

// The states of keys.
const (
	Pending  State = "pending"
	Accepted State = "accepted"
)

// Record is an idempotency key as it is stored.
type Record struct {
	State   State
	ID      dayfly.EventID
	version uint64
}

// Keys are the idempotency keys.
type Keys struct {
	kv jetstream.KeyValue
	js jetstream.JetStream

	mu    sync.Mutex // guards waits
	waits map[string]chan struct{}
}

// Name is where the key of a function is kept. Keys are anybody's text: their
// hash stands for them.
func Name(ref dayfly.FunctionRef, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "idem." + string(ref.Project) + "." + string(ref.Name) + "." + hex.EncodeToString(sum[:])
}

// Lock waits until nobody else in this process works on the key.
func (k *Keys) Lock(ctx context.Context, name string) (unlock func(), err error) {
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
			return nil, bus.Explain("wait for the idempotency key", context.Cause(ctx))
		}
	}
}

// Get gives the record of a key; its version is 0 when there is none.
func (k *Keys) Get(ctx context.Context, name string) (Record, error) {
	entry, err := k.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, bus.Explain("read idempotency key", err)
	}
	state, id, ok := strings.Cut(string(entry.Value()), " ")
	if !ok {
		return Record{}, fmt.Errorf("read idempotency key %s: %q is no record", name, entry.Value())
	}
	return Record{State(state), dayfly.EventID(id), entry.Revision()}, nil
}

// Create writes the record of a new key; it vanishes after window.
func (k *Keys) Create(ctx context.Context, name string, id dayfly.EventID, window time.Duration) (Record, error) {
	version, err := k.kv.Create(ctx, name, []byte(string(Pending)+" "+string(id)), jetstream.KeyTTL(window))
	if err != nil {
		return Record{}, bus.Explain("write idempotency key", err)
	}
	return Record{Pending, id, version}, nil
}

// Accept writes that the event of a key is there.
func (k *Keys) Accept(ctx context.Context, name string, r Record, window time.Duration) error {
	m := &nats.Msg{Subject: "$KV." + bus.BucketKeys + "." + name,
		Data: []byte(string(Accepted) + " " + string(r.ID))}
	_, err := k.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(r.version),
		jetstream.WithMsgTTL(window))
	return err
}

// New uses a bucket of the bus for keys.
func New(kv jetstream.KeyValue, js jetstream.JetStream) *Keys {
	return &Keys{kv: kv, js: js, waits: map[string]chan struct{}{}}
}
