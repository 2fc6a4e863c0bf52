// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"

	"github.com/dayfly-faas/dayfly"
)

// Pause keeps a function from executing events, also over restarts, until Resume. Events
// are accepted meanwhile and kept; attempts under way go on.
func (q *Queue) Pause(ctx context.Context, ref dayfly.FunctionRef) error {
	rev, err := q.resolve(ref)
	if err != nil {
		return err
	}
	if err := q.marks.Pause(ctx, rev.Function); err != nil {
		return err
	}
	q.nudgeLanes(rev.Function)
	q.log.Info("function paused", "function", rev.Function)
	return nil
}

// Resume ends a pause; without one it does nothing.
func (q *Queue) Resume(ctx context.Context, ref dayfly.FunctionRef) error {
	rev, err := q.resolve(ref)
	if err != nil {
		return err
	}
	if err := q.marks.Resume(ctx, rev.Function); err != nil {
		return err
	}
	q.nudgeLanes(rev.Function)
	q.log.Info("function resumed", "function", rev.Function)
	return q.survey(ctx)
}

// Paused tells whether a function is paused.
func (q *Queue) Paused(ref dayfly.FunctionRef) bool {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	return q.marks.IsPaused(ref)
}
