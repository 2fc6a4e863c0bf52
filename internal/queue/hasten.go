// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"container/heap"
	"time"
)

// Hasten makes every event that waits for its time due that much earlier: a developer has
// put the clock forward. It tells how many are due by that. What is on disk keeps its time,
// so that a restart, which sets the clock back, sets them back, too.
func (q *Queue) Hasten(by time.Duration) int {
	due := q.times.hasten(by, time.Now())
	select {
	case q.times.kick <- struct{}{}:
	default:
	}
	return due
}

// hasten takes by from the times of all that waits, and counts what is due now.
func (t *times) hasten(by time.Duration, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	due := 0
	for _, one := range t.waiting {
		if one.due = one.due.Add(-by); !one.due.After(now) {
			due++
		}
	}
	heap.Init(&t.waiting)
	return due
}
