// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// eventsDefault is how many events a query gives that does not say.
	eventsDefault = 100
	// eventsMax bounds the events of one query: some megabytes.
	eventsMax = 10_000
	// eventsSeenMax bounds how many events one query looks at in the stream: what it
	// remembers of them takes 8 MiB. Rare states further back are not found.
	eventsSeenMax = 100_000
	// flushShare is the part of a function's events that may wait for a flush before one is
	// asked for: an eighth, since bytes are short before places are.
	flushShare = 8
	// eventShare is the part of the memory for events that one function may have: a half.
	eventShare = 2
	// eventBytesMax bounds what is kept of one event; of a longer life the latest
	// attempts stay.
	eventBytesMax = 32 << 10
	// attemptsKept is how many attempts are kept of an event that is too large.
	attemptsKept = 20
	// attemptErrorMax cuts the errors of those.
	attemptErrorMax = 512
)

// EventQuery says which events are wanted.
type EventQuery struct {
	Function dayfly.FunctionRef // the zero value is all functions
	State    dayfly.EventState  // "" is any: compared with the latest that is known
	Since    time.Time          // of the acceptance; the zero value is as old as there is
	Limit    int                // at most so many; default 100, at most 10,000

	unended bool // only what goes on
}

func (q *EventQuery) wants(e *dayfly.EventInfo) bool {
	return (q.Function == dayfly.FunctionRef{} || q.Function == e.Function) &&
		(q.State == "" || q.State == e.State) && !e.Accepted.Before(q.Since) &&
		(!q.unended || e.Ended.IsZero())
}

// eventEntry is the place of an event on a shelf. Its snapshot is replaced until it is in
// the stream; a newer one then gets a place of its own, and this one is empty.
type eventEntry struct {
	shelf  *shelf
	number uint64
	info   *dayfly.EventInfo // nil when a newer entry has taken over
}

// Event keeps what is known of an event now, which nobody may change any more: the latest
// snapshot counts. It never waits.
func (l *Logs) Event(info *dayfly.EventInfo) {
	if costOfEvent(info) > eventBytesMax {
		info = clipEvent(info)
	}
	for !l.eventTo(l.shelf(info.Function), info, l.replaceEvent) {
		// The shelf was evicted meanwhile.
	}
}

// eventTo puts a snapshot on a shelf, in place of an older one of which replace disposes: it
// reports whether there is nothing more to do.
func (l *Logs) eventTo(
	s *shelf, info *dayfly.EventInfo, replace func(old *eventEntry, info *dayfly.EventInfo) (done bool),
) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false
	}
	l.touch(s)
	if old := l.recallEvent(info.ID); old != nil && old.shelf == s && old.info != nil && replace(old, info) {
		return true
	}
	l.putEvent(s, info, costOfEvent(info))
	if int(s.events.next-s.eventsKept) == l.cfg.RingEvents/flushShare {
		select {
		case l.kick <- struct{}{}:
		default: // it was asked already
		}
	}
	return true
}

// replaceEvent lets a newer snapshot take the place of an older one, or empties that when it
// is in the stream. The caller holds the shelf's mu.
func (l *Logs) replaceEvent(old *eventEntry, info *dayfly.EventInfo) (done bool) {
	s, was, cost := old.shelf, costOfEvent(old.info), costOfEvent(info)
	if old.number >= s.eventsKept {
		old.info = info
		s.eventBytes += cost - was
		l.eventBytes.Add(cost - was)
		return true
	}
	old.info = nil
	s.eventBytes -= was
	l.eventBytes.Add(-was)
	return false
}

// putEvent gives the snapshot a new place, making room for it. The caller holds the
// shelf's mu.
func (l *Logs) putEvent(s *shelf, info *dayfly.EventInfo, cost int64) {
	limit := l.eventLimit(cost)
	for s.events.len() > 0 && (s.events.len() >= l.cfg.RingEvents || s.eventBytes+cost > limit) {
		l.dropEvent(s)
	}
	entry := &eventEntry{shelf: s, number: s.events.next, info: info}
	s.events.push(entry)
	s.eventBytes += cost
	l.eventBytes.Add(cost)
	at := l.indexOf(string(info.ID))
	at.mu.Lock()
	defer at.mu.Unlock()
	at.events[info.ID] = entry
}

// eventLimit is how many bytes of events a shelf may have: half of all, since few functions
// are that busy at once, or an equal share when so much more would be too much.
func (l *Logs) eventLimit(cost int64) int64 {
	if l.eventBytes.Load()+cost > l.cfg.EventBytes {
		return l.cfg.EventBytes / max(eventShare, l.count.Load()+1)
	}
	return l.cfg.EventBytes / eventShare
}

// dropEvent takes the shelf's oldest event off. The caller holds the shelf's mu.
func (l *Logs) dropEvent(s *shelf) {
	entry := s.events.pop()
	if entry.number == s.eventsKept {
		s.eventsKept++
		if entry.info != nil {
			s.lost++
		}
	}
	if entry.info == nil {
		return
	}
	cost := costOfEvent(entry.info)
	s.eventBytes -= cost
	l.eventBytes.Add(-cost)
	if entry.info.Accepted.After(s.eventsLeft) {
		s.eventsLeft = entry.info.Accepted
	}
	at := l.indexOf(string(entry.info.ID))
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.events[entry.info.ID] == entry {
		delete(at.events, entry.info.ID)
	}
}

// recallEvent gives the place of an event that is in memory, or nil. What is in it is
// guarded by its shelf's mu.
func (l *Logs) recallEvent(id dayfly.EventID) *eventEntry {
	at := l.indexOf(string(id))
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.events[id]
}

func costOfEvent(e *dayfly.EventInfo) int64 {
	const eventCost, attemptCost = 512, 192
	cost := eventCost + int64(len(e.ID)+len(e.Type)+len(e.Subject)+len(e.Key)+len(e.Delivered))
	for i := range e.Attempts {
		cost += attemptCost + int64(len(e.Attempts[i].Error))
	}
	return cost
}

// clipEvent gives a copy of the snapshot without what makes it large.
func clipEvent(e *dayfly.EventInfo) *dayfly.EventInfo {
	short := func(text string) string {
		if len(text) > attemptErrorMax {
			return cut(text, attemptErrorMax)
		}
		return text
	}
	c := *e
	c.Type, c.Subject, c.Key = short(c.Type), short(c.Subject), short(c.Key)
	c.Delivered = short(c.Delivered)
	c.Attempts = slices.Clone(c.Attempts[max(0, len(c.Attempts)-attemptsKept):])
	for i := range c.Attempts {
		c.Attempts[i].Error = short(c.Attempts[i].Error)
	}
	return &c
}

// FindEvent gives the latest that is known of an event, or an error of kind not_found.
func (l *Logs) FindEvent(ctx context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	for entry := l.recallEvent(id); entry != nil; entry = l.recallEvent(id) {
		entry.shelf.mu.Lock()
		info := entry.info
		entry.shelf.mu.Unlock()
		if info != nil { // else a newer place was made meanwhile
			return info, nil
		}
	}
	h, err := l.history()
	if err != nil {
		return nil, err
	}
	defer h.close()
	info, err := h.findEvent(ctx, id)
	if err != nil {
		return nil, err
	}
	if info == nil {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "event %s not found", id).WithHint("%s", l.whyUnknown(id))
	}
	return info, nil
}

// whyUnknown says what may have become of an event that is nowhere.
func (l *Logs) whyUnknown(id dayfly.EventID) string {
	began, ok := beganMillis(string(id))
	since := l.KeptUntil().Add(-l.cfg.FlushInterval)
	if made := time.UnixMilli(began); ok && made.After(since) && made.Before(l.started) {
		return "it was made as the node was killed: if it was accepted it has succeeded, since nothing waits or is dead that is not known"
	}
	return "it may be older than what is kept"
}

// findEvent looks for the latest snapshot of an event that is no longer in memory.
func (h *history) findEvent(ctx context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	began, ok := beganMillis(string(id))
	if !ok {
		return nil, nil
	}
	found, err := h.scan(ctx, dayfly.FunctionRef{}, time.UnixMilli(began))
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Backward(found) {
		if p.events == 0 || !p.mayHaveEvent(began) {
			continue
		}
		b, err := h.read(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, e := range slices.Backward(b.events) {
			if e.ID == id {
				return e, nil
			}
		}
	}
	return nil, nil
}

// Events gives the events that the query wants as they are now, newest first.
func (l *Logs) Events(ctx context.Context, q EventQuery) ([]dayfly.EventInfo, error) {
	if q.Function.Name != "" && q.Function.Project == "" {
		q.Function.Project = dayfly.DefaultProject
	}
	if q.Limit <= 0 {
		q.Limit = eventsDefault
	}
	q.Limit = min(q.Limit, eventsMax)
	c := l.rememberedEvents(q)
	if !q.Since.After(c.left) && !c.surelyNewest(c.left) {
		h, err := l.history()
		if err != nil {
			return nil, err
		}
		defer h.close()
		if err := h.events(ctx, c); err != nil {
			return nil, err
		}
	}
	c.sort()
	events := make([]dayfly.EventInfo, min(len(c.found), q.Limit))
	for i := range events {
		events[i] = *c.found[i]
	}
	return events, nil
}

// eventChoice is what a query has found so far. Snapshots of one event must come newest
// first.
type eventChoice struct {
	query EventQuery
	left  time.Time // of what was accepted until then, some is in the stream only
	seen  map[dayfly.EventID]bool
	found []*dayfly.EventInfo
}

func (c *eventChoice) offer(e *dayfly.EventInfo) {
	if c.seen[e.ID] {
		return
	}
	c.seen[e.ID] = true
	if c.query.wants(e) {
		c.found = append(c.found, e)
	}
}

func (c *eventChoice) sort() {
	slices.SortStableFunc(c.found, func(a, b *dayfly.EventInfo) int {
		return b.Accepted.Compare(a.Accepted)
	})
}

// surelyNewest reports whether enough was found that was accepted after then, and trims
// what is not needed any more.
func (c *eventChoice) surelyNewest(then time.Time) bool {
	if len(c.found) < c.query.Limit {
		return false
	}
	c.sort()
	c.found = c.found[:c.query.Limit]
	return c.found[c.query.Limit-1].Accepted.After(then)
}

func (l *Logs) rememberedEvents(q EventQuery) *eventChoice {
	c := &eventChoice{query: q, left: time.Unix(0, l.evicted.Load()),
		seen: make(map[dayfly.EventID]bool)}
	if l.started.After(c.left) {
		c.left = l.started
	}
	for _, s := range l.holding(q.Function) {
		s.mu.Lock()
		var infos []*dayfly.EventInfo
		for _, entry := range s.events.from(0) {
			if entry.info != nil {
				infos = append(infos, entry.info)
			}
		}
		if s.eventsLeft.After(c.left) {
			c.left = s.eventsLeft
		}
		s.mu.Unlock()
		for _, e := range infos {
			c.offer(e)
		}
	}
	return c
}

// events adds what the stream has, newest batch first, until nothing that is further
// back could be newer than what was found.
func (h *history) events(ctx context.Context, c *eventChoice) error {
	for _, span := range lookBack(c.query.Since) {
		batches, err := h.scan(ctx, c.query.Function, span)
		if err != nil {
			return err
		}
		for _, p := range slices.Backward(batches) {
			if c.surelyNewest(p.at) || len(c.seen) >= eventsSeenMax {
				return nil
			}
			if p.events == 0 {
				continue
			}
			b, err := h.read(ctx, p)
			if err != nil {
				return err
			}
			for _, e := range slices.Backward(b.events) {
				c.offer(e)
			}
		}
		if c.surelyNewest(span) {
			return nil
		}
	}
	return nil
}

// lookBack gives the times to begin at, each further back; the last is since.
func lookBack(since time.Time) []time.Time {
	var starts []time.Time
	for _, span := range []time.Duration{10 * time.Minute, 3 * time.Hour, 48 * time.Hour} {
		if start := time.Now().Add(-span); start.After(since) {
			starts = append(starts, start)
		}
	}
	return append(starts, since)
}
