// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// settle lets a burst of changes on the host end before it is read once.
	settle = 50 * time.Millisecond
	// reread catches what the kernel does not announce, such as forwarding that
	// another program turned on.
	reread = 10 * time.Second
	// rereadsMax is how often a reading that was disturbed is tried again: a host
	// that always changes is read at the next event.
	rereadsMax = 10
	// subnetBitsMin tells a network the host is attached to from a tunnel that
	// takes a large part of the internet: 0.0.0.0/1 is a way out, not a neighbour.
	subnetBitsMin = 8
)

// hostView is what matters of the host's addresses and routes, IPv4 only.
type hostView struct {
	local      []netip.Prefix // addresses of the host itself
	connected  []netip.Prefix // networks reached without a router
	uplinks    []string       // interfaces that lead further, sorted
	uplinkMTUs []int          // one for each uplink
}

// occupied tells whether some network of the host overlaps block.
func (h hostView) occupied(block netip.Prefix) bool {
	overlaps := func(p netip.Prefix) bool { return p.Overlaps(block) }
	return slices.ContainsFunc(h.connected, overlaps) || slices.ContainsFunc(h.local, overlaps)
}

// readHost reads every routing table of the current namespace; links of ours are
// left out. A reading during which something changed is done again.
func readHost() (hostView, error) {
	h, err := readHostOnce()
	for range rereadsMax {
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
		h, err = readHostOnce()
	}
	return h, err
}

func readHostOnce() (hostView, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return hostView{}, fmt.Errorf("open routing socket: %w", err)
	}
	defer handle.Close()
	links, err := handle.LinkList()
	if err != nil {
		return hostView{}, fmt.Errorf("list interfaces: %w", err)
	}
	byIndex := make(map[int]*netlink.LinkAttrs, len(links))
	for _, l := range links {
		byIndex[l.Attrs().Index] = l.Attrs()
	}
	everyTable := &netlink.Route{Table: unix.RT_TABLE_UNSPEC}
	routes, err := handle.RouteListFiltered(netlink.FAMILY_V4, everyTable, netlink.RT_FILTER_TABLE)
	if err != nil {
		return hostView{}, fmt.Errorf("list routes: %w", err)
	}
	var h hostView
	ways := map[string]int{}
	for _, r := range routes {
		h.add(r, byIndex, ways)
	}
	for name := range ways {
		h.uplinks = append(h.uplinks, name)
	}
	slices.Sort(h.uplinks)
	for _, name := range h.uplinks {
		h.uplinkMTUs = append(h.uplinkMTUs, ways[name])
	}
	return h, nil
}

// add sorts one route into the view.
func (h *hostView) add(r netlink.Route, links map[int]*netlink.LinkAttrs, ways map[string]int) {
	dst := prefixOf(r.Dst)
	hops := []int{r.LinkIndex}
	routed := r.Gw != nil || r.Via != nil
	for _, hop := range r.MultiPath {
		hops = append(hops, hop.LinkIndex)
		routed = routed || hop.Gw != nil || hop.Via != nil
	}
	for _, index := range hops {
		link := links[index]
		if link == nil || isOurs(link.Name) {
			continue
		}
		switch {
		case r.Type == unix.RTN_LOCAL:
			h.local = append(h.local, dst)
		case r.Type != unix.RTN_UNICAST || link.Flags&net.FlagLoopback != 0:
		case routed || dst.Bits() < subnetBitsMin:
			ways[link.Name] = link.MTU
		default:
			h.connected = append(h.connected, dst)
		}
	}
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits)
}

// follow renews the policy whenever the host's addresses or routes change, until ctx
// ends.
func (n *Network) follow(ctx context.Context) error {
	addrs := make(chan netlink.AddrUpdate, 16)
	routes := make(chan netlink.RouteUpdate, 16)
	err := errors.Join(netlink.AddrSubscribe(addrs, ctx.Done()),
		netlink.RouteSubscribe(routes, ctx.Done()))
	if err != nil {
		n.log.Warn("changes of the host's network are noticed late", "within", reread, "error", err)
	}
	timer := time.NewTimer(reread)
	defer timer.Stop()
	soon := false
	hasten := func() { // once a burst, or a flapping route would put it off for ever
		if !soon {
			timer.Reset(settle)
			soon = true
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-addrs:
			if !open {
				addrs = nil // the subscription broke; the timer still rereads
			}
			hasten()
		case _, open := <-routes:
			if !open {
				routes = nil
			}
			hasten()
		case <-timer.C:
			if err := n.renew(); err != nil {
				n.log.Error("sandbox network rules not renewed", "error", err)
			}
			soon = false
			timer.Reset(reread)
		}
	}
}

// renew reads the host and brings policy, rules and forwarding in line with it.
func (n *Network) renew() error {
	host, err := readHost()
	if err != nil {
		return err
	}
	p := newPolicy(host)
	if !p.equal(n.policy.Load()) {
		if err := n.rules.block(p); err != nil {
			return err
		}
		n.policy.Store(p)
		n.log.Info("sandbox network rules renewed", "uplinks", p.uplinks, "blocked", len(p.blocked))
	}
	if err := n.claim.forward(p.uplinks); err != nil {
		return err
	}
	return n.rules.guard(n.claim.guarded())
}

// readSwitch reads a kernel setting that is 0 or 1.
func readSwitch(path string) (bool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	return strings.TrimSpace(string(b)) != "0", nil
}

func writeSwitch(path, value string) error {
	return os.WriteFile(path, []byte(value), 0o644)
}
