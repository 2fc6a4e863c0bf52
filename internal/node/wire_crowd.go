// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"syscall"

	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
	"github.com/dayfly-faas/dayfly/internal/telemetry"
)

// connectionsPerAddress is how many connections one address has when nobody says otherwise:
// enough for the many users behind one address of a provider, and no more than a quarter of
// all, so that one of them does not fill the door.
const connectionsPerAddress = 1024

// newCrowd bounds the clients of the public doors.
func (n *Node) newCrowd() *crowd.Crowd {
	cfg := crowd.Config{Connections: n.cfg.Connections, PerAddress: n.cfg.ConnectionsPerAddress}
	if cfg.Connections == 0 {
		cfg.Connections = connectionsMax()
	}
	switch {
	case cfg.PerAddress == 0:
		cfg.PerAddress = min(connectionsPerAddress, max(1, cfg.Connections/4))
	case cfg.PerAddress < 0:
		cfg.PerAddress = 0
	}
	return crowd.New(cfg, n.component("gateway"))
}

// connectionsMax is how many clients the gateway serves at once: of the descriptors that
// this process may open they get a third, and their calls to servers in sandboxes as
// many, so that a crowd leaves some to start sandboxes and for the management API.
func connectionsMax() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 1 << 10
	}
	return int(min(files.Cur/3, 1<<20))
}

// boundClients has the crowd guard the public doors, in front of all else that answers there.
func (n *Node) boundClients(context.Context) error {
	n.clients.Guard(n.gateway.Server)
	if n.secure.certificates != nil {
		n.clients.Guard(n.secure.Server)
	}
	for _, g := range []telemetry.Gauge{
		{Name: "connections", Help: "Connections of clients of the public doors.", Labels: []string{"state"},
			Read: func(set func(float64, ...string)) {
				s := n.clients.Stats()
				set(float64(s.Open-s.Idle), "busy")
				set(float64(s.Idle), "idle")
			}},
		{Name: "connections_refused_total", Help: "Connections refused: too many of an address, or in total.",
			Labels: []string{"reason"}, Total: true, Read: func(set func(float64, ...string)) {
				s := n.clients.Stats()
				set(float64(s.RefusedAddress), "address")
				set(float64(s.RefusedTotal), "total")
			}},
		{Name: "connections_cut_total", Help: "Connections and streams cut: their client took nothing, or room was needed.",
			Labels: []string{"reason"}, Total: true, Read: func(set func(float64, ...string)) {
				s := n.clients.Stats()
				set(float64(s.CutConns), "slow")
				set(float64(s.CutStreams), "slow_stream")
				set(float64(s.ClosedIdle), "idle")
			}},
	} {
		if err := n.telemetry.Gauge(g); err != nil {
			return fmt.Errorf("register metric: %w", err)
		}
	}
	return nil
}
