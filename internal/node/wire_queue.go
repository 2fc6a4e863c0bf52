// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"

	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/egress/courier"
	"github.com/dayfly-faas/dayfly/internal/invoke"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

var (
	_ queue.Resolver = (*catalog.Catalog)(nil)
	_ queue.Invoker  = (*invoke.Invoker)(nil)
	_ queue.Journal  = (*logs.Logs)(nil)
	_ queue.Poster   = (*courier.Client)(nil)
	_ queue.Notices  = (*notice.Board)(nil)
)

// openQueue opens what executes events; it begins when the node serves.
func (n *Node) openQueue(ctx context.Context) error {
	var err error
	n.queue, err = queue.New(queue.Config{}, n.component("queue"), queue.Deps{Bus: n.bus, Resolver: n.catalog,
		Invoker: n.invoker, Journal: n.logs, Poster: n.callbacks,
		Publisher: n.topic, Notices: n.notices})
	if err != nil {
		return err
	}
	return n.queue.Open(ctx)
}
