// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// postsAtOnce is how many deliveries of one function run at once.
	postsAtOnce = 8
	// batchBytesMax bounds the bodies of one batch, as AWS bounds its payloads.
	batchBytesMax = 6 << 20
)

// policy is how a lane is executed just now: what the live revision says.
type policy struct {
	rev     *dayfly.Revision // nil when the function is gone
	queue   bool             // the lane is that of a queue trigger
	gone    bool             // its trigger is
	batch   int
	window  time.Duration
	ordered bool
	most    int // executions at once
	retry   dayfly.Retry
}

// policyOf reads the policy of a lane.
func (q *Queue) policyOf(id work.Lane) policy {
	p := policy{batch: 1, most: pace.Start, retry: dayfly.DefaultRetry()}
	if id.Name == work.Posts {
		p.most, p.retry = postsAtOnce, pace.PostRetry()
	}
	rev, err := q.deps.Resolver.Resolve(id.Function, dayfly.LiveAlias)
	if err != nil {
		return p
	}
	p.rev = rev
	if id.Name == work.Posts {
		return p
	}
	s := &rev.Spec
	p.retry = pace.Complete(s.Retry)
	p.most = max(1, min(s.Scaling.MaxInstances*max(1, s.Scaling.Concurrency), (q.cfg.ExecutionsMax+1)/2))
	if id.Name == work.Calls {
		return p
	}
	t := triggerOf(s.Triggers, id)
	if t == nil && q.deps.Notices != nil {
		if t = triggerOf(q.deps.Notices.Triggers(id.Function), id); t != nil {
			p.rev = with(rev, t)
		}
	}
	if p.gone = t == nil; p.gone {
		return p
	}
	p.ordered = t.Object != nil || t.Value != nil // changes of a key come as they happened
	if t.Cron != nil && t.Cron.Overlap == dayfly.OverlapQueue {
		p.ordered = true // its events have one key
	}
	if t.Queue != nil {
		p.queue, p.ordered = true, t.Queue.Ordered
		p.batch, p.window = max(1, t.Queue.Batch), t.Queue.Window
		if t.Queue.Concurrency > 0 {
			p.most = min(p.most, t.Queue.Concurrency)
		}
	}
	return p
}

// triggerOf finds the trigger of a lane.
func triggerOf(list []dayfly.Trigger, id work.Lane) *dayfly.Trigger {
	for i := range list {
		if work.Token(string(list[i].Name)) == id.Name {
			return &list[i]
		}
	}
	return nil
}

// with gives the revision as it would be if it had the trigger itself: who makes the
// event's form of it need not know that it comes from elsewhere.
func with(rev *dayfly.Revision, t *dayfly.Trigger) *dayfly.Revision {
	more := *rev
	more.Spec.Triggers = append(slices.Clip(rev.Spec.Triggers), *t)
	return &more
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
