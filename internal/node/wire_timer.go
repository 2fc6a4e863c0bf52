// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"time"

	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

var (
	_ timer.Queue = (*queue.Queue)(nil)
	_ api.Crons   = (*timer.Timer)(nil)
	_ api.Clock   = platformClock{}
)

// makeClock gives the node its time.
func (n *Node) makeClock() {
	n.clock = clock.New()
	if n.cfg.Dev {
		n.clock = clock.NewVirtual()
	}
}

// openTimer opens the ledgers of crons; they fire when the node serves.
func (n *Node) openTimer(ctx context.Context) error {
	records := store.New(n.bus, bus.BucketCrons, n.component("store"))
	if err := records.Open(ctx); err != nil {
		return err
	}
	n.timer = timer.New(n.component("timer"), n.clock, records, n.catalog, n.queue)
	return nil
}

// platformClock puts all of the platform forward: crons, then the events that were to wait.
type platformClock struct {
	*clock.Clock
	queue *queue.Queue
}

// Advance implements api.Clock.
func (c platformClock) Advance(ctx context.Context, by time.Duration) (int, error) {
	began := c.Now()
	fired, err := c.Clock.Advance(ctx, by)
	if !c.Virtual() {
		return fired, err
	}
	if passed := c.Now().Sub(began); passed > 0 {
		fired += c.queue.Hasten(min(passed, by))
	}
	return fired, err
}
