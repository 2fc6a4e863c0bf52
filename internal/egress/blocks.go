// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"net/netip"
	"sync"
	"time"
)

// hostViewAge is how long the host's addresses are believed where no network of sandboxes
// follows them.
const hostViewAge = 10 * time.Second

// Blocks tells whether sandboxes are kept from an address, also on a host that gives them
// no network. An error says that the host's own addresses are not known.
func (n *Network) Blocks(a netip.Addr) (bool, error) {
	if p := n.policy.Load(); p != nil {
		return p.blocks(a), nil
	}
	p, err := n.host.current(time.Now())
	if err != nil {
		return true, err
	}
	return p.blocks(a), nil
}

// hostPolicy is the policy of a host that gives sandboxes no network, and hence follows
// no changes of its own.
type hostPolicy struct {
	mu     sync.Mutex // guards all below; held while the host is read
	policy *policy
	read   time.Time
}

func (h *hostPolicy) current(now time.Time) (*policy, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.policy != nil && now.Sub(h.read) < hostViewAge {
		return h.policy, nil
	}
	view, err := readHost()
	if err != nil {
		return nil, err
	}
	h.policy, h.read = newPolicy(view), now
	return h.policy, nil
}
