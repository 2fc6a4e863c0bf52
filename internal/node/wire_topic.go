// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
	"github.com/dayfly-faas/dayfly/internal/trigger"
)

var (
	_ queue.Publisher = (*topic.Topic)(nil)
	_ trigger.Queue   = (*queue.Queue)(nil)
	_ trigger.Notices = (*notice.Board)(nil)
)

// openTopic opens what keeps messages and changes.
func (n *Node) openTopic(ctx context.Context) error {
	records := store.New(n.bus, bus.BucketResources, n.component("store"))
	if err := records.Open(ctx); err != nil {
		return err
	}
	n.topic = topic.New(topic.Config{}, n.component("topic"), n.bus, records)
	return n.topic.Open(ctx)
}

// openTriggers places the cursors of what is live; copying begins when the node serves.
func (n *Node) openTriggers(ctx context.Context) error {
	n.triggers = trigger.New(n.component("trigger"), n.catalog, n.topic, n.queue, n.notices)
	return n.triggers.Open(ctx)
}

// settled is a rollout that has the triggers of a function settled before it says that a
// change is done: what is published from then on reaches it.
type settled struct {
	api.Rollout
	triggers *trigger.Triggers
}

// Deploy implements api.Rollout.
func (s settled) Deploy(
	ctx context.Context, req rollout.Request, progress func(rollout.Event),
) (rollout.Outcome, error) {
	out, err := s.Rollout.Deploy(ctx, req, progress)
	if err != nil {
		return out, err
	}
	return out, s.triggers.Settle(ctx, req.Function)
}

// Rollback implements api.Rollout.
func (s settled) Rollback(ctx context.Context, ref dayfly.FunctionRef, number int) (dayfly.Function, error) {
	f, err := s.Rollout.Rollback(ctx, ref, number)
	if err != nil {
		return f, err
	}
	return f, s.triggers.Settle(ctx, ref)
}

// Remove implements api.Rollout.
func (s settled) Remove(ctx context.Context, ref dayfly.FunctionRef) error {
	return errors.Join(s.Rollout.Remove(ctx, ref), s.triggers.Settle(ctx, ref))
}
