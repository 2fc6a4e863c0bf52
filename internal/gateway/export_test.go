// SPDX-License-Identifier: Apache-2.0

package gateway

import "time"

// SetBodyStall gives g another patience with clients that stop to send a body.
func (g *Gateway) SetBodyStall(stall time.Duration) { g.stall = stall }

// SetIdle gives g another patience with streams on which nothing moves.
func (g *Gateway) SetIdle(idle time.Duration) { g.idle = idle }
