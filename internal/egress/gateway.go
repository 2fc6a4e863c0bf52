// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// uplinkName is the gateway's interface that leads to the host, slotLink the
	// name of a sandbox's only interface.
	uplinkName = "up"
	slotLink   = "eth0"
	// Interface numbers are chosen by us, which saves asking for them: a new
	// namespace has only loopback, number 1.
	uplinkIndex   = 2
	slotLinkIndex = 2
	peerIndexBase = 16 // the gateway's end of slot N is interface 16+N
)

// Every link has two ends, so the same pair of hardware addresses serves all; with
// known addresses there is no ARP, and no neighbour table to overflow.
var (
	gatewayMAC = net.HardwareAddr{0x02, 0xdf, 0, 0, 0, 1}
	slotMAC    = net.HardwareAddr{0x02, 0xdf, 0, 0, 0, 2}
)

// gateway is the namespace between the host and the sandboxes: it routes, refuses
// forged sources, and holds the forwarder's sockets.
type gateway struct {
	claim *claim
	ns    *os.File
	links *netlink.Handle // routing socket inside ns
	host  *netlink.Handle // and on the host
	udp   *net.UDPConn
	tcp   *net.TCPListener
}

// openGateway makes the namespace and its link to the host. A link that a killed
// process left behind is removed first.
func openGateway(c *claim, mtu int) (*gateway, error) {
	g := &gateway{claim: c}
	var err error
	if g.host, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return nil, fmt.Errorf("open routing socket: %w", err)
	}
	if err := g.removeLink(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	home, err := os.Open(threadNamespace)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the host's namespace: %w", err), g.close())
	}
	defer home.Close()
	if g.ns, err = inNew(func(*os.File) error { return g.furnish(home, mtu) }); err != nil {
		return nil, errors.Join(err, g.close())
	}
	if err := g.connectHost(); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// furnish runs inside the new namespace.
func (g *gateway) furnish(home *os.File, mtu int) error {
	for _, s := range []struct{ path, value string }{
		{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"},
		{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
		// Strict: a packet whose answer would not go back to its link is forged.
		{confDir + "/all/rp_filter", "1"},
		{confDir + "/default/rp_filter", "1"},
		{confDir + "/all/accept_redirects", "0"},
		{confDir + "/all/accept_source_route", "0"}, // any program may ask for it
		{confDir + "/all/send_redirects", "0"},
		{confDir + "/default/send_redirects", "0"},
		{confDir + "/all/forwarding", "1"},
	} {
		err := writeSwitch(s.path, s.value)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without IPv6 is fine
			return fmt.Errorf("set up gateway: %w", err)
		}
	}
	if err := loadGatewayRules(g.claim.gatewayAddr()); err != nil {
		return err
	}
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open routing socket of gateway: %w", err)
	}
	g.links = links
	if err := linkUp(links, 1); err != nil {
		return err
	}
	err = veth{
		name: uplinkName, index: uplinkIndex, mac: slotMAC,
		peerName: g.claim.name, peerMAC: gatewayMAC, peerNS: home, mtu: mtu,
	}.add()
	if err != nil {
		return err
	}
	own, host := g.claim.gatewayAddr(), g.claim.hostAddr()
	if err := join(links, uplinkIndex, own, host, gatewayMAC); err != nil {
		return err
	}
	return g.listen(own)
}

// listen opens the forwarder's sockets; they stay in the namespace they are made in.
func (g *gateway) listen(own netip.Addr) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	at := netip.AddrPortFrom(own, 53).String()
	udp, err := lc.ListenPacket(context.Background(), "udp4", at)
	if err != nil {
		return fmt.Errorf("listen for name queries: %w", err)
	}
	g.udp = udp.(*net.UDPConn)
	tcp, err := lc.Listen(context.Background(), "tcp4", at)
	if err != nil {
		return fmt.Errorf("listen for name queries: %w", err)
	}
	g.tcp = tcp.(*net.TCPListener)
	return nil
}

// connectHost gives the host's end of the link its address and the route to the
// block.
func (g *gateway) connectHost() error {
	link, err := g.host.LinkByName(g.claim.name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", g.claim.name, err)
	}
	// Before the interface is up, so that it never has an IPv6 address.
	path := "/proc/sys/net/ipv6/conf/" + g.claim.name + "/disable_ipv6"
	if err := writeSwitch(path, "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("set up %s: %w", g.claim.name, err)
	}
	index := link.Attrs().Index
	if err := linkUp(g.host, index); err != nil {
		return err
	}
	if err := awaitRunning(g.links, uplinkIndex); err != nil {
		return err
	}
	if err := addAddr(g.host, index, g.claim.hostAddr()); err != nil {
		return err
	}
	if err := addNeighbour(g.host, index, g.claim.gatewayAddr(), slotMAC); err != nil {
		return err
	}
	route := &netlink.Route{
		LinkIndex: index, Dst: ipNet(g.claim.block), Gw: g.claim.gatewayAddr().AsSlice(),
		Flags: int(netlink.FLAG_ONLINK),
	}
	if err := g.host.RouteAdd(route); err != nil {
		return fmt.Errorf("add route to %s: %w", g.claim.block, err)
	}
	return nil
}

// connectSlot gives the gateway its route to a slot.
func (g *gateway) connectSlot(slot int) error {
	index, addr := peerIndexBase+slot, g.claim.slotAddr(slot)
	if err := linkUp(g.links, index); err != nil {
		return err
	}
	if err := addNeighbour(g.links, index, addr, slotMAC); err != nil {
		return err
	}
	route := &netlink.Route{
		LinkIndex: index, Dst: ipNet(netip.PrefixFrom(addr, 32)), Scope: netlink.SCOPE_LINK,
	}
	if err := g.links.RouteAdd(route); err != nil {
		return fmt.Errorf("add route to %s: %w", addr, err)
	}
	return nil
}

// slotGone tells whether the link of a slot has been removed.
func (g *gateway) slotGone(slot int) bool {
	_, err := g.links.LinkByIndex(peerIndexBase + slot)
	return errors.As(err, &netlink.LinkNotFoundError{})
}

// cutSlot removes the link of a slot whose namespace somebody still holds.
func (g *gateway) cutSlot(slot int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Index = peerIndexBase + slot
	err := g.links.LinkDel(&netlink.Veth{LinkAttrs: attrs})
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove link of slot %d: %w", slot, err)
	}
	return nil
}

// removeLink removes the host's end of the link, and with it the other.
func (g *gateway) removeLink() error {
	link, err := g.host.LinkByName(g.claim.name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = g.host.LinkDel(link)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove interface %s: %w", g.claim.name, err)
	}
	return nil
}

// close removes the link and lets go of the namespace; the kernel then removes what
// is in it.
func (g *gateway) close() error {
	var errs []error
	if g.udp != nil {
		errs = append(errs, ignoreNetClosed(g.udp.Close()))
	}
	if g.tcp != nil {
		errs = append(errs, ignoreNetClosed(g.tcp.Close()))
	}
	if g.links != nil {
		g.links.Close()
	}
	if g.host != nil {
		errs = append(errs, g.removeLink())
		g.host.Close()
	}
	if g.ns != nil {
		errs = append(errs, g.ns.Close())
	}
	return errors.Join(errs...)
}

func ignoreNetClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// loadGatewayRules fills the gateway's own, stateless table. It runs inside the
// gateway's namespace.
//
//	forward: from the host, yes; to the host, yes; from sandbox to sandbox, no
//	input:   name queries from sandboxes, no more
func loadGatewayRules(own netip.Addr) error {
	var err error
	for _, how := range []refusal{refuseAloud, refuseSilently} {
		conn, dialErr := nftables.New()
		if dialErr != nil {
			return fmt.Errorf("open nftables: %w", dialErr)
		}
		t := conn.AddTable(&nftables.Table{Name: namePrefix, Family: nftables.TableFamilyINet})
		b := builder{conn: conn, table: t}
		b.addRefuse(how)
		forward := b.chain("forward", nftables.ChainHookForward, nftables.ChainPolicyDrop)
		b.rule(forward, isIPv6(), drop())
		b.rule(forward, fromLink(uplinkName), accept())
		b.rule(forward, toLink(uplinkName), accept())
		b.rule(forward, refuse())
		input := b.chain("input", nftables.ChainHookInput, nftables.ChainPolicyDrop)
		b.rule(input, fromLink("lo"), accept())
		b.rule(input, fromLink(uplinkName), drop())
		for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			b.rule(input, isIPv4(), isDestination(own), isPort(protocol, 53), accept())
		}
		b.rule(input, refuse())
		if err = conn.Flush(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("load rules of gateway: %w", err)
}
