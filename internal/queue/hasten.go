// SPDX-License-Identifier: Apache-2.0

package queue

import "time"

// Hasten makes every event that waits for its time due that much earlier: a developer has
// put the clock forward. It tells how many are due by that. What is on disk keeps its time,
// so that a restart, which sets the clock back, sets them back, too.
func (q *Queue) Hasten(by time.Duration) int {
	due := q.times.Hasten(by, time.Now())
	q.times.Kick()
	return due
}
