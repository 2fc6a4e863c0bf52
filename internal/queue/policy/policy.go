// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// postsAtOnce is how many deliveries of one function run at once.
const postsAtOnce = 8

// Resolver finds the live revision of a function.
type Resolver interface {
	Resolve(ref dayfly.FunctionRef, alias dayfly.AliasName) (*dayfly.Revision, error)
}

// Notices knows triggers of functions that are not of their revisions.
type Notices interface {
	Triggers(ref dayfly.FunctionRef) []dayfly.Trigger
}

// Policy is how a lane is executed just now.
type Policy struct {
	Revision *dayfly.Revision // nil when the function is gone
	Queue    bool             // the lane is that of a queue trigger
	Gone     bool             // its trigger is
	Batch    int
	Window   time.Duration
	Ordered  bool
	Most     int // executions at once
	Retry    dayfly.Retry
}

// Of reads the policy of a lane, of which no more than executions run at once. Notices may
// be nil: there are none.
func Of(id work.Lane, resolver Resolver, notices Notices, executions int) Policy {
	p := Policy{Batch: 1, Most: pace.Start, Retry: dayfly.DefaultRetry()}
	if id.Name == work.Posts {
		p.Most, p.Retry = postsAtOnce, pace.PostRetry()
	}
	rev, err := resolver.Resolve(id.Function, dayfly.LiveAlias)
	if err != nil {
		return p
	}
	p.Revision = rev
	if id.Name == work.Posts {
		return p
	}
	s := &rev.Spec
	p.Retry = pace.Complete(s.Retry)
	p.Most = max(1, min(s.Scaling.MaxInstances*max(1, s.Scaling.Concurrency), executions))
	if id.Name == work.Calls {
		return p
	}
	t := triggerOf(s.Triggers, id)
	if t == nil && notices != nil {
		if t = triggerOf(notices.Triggers(id.Function), id); t != nil {
			p.Revision = with(rev, t)
		}
	}
	if p.Gone = t == nil; p.Gone {
		return p
	}
	p.Ordered = t.Object != nil || t.Value != nil // changes of a key come as they happened
	if t.Cron != nil && t.Cron.Overlap == dayfly.OverlapQueue {
		p.Ordered = true // its events have one key
	}
	if t.Queue != nil {
		p.Queue, p.Ordered = true, t.Queue.Ordered
		p.Batch, p.Window = max(1, t.Queue.Batch), t.Queue.Window
		if t.Queue.Concurrency > 0 {
			p.Most = min(p.Most, t.Queue.Concurrency)
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
