// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// pausePrefix and cancelPrefix begin the records, beside idempotency keys, of
	// functions that are paused and of events that are taken back.
	pausePrefix  = "pause."
	cancelPrefix = "cancel."
	// cancelMemory is how long a cancellation is remembered when its event is not met:
	// as long as events may wait to be tried.
	cancelMemory = 14 * 24 * time.Hour
)

// marks are what is known in memory of functions and events, for the way of an event.
type marks struct {
	mu       *sync.Mutex // guards the maps
	paused   map[dayfly.FunctionRef]bool
	canceled map[dayfly.EventID]bool
	pushes   map[dayfly.EventID]*told
}

func newMarks() marks {
	return marks{mu: &sync.Mutex{}, paused: map[dayfly.FunctionRef]bool{}, canceled: map[dayfly.EventID]bool{},
		pushes: map[dayfly.EventID]*told{}}
}

// told orders what the journal hears of an event: an attempt may end it before the
// push that accepted it returns.
type told struct {
	mu    sync.Mutex // guards ended; held while the journal, which never waits, is told
	ended bool
}

// unlessEnded calls tell when the event has not ended yet.
func (t *told) unlessEnded(tell func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		tell()
	}
}

// pushing notes that an event is being written.
func (m *marks) pushing(id dayfly.EventID) *told {
	t := &told{}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pushes[id] = t
	return t
}

// pushed notes that the journal has heard of it.
func (m *marks) pushed(id dayfly.EventID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pushes, id)
}

// supersede keeps a push that has not told the journal yet from doing so.
func (m *marks) supersede(id dayfly.EventID) {
	m.mu.Lock()
	t := m.pushes[id]
	m.mu.Unlock()
	if t != nil {
		t.mu.Lock()
		t.ended = true
		t.mu.Unlock()
	}
}

func (m *marks) isPaused(ref dayfly.FunctionRef) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paused[ref]
}

func (m *marks) setPaused(ref dayfly.FunctionRef, paused bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if paused {
		m.paused[ref] = true
	} else {
		delete(m.paused, ref)
	}
}

func (m *marks) isCanceled(id dayfly.EventID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.canceled[id]
}

func (m *marks) setCanceled(id dayfly.EventID, canceled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if canceled {
		m.canceled[id] = true
	} else {
		delete(m.canceled, id)
	}
}

// loadMarks reads which functions are paused and which events are taken back.
func (q *Queue) loadMarks(ctx context.Context) error {
	lister, err := q.keys.kv.ListKeysFiltered(ctx, pausePrefix+">", cancelPrefix+">")
	if err != nil {
		return err
	}
	defer func() { _ = lister.Stop() }()
	for key := range lister.Keys() {
		if id, ok := strings.CutPrefix(key, cancelPrefix); ok {
			q.marks.setCanceled(dayfly.EventID(id), true)
			continue
		}
		project, name, _ := strings.Cut(strings.TrimPrefix(key, pausePrefix), ".")
		q.marks.setPaused(dayfly.FunctionRef{Project: dayfly.ProjectName(project),
			Name: dayfly.FunctionName(name)}, true)
	}
	return context.Cause(ctx)
}

func pauseKey(ref dayfly.FunctionRef) string {
	return pausePrefix + string(ref.Project) + "." + string(ref.Name)
}

// Pause keeps a function from executing events, also over restarts, until Resume. Events
// are accepted meanwhile and kept; attempts under way go on.
func (q *Queue) Pause(ctx context.Context, ref dayfly.FunctionRef) error {
	rev, err := q.resolve(ref)
	if err != nil {
		return err
	}
	if _, err := q.keys.kv.Put(ctx, pauseKey(rev.Function), []byte(time.Now().UTC().Format(time.RFC3339))); err != nil {
		return explain("pause the function", err)
	}
	q.marks.setPaused(rev.Function, true)
	q.stopLanes(rev.Function)
	q.log.Info("function paused", "function", rev.Function)
	return nil
}

// Resume ends a pause; without one it does nothing.
func (q *Queue) Resume(ctx context.Context, ref dayfly.FunctionRef) error {
	rev, err := q.resolve(ref)
	if err != nil {
		return err
	}
	if err := q.keys.kv.Purge(ctx, pauseKey(rev.Function)); err != nil {
		return explain("resume the function", err)
	}
	q.marks.setPaused(rev.Function, false)
	q.log.Info("function resumed", "function", rev.Function)
	return q.survey(ctx)
}

// Paused tells whether a function is paused.
func (q *Queue) Paused(ref dayfly.FunctionRef) bool {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	return q.marks.isPaused(ref)
}

// markCanceled writes down that an event is not to be executed.
func (q *Queue) markCanceled(ctx context.Context, id dayfly.EventID) error {
	_, err := q.keys.kv.Create(ctx, cancelPrefix+string(id), nil, jetstream.KeyTTL(cancelMemory))
	if err != nil && !isExists(err) {
		return explain("cancel the event", err)
	}
	q.marks.setCanceled(id, true)
	return nil
}

// unmarkCanceled forgets a cancellation that was carried out.
func (q *Queue) unmarkCanceled(ctx context.Context, id dayfly.EventID) {
	q.marks.setCanceled(id, false)
	if err := q.keys.kv.Purge(ctx, cancelPrefix+string(id)); err != nil {
		q.log.Debug("cancellation was not forgotten", "event", id, "error", err) // it will be, with time
	}
}
