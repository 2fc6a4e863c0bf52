// SPDX-License-Identifier: Apache-2.0

// Package marks is what the way of an event has to know at once: which functions are
// paused, which events are taken back, which are just being accepted.
//
//	Pause, Cancel ─▶ on disk ─▶ Marks ─▶ asked before each execution
//
// Guarantees: what Pause and Cancel noted survives kill -9; asking never waits; of an event
// that ends before the push that accepted it returns, the journal hears of the end last.
package marks

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// pausePrefix and cancelPrefix begin the records, beside idempotency keys, of
	// functions that are paused and of events that are taken back.
	pausePrefix  = "pause."
	cancelPrefix = "cancel."
	// cancelMemory is how long a cancellation is remembered when its event is not met:
	// as long as events may wait to be tried.
	cancelMemory = 14 * 24 * time.Hour
	// sweepAge is how long one that was carried out is remembered: the journal writes behind
	// by 200 ms, and by 5 s when the disk is slow.
	sweepAge = 10 * time.Second
)

// Marks are what is known in memory of functions and events, for the way of an event.
type Marks struct {
	kv jetstream.KeyValue

	mu       sync.Mutex // guards what follows
	paused   map[dayfly.FunctionRef]bool
	canceled map[dayfly.EventID]bool
	pushes   map[dayfly.EventID]*Told

	carriedOut []carriedOut // cancellations to be forgotten, the oldest first
}

// carriedOut is a cancellation whose event has ended.
type carriedOut struct {
	id dayfly.EventID
	at time.Time
}

// Open reads the marks that are kept in a bucket of the bus.
func Open(ctx context.Context, kv jetstream.KeyValue) (*Marks, error) {
	m := &Marks{kv: kv, paused: map[dayfly.FunctionRef]bool{}, canceled: map[dayfly.EventID]bool{},
		pushes: map[dayfly.EventID]*Told{}}
	lister, err := kv.ListKeysFiltered(ctx, pausePrefix+">", cancelPrefix+">")
	if err != nil {
		return nil, bus.Explain("read marks of events", err)
	}
	defer func() { _ = lister.Stop() }()
	for key := range lister.Keys() {
		if id, ok := strings.CutPrefix(key, cancelPrefix); ok {
			m.canceled[dayfly.EventID(id)] = true
			continue
		}
		project, name, _ := strings.Cut(strings.TrimPrefix(key, pausePrefix), ".")
		m.paused[dayfly.FunctionRef{Project: dayfly.ProjectName(project), Name: dayfly.FunctionName(name)}] = true
	}
	return m, bus.Explain("read marks of events", context.Cause(ctx))
}

func pauseKey(ref dayfly.FunctionRef) string {
	return pausePrefix + string(ref.Project) + "." + string(ref.Name)
}

// Pause notes that a function is paused; Resume that it is no more.
func (m *Marks) Pause(ctx context.Context, ref dayfly.FunctionRef) error {
	_, err := m.kv.Put(ctx, pauseKey(ref), []byte(time.Now().UTC().Format(time.RFC3339)))
	if err != nil {
		return bus.Explain("pause the function", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused[ref] = true
	return nil
}

// Resume undoes Pause.
func (m *Marks) Resume(ctx context.Context, ref dayfly.FunctionRef) error {
	if err := m.kv.Purge(ctx, pauseKey(ref)); err != nil {
		return bus.Explain("resume the function", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.paused, ref)
	return nil
}

// Cancel notes that an event is taken back.
func (m *Marks) Cancel(ctx context.Context, id dayfly.EventID) error {
	_, err := m.kv.Create(ctx, cancelPrefix+string(id), nil, jetstream.KeyTTL(cancelMemory))
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return bus.Explain("cancel the event", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.canceled[id] = true
	return nil
}

// Forget notes that a cancellation was carried out. It is remembered until the journal has
// surely written that, for Sweep to remove.
func (m *Marks) Forget(id dayfly.EventID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.canceled[id] {
		m.carriedOut = append(m.carriedOut, carriedOut{id, time.Now()})
	}
}

// Sweep removes cancellations that were carried out some time ago. What cannot be removed
// from the disk vanishes with time.
func (m *Marks) Sweep(ctx context.Context) error {
	m.mu.Lock()
	var old []carriedOut
	for len(m.carriedOut) > 0 && time.Since(m.carriedOut[0].at) > sweepAge {
		old = append(old, m.carriedOut[0])
		delete(m.canceled, m.carriedOut[0].id)
		m.carriedOut = m.carriedOut[1:]
	}
	m.mu.Unlock()
	var errs []error
	for _, one := range old {
		errs = append(errs, m.kv.Purge(ctx, cancelPrefix+string(one.id)))
	}
	return errors.Join(errs...)
}

// Told orders what the journal hears of an event: an attempt may end it before the
// push that accepted it returns.
type Told struct {
	mu    sync.Mutex // guards ended; held while the journal, which never waits, is Told
	ended bool
}

// UnlessEnded calls tell when the event has not ended yet.
func (t *Told) UnlessEnded(tell func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		tell()
	}
}

// Pushing notes that an event is being written.
func (m *Marks) Pushing(id dayfly.EventID) *Told {
	t := &Told{}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pushes[id] = t
	return t
}

// Pushed notes that the journal has heard of it.
func (m *Marks) Pushed(id dayfly.EventID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pushes, id)
}

// Supersede keeps a push that has not Told the journal yet from doing so.
func (m *Marks) Supersede(id dayfly.EventID) {
	m.mu.Lock()
	t := m.pushes[id]
	m.mu.Unlock()
	if t != nil {
		t.mu.Lock()
		t.ended = true
		t.mu.Unlock()
	}
}

// IsPaused tells whether a function is paused.
func (m *Marks) IsPaused(ref dayfly.FunctionRef) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paused[ref]
}

// IsCanceled tells whether an event is taken back.
func (m *Marks) IsCanceled(id dayfly.EventID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.canceled[id]
}
