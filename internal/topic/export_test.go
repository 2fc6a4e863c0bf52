// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Shorten gives a queue a retention that is too short for users, for tests that wait.
func (t *Topic) Shorten(project dayfly.ProjectName, name dayfly.QueueName, to time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[QueueSource(project, name)]
	q.Retention = to
	t.queues[QueueSource(project, name)] = q
}

// Expire sweeps at once.
func (t *Topic) Expire(ctx context.Context) error { return t.expire(ctx) }

// MakeRoom looks at the room at once.
func (t *Topic) MakeRoom(ctx context.Context) error { return t.makeRoom(ctx) }

// Subject gives the subject of a source.
func Subject(s Source) string { return s.subject() }
