// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"container/heap"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// Whatever waits for its time is one message of LATER, on a subject of its own, and one
// element of times. It stays in both while it is executed, and gives way to its next attempt
// on the same subject. A message of WORK whose event is in LATER is what a crash left
// of an attempt whose outcome was written: it is passed over.

// dueHeader carries when a message of LATER is due, in nanoseconds: starting reads
// headers only.
const dueHeader = "Dayfly-Due"

// timed is an event that waits for its time, or has come to it and is still in LATER.
type timed struct {
	id    dayfly.EventID
	lane  laneID
	seq   uint64
	due   time.Time
	index int // in the heap; -1 when it is due already
}

// times knows every event in LATER.
type times struct {
	kick chan struct{} // something is due earlier than what was

	mu      sync.Mutex // guards what follows
	byID    map[dayfly.EventID]*timed
	waiting timeHeap
	ready   map[laneID][]*timed // due, in the order in which they became so
}

func newTimes() *times {
	return &times{kick: make(chan struct{}, 1), byID: map[dayfly.EventID]*timed{}, ready: map[laneID][]*timed{}}
}

// put adds an event, or gives it another time.
func (t *times) put(next *timed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.byID[next.id]; old != nil {
		t.drop(old)
	}
	t.byID[next.id] = next
	heap.Push(&t.waiting, next)
	if next.index == 0 {
		select {
		case t.kick <- struct{}{}:
		default:
		}
	}
}

// drop takes an event out of what waits or is ready; the caller holds mu.
func (t *times) drop(old *timed) {
	if old.index >= 0 {
		heap.Remove(&t.waiting, old.index)
	}
	for i, r := range t.ready[old.lane] {
		if r == old {
			t.ready[old.lane] = append(t.ready[old.lane][:i:i], t.ready[old.lane][i+1:]...)
			break
		}
	}
	delete(t.byID, old.id)
}

// remove forgets an event, and tells whether it was known at that sequence.
func (t *times) remove(id dayfly.EventID, seq uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.byID[id]
	if old == nil || old.seq != seq {
		return false
	}
	t.drop(old)
	return true
}

func (t *times) has(id dayfly.EventID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id] != nil
}

// claim takes an event that is not being executed, for whoever wants to end it.
func (t *times) claim(id dayfly.EventID) *timed {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.byID[id]
	if found == nil {
		return nil
	}
	if found.index < 0 && !contains(t.ready[found.lane], found) {
		return nil
	}
	t.drop(found)
	return found
}

func contains(list []*timed, one *timed) bool {
	for _, t := range list {
		if t == one {
			return true
		}
	}
	return false
}

// take gives the next event of a lane that is due, or nil.
func (t *times) take(id laneID) *timed {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.ready[id]
	if len(list) == 0 {
		return nil
	}
	if len(list) == 1 {
		delete(t.ready, id)
	} else {
		t.ready[id] = list[1:]
	}
	return list[0]
}

// giveBack makes an event that was taken the lane's next again.
func (t *times) giveBack(one *timed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[one.id] == one {
		t.ready[one.lane] = append([]*timed{one}, t.ready[one.lane]...)
	}
}

// advance makes ready what is due at now; it gives the lanes concerned, and when the next
// event is due.
func (t *times) advance(now time.Time) (woken []laneID, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) > 0 {
		first := t.waiting[0]
		if first.due.After(now) {
			return woken, first.due
		}
		heap.Pop(&t.waiting)
		t.ready[first.lane] = append(t.ready[first.lane], first)
		woken = append(woken, first.lane)
	}
	return woken, time.Time{}
}

// readyLanes gives the lanes that have due events.
func (t *times) readyLanes() []laneID {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]laneID, 0, len(t.ready))
	for id := range t.ready {
		list = append(list, id)
	}
	return list
}

// timeHeap is a heap by due time.
type timeHeap []*timed

// Len implements heap.Interface.
func (h timeHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h timeHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

// Swap implements heap.Interface.
func (h timeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timeHeap) Push(x any) {
	t := x.(*timed)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timeHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	last.index = -1
	return last
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
		case <-q.times.kick:
		}
		woken, next := q.times.advance(time.Now())
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
func (q *Queue) putLater(ctx context.Context, e *entry) error {
	data, err := e.marshal()
	if err != nil {
		return err
	}
	id := e.lane()
	m := &nats.Msg{Subject: id.laterSubject(e.ID), Data: data,
		Header: nats.Header{dueHeader: {strconv.FormatInt(e.Due.UnixNano(), 10)}}}
	q.fault("later:before")
	ack, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if err != nil {
		return explain("keep the event for later", err)
	}
	q.fault("later:after")
	q.times.put(&timed{id: e.ID, lane: id, seq: ack.Sequence, due: e.Due})
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
	id, ok := parseLane(m.Subject())
	if !ok {
		return fmt.Errorf("read subject %s: it names no lane", m.Subject())
	}
	due, err := strconv.ParseInt(m.Headers().Get(dueHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("read due time: %w", err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("read position: %w", err)
	}
	event := m.Subject()[strings.LastIndexByte(m.Subject(), '.')+1:]
	q.times.put(&timed{id: dayfly.EventID(event), lane: id, seq: meta.Sequence.Stream, due: time.Unix(0, due)})
	return nil
}
