// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net"
	"time"
)

// ListenStall is Listen with another patience.
func ListenStall(l net.Listener, connsMax int, stall time.Duration) net.Listener {
	bounded := Listen(l, connsMax).(*listener)
	bounded.stall = stall
	return bounded
}

// SetBodyStall gives g another patience with clients that stop to send a body.
func (g *Gateway) SetBodyStall(stall time.Duration) { g.stall = stall }
