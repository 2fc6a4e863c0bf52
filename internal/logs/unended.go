// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// KeptUntil is when the stream was last written before it was opened: of what came later,
// what an earlier process had to say is lost. It is zero for a stream that is new.
func (l *Logs) KeptUntil() time.Time {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	return l.keptUntil
}

// Unended gives the events that had not ended when this process began, as far as the stream
// tells, and of which nothing is in memory.
func (l *Logs) Unended(ctx context.Context) ([]*dayfly.EventInfo, error) {
	c := l.rememberedEvents(EventQuery{Limit: eventsSeenMax, unended: true})
	c.found = nil
	h, err := l.history()
	if err != nil {
		return nil, err
	}
	defer h.close()
	if err := h.events(ctx, c); err != nil {
		return nil, err
	}
	return c.found, nil
}

// EventUnlessTold keeps what is known of an event from elsewhere, unless Event was called for
// it: that is newer.
func (l *Logs) EventUnlessTold(info *dayfly.EventInfo) {
	if costOfEvent(info) > eventBytesMax {
		info = clipEvent(info)
	}
	isTold := func(*eventEntry, *dayfly.EventInfo) bool { return true }
	for !l.eventTo(l.shelf(info.Function), info, isTold) {
		// The shelf was evicted meanwhile.
	}
}

// Flush writes what is in memory only to the stream; it returns when that is done, or given
// up.
func (l *Logs) Flush(ctx context.Context) { l.flush(ctx) }
