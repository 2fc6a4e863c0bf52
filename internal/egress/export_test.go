// SPDX-License-Identifier: Apache-2.0

package egress

// SlotLinks counts the links of sandboxes in the gateway.
func (n *Network) SlotLinks() (int, error) {
	links, err := n.gateway.links.LinkList()
	return len(links) - 2, err // without loopback and the uplink
}

// Name is the name of the network's interface and table.
func (n *Network) Name() string { return n.claim.name }

// Renew reads the host at once.
func (n *Network) Renew() error { return n.renew() }
