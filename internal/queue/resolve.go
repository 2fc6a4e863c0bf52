// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
	"github.com/dayfly-faas/dayfly/internal/queue/policy"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// policyOf tells how a lane is executed just now; no lane has more than half of all
// executions.
func (q *Queue) policyOf(id work.Lane) policy.Policy {
	return policy.Of(id, q.deps.Resolver, q.deps.Notices, (q.cfg.ExecutionsMax+1)/2)
}

// resolve finds the live revision of a function.
func (q *Queue) resolve(ref dayfly.FunctionRef) (*dayfly.Revision, error) {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	return q.deps.Resolver.Resolve(ref, dayfly.LiveAlias)
}

// retryOf gives a function's retry policy.
func (q *Queue) retryOf(ref dayfly.FunctionRef) dayfly.Retry {
	rev, err := q.resolve(ref)
	if err != nil {
		return dayfly.DefaultRetry()
	}
	return pace.Complete(rev.Spec.Retry)
}
