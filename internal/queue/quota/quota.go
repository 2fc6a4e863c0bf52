// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"sync"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// easyShare is the part of the stream, as a fraction, up to which nobody is refused;
	// laneShare that which a lane may have then.
	easyShare = 2
	laneShare = 4
)

// Quota knows how much of a stream each lane takes. Its zero value knows no bound.
type Quota struct {
	mu    sync.Mutex // guards what follows
	max   int64
	total int64 // bytes
	lanes map[work.Lane]lane
}

// lane is what one lane takes.
type lane struct {
	held          int64   // bytes
	bytes, pushed float64 // of all that was pushed since the lane was last empty
}

// Pushed notes an event that was written.
func (q *Quota) Pushed(id work.Lane, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lanes == nil {
		q.lanes = map[work.Lane]lane{}
	}
	l := q.lanes[id]
	l.held += int64(bytes)
	l.bytes += float64(bytes)
	l.pushed++
	q.lanes[id] = l
	q.total += int64(bytes)
}

// Judge takes note of what the stream has: its bound, its bytes, and the events on each
// subject.
func (q *Quota) Judge(limit int64, bytes uint64, subjects map[string]uint64) {
	events := uint64(0)
	for _, n := range subjects {
		events += n
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.max, q.total = limit, int64(bytes)
	lanes := make(map[work.Lane]lane, len(subjects))
	for subject, n := range subjects {
		id, ok := work.ParseLane(subject)
		if !ok || n == 0 {
			continue
		}
		l, size := q.lanes[id], float64(bytes)/float64(events)
		if l.pushed > 0 {
			size = l.bytes / l.pushed
		}
		l.held = int64(size * float64(n))
		lanes[id] = l
	}
	q.lanes = lanes
}

// Allow refuses an event of a lane that has taken its part.
func (q *Quota) Allow(id work.Lane) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	held := q.lanes[id].held
	if q.max <= 0 || q.total <= q.max/easyShare || held <= q.max/laneShare {
		return nil
	}
	e := dayfly.Errorf(dayfly.KindExhausted, "%s of events wait for %s already: there is no room for more",
		dayfly.FormatBytes(held), id.Function)
	e.RetryAfter = bus.FullPause
	return e
}
