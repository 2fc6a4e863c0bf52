// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net/http"

	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/trigger/hook"
)

var (
	_ hook.Catalog = (*catalog.Catalog)(nil)
	_ hook.Queue   = (*queue.Queue)(nil)
)

// webhooks is the door for webhooks, which the gateway opens below its own address.
func (n *Node) webhooks() http.Handler {
	return hook.New(n.component("webhook"), n.catalog, n.queue)
}
