// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"

	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

var (
	_ gateway.Queue = (*queue.Queue)(nil)
	_ api.Events    = (*queue.Queue)(nil)
)

// async is what the gateway needs for calls whose callers do not wait.
func (n *Node) async(management net.Listener) gateway.Async {
	return gateway.Async{Queue: n.queue, CheckURL: n.callbacks.CheckURL,
		EventsURL: "http://" + reachable(management.Addr()) + "/v1/events/"}
}
