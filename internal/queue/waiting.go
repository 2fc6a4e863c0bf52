// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// Waiting tells how many events of a trigger are in the function's work: those that wait
// for their turn and those under way, but none that waits for its next attempt.
func (q *Queue) Waiting(
	ctx context.Context, ref dayfly.FunctionRef, trigger dayfly.TriggerName,
) (uint64, error) {
	subject := (&work.Entry{Function: ref, Trigger: trigger}).Lane().WorkSubject()
	info, err := q.work.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, bus.Explain("see how full the lane is", err)
	}
	return info.State.Subjects[subject], nil
}
