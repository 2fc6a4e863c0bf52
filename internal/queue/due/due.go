// SPDX-License-Identifier: Apache-2.0

package due

import (
	"container/heap"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// Event is an event that waits for its time, or has come to it and is still in LATER.
type Event struct {
	ID    dayfly.EventID
	Lane  work.Lane
	Seq   uint64 // of its message in LATER
	At    time.Time
	Bytes int // of its message
	index int // in the heap; -1 when it is due already
}

// List knows every event in LATER.
type List struct {
	kick chan struct{} // something is due earlier than what was

	mu      sync.Mutex // guards what follows
	byID    map[dayfly.EventID]*Event
	held    map[work.Lane]Held // what each lane has in byID
	waiting byTime
	ready   map[work.Lane][]*Event // due, in the order in which they became so
}

// New makes an empty list.
func New() *List {
	return &List{kick: make(chan struct{}, 1), byID: map[dayfly.EventID]*Event{},
		held: map[work.Lane]Held{}, ready: map[work.Lane][]*Event{}}
}

// Put adds an event, or gives it another time.
func (t *List) Put(next *Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.byID[next.ID]; old != nil {
		t.drop(old)
	}
	t.byID[next.ID] = next
	t.count(next, 1)
	heap.Push(&t.waiting, next)
	if next.index == 0 {
		t.Kick()
	}
}

// drop takes an event out of what waits or is ready; the caller holds mu.
func (t *List) drop(old *Event) {
	if old.index >= 0 {
		heap.Remove(&t.waiting, old.index)
	}
	for i, r := range t.ready[old.Lane] {
		if r == old {
			t.ready[old.Lane] = append(t.ready[old.Lane][:i:i], t.ready[old.Lane][i+1:]...)
			break
		}
	}
	delete(t.byID, old.ID)
	t.count(old, -1)
}

// Held is how much of LATER a lane has.
type Held struct{ Events, Bytes int }

// count notes that an event came, 1, or went, -1; the caller holds mu.
func (t *List) count(one *Event, sign int) {
	h := t.held[one.Lane]
	h = Held{h.Events + sign, h.Bytes + sign*one.Bytes}
	if h.Events == 0 {
		delete(t.held, one.Lane)
		return
	}
	t.held[one.Lane] = h
}

// Held tells how much a lane has.
func (t *List) Held(id work.Lane) Held {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held[id]
}

// Remove forgets an event, and tells whether it was known at that sequence.
func (t *List) Remove(id dayfly.EventID, seq uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.byID[id]
	if old == nil || old.Seq != seq {
		return false
	}
	t.drop(old)
	return true
}

// Drop forgets an event, wherever it is.
func (t *List) Drop(id dayfly.EventID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.byID[id]; old != nil {
		t.drop(old)
	}
}

// Len is how many events there are.
func (t *List) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// Has tells whether an event is in LATER.
func (t *List) Has(id dayfly.EventID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id] != nil
}

// Claim takes an event that is not being executed, for whoever wants to end it.
func (t *List) Claim(id dayfly.EventID) *Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.byID[id]
	if found == nil {
		return nil
	}
	if found.index < 0 && !contains(t.ready[found.Lane], found) {
		return nil
	}
	t.drop(found)
	return found
}

func contains(list []*Event, one *Event) bool {
	for _, t := range list {
		if t == one {
			return true
		}
	}
	return false
}

// Take gives the next event of a lane that is due, or nil.
func (t *List) Take(id work.Lane) *Event {
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

// GiveBack makes an event that was taken the lane's next again.
func (t *List) GiveBack(one *Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[one.ID] == one {
		t.ready[one.Lane] = append([]*Event{one}, t.ready[one.Lane]...)
	}
}

// Advance makes ready what is due at now; it gives the lanes concerned, and when the next
// event is due.
func (t *List) Advance(now time.Time) (woken []work.Lane, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) > 0 {
		first := t.waiting[0]
		if first.At.After(now) {
			return woken, first.At
		}
		heap.Pop(&t.waiting)
		t.ready[first.Lane] = append(t.ready[first.Lane], first)
		woken = append(woken, first.Lane)
	}
	return woken, time.Time{}
}

// Ready gives the lanes that have due events.
func (t *List) Ready() []work.Lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]work.Lane, 0, len(t.ready))
	for id := range t.ready {
		list = append(list, id)
	}
	return list
}

// byTime is a heap by due time.
type byTime []*Event

// Len implements heap.Interface.
func (h byTime) Len() int { return len(h) }

// Less implements heap.Interface.
func (h byTime) Less(i, j int) bool { return h[i].At.Before(h[j].At) }

// Swap implements heap.Interface.
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *byTime) Push(x any) {
	t := x.(*Event)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *byTime) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	last.index = -1
	return last
}

// Hasten takes by from the List of all that waits, and counts what is due now.
func (t *List) Hasten(by time.Duration, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	due := 0
	for _, one := range t.waiting {
		if one.At = one.At.Add(-by); !one.At.After(now) {
			due++
		}
	}
	heap.Init(&t.waiting)
	return due
}

// Kicked is signalled when something is due earlier than what was.
func (t *List) Kicked() <-chan struct{} { return t.kick }

// Kick signals it.
func (t *List) Kick() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}
