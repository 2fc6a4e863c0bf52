// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// runningWait is a thousand times what it takes, for a host under heavy load.
	runningWait = 2 * time.Second
	runningPoll = 200 * time.Microsecond
)

// veth is a pair of links to be made in the calling thread's namespace, with the
// peer in another.
type veth struct {
	name      string
	index     int
	mac       net.HardwareAddr
	peerName  string
	peerIndex int // 0 lets the kernel choose
	peerMAC   net.HardwareAddr
	peerNS    *os.File
	mtu       int
}

// add makes the pair in one request, with our end up and the numbers given, which no
// library call does. The peer cannot be up before the pair exists.
func (v veth) add() error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	head := nl.NewIfInfomsg(unix.AF_UNSPEC)
	head.Index = int32(v.index)
	head.Flags, head.Change = unix.IFF_UP, unix.IFF_UP
	req.AddData(head)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(v.name)))
	req.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, v.mac))
	req.AddData(nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(v.mtu))))
	// One queue is enough for a sandbox, and each costs the kernel files in sysfs.
	req.AddData(nl.NewRtAttr(unix.IFLA_NUM_TX_QUEUES, nl.Uint32Attr(1)))
	req.AddData(nl.NewRtAttr(unix.IFLA_NUM_RX_QUEUES, nl.Uint32Attr(1)))

	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peerHead := nl.NewIfInfomsgChild(peer, unix.AF_UNSPEC)
	peerHead.Index = int32(v.peerIndex)
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(v.peerName))
	peer.AddRtAttr(unix.IFLA_ADDRESS, v.peerMAC)
	peer.AddRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(v.mtu)))
	peer.AddRtAttr(unix.IFLA_NUM_TX_QUEUES, nl.Uint32Attr(1))
	peer.AddRtAttr(unix.IFLA_NUM_RX_QUEUES, nl.Uint32Attr(1))
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(v.peerNS.Fd())))
	req.AddData(info)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("make veth %s: %w", v.peerName, err)
	}
	return nil
}

// join gives a link its address and the way to everything by router.
func join(h *netlink.Handle, index int, own, router netip.Addr, mac net.HardwareAddr) error {
	if err := addAddr(h, index, own); err != nil {
		return err
	}
	if err := addNeighbour(h, index, router, mac); err != nil {
		return err
	}
	way := &netlink.Route{LinkIndex: index, Gw: router.AsSlice(), Flags: int(netlink.FLAG_ONLINK)}
	if err := h.RouteAdd(way); err != nil {
		return fmt.Errorf("add default route: %w", err)
	}
	return nil
}

func linkUp(h *netlink.Handle, index int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Index = index
	if err := h.LinkSetUp(&netlink.Device{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("set link %d up: %w", index, err)
	}
	return nil
}

// awaitRunning waits until a link whose peer has just been set up really sends: the
// kernel starts its queue a little later, and drops packets until then.
func awaitRunning(h *netlink.Handle, index int) error {
	for end := time.Now().Add(runningWait); ; time.Sleep(runningPoll) {
		link, err := h.LinkByIndex(index)
		if err != nil {
			return fmt.Errorf("look at link %d: %w", index, err)
		}
		if link.Attrs().Flags&net.FlagRunning != 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("link %d is not running after %s", index, runningWait)
		}
	}
}

func addAddr(h *netlink.Handle, index int, a netip.Addr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Index = index
	addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, 32))}
	if err := h.AddrAdd(&netlink.Device{LinkAttrs: attrs}, addr); err != nil {
		return fmt.Errorf("add address %s: %w", a, err)
	}
	return nil
}

func addNeighbour(h *netlink.Handle, index int, a netip.Addr, mac net.HardwareAddr) error {
	err := h.NeighSet(&netlink.Neigh{
		LinkIndex: index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
		IP: a.AsSlice(), HardwareAddr: mac,
	})
	if err != nil {
		return fmt.Errorf("add neighbour %s: %w", a, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
