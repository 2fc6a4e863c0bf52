// SPDX-License-Identifier: Apache-2.0

package egress_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/egress"
)

func TestSandboxReachesTheInternetAndNothingElse(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, resolver := acquire(t, n)
	neighbour, _ := acquire(t, n)
	if err := serve(neighbour); err != nil {
		t.Fatal(err)
	}
	beside := addressOf(t, neighbour)
	if got, err := dial(ns, publicAddr+":80"); err != nil || got != hostAddr {
		t.Fatalf("a public address saw %q, %v; want a connection from %s", got, err, hostAddr)
	}
	host := netip.MustParseAddr(resolver).Prev().String() // the host's end of the link
	for name, addr := range map[string]string{
		"the host":                          hostAddr,
		"the host's other address":          lanHostAddr,
		"the host's end of the link":        host,
		"the gateway":                       resolver,
		"the host's router":                 routerAddr,
		"a network the host is attached to": lanAddr,
		"a private address behind a router": privateAddr,
		"the metadata service":              metadata,
		"another sandbox":                   beside,
		"loopback":                          "127.0.0.1",
		"a carrier's address":               "100.64.0.1",
		"multicast":                         "224.0.0.1",
		"broadcast":                         "255.255.255.255",
		"the zero address":                  "0.0.0.0",
	} {
		if !shut(ns, addr+":80") {
			t.Errorf("%s at %s answered, want no way there", name, addr)
		}
	}
	// The same places do answer those who may ask, so the test can fail.
	for _, addr := range []string{hostAddr, lanAddr, privateAddr, metadata, host} {
		if _, err := dial(nil, addr+":80"); err != nil {
			t.Errorf("the host itself cannot reach %s: %v", addr, err)
		}
	}
	if _, err := dial(neighbour, "127.0.0.1:80"); err != nil {
		t.Errorf("loopback in a sandbox: %v", err)
	}
}

func TestRefusalIsTold(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, resolver := acquire(t, n)
	neighbour, _ := acquire(t, n)
	for _, addr := range []string{privateAddr, hostAddr, resolver, addressOf(t, neighbour)} {
		start := time.Now()
		_, err := dial(ns, addr+":80")
		if !errors.Is(err, unix.ECONNREFUSED) || time.Since(start) > time.Second {
			t.Errorf("dial %s = %v after %s, want at once that it is refused",
				addr, err, time.Since(start))
		}
		conn, err := connect(ns, "udp4", addr+":80", deadline)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(deadline))
		_, err = conn.Write([]byte("x"))
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		if !errors.Is(err, unix.EHOSTUNREACH) {
			t.Errorf("UDP to %s = %v, want that it is unreachable", addr, err)
		}
	}
}

func TestNobodyReachesASandbox(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, _ := acquire(t, n)
	if err := serve(ns); err != nil {
		t.Fatal(err)
	}
	addr := addressOf(t, ns)
	for name, from := range map[string]*os.File{
		"the host": nil, "the internet": world.internet, "the lan": world.lan,
	} {
		if !shut(from, addr+":80") {
			t.Errorf("%s reached a sandbox at %s", name, addr)
		}
	}
}

func TestSandboxHasNoIPv6ButLoopback(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, _ := acquire(t, n)
	var got []string
	err := inside(ns, func() error {
		addrs, err := net.InterfaceAddrs()
		for _, a := range addrs {
			if strings.Contains(a.String(), ":") {
				got = append(got, a.String())
			}
		}
		return err
	})
	if diff := cmp.Diff([]string{"::1/128"}, got); err != nil || diff != "" {
		t.Errorf("IPv6 addresses (-want +got): %v\n%s", err, diff)
	}
	if conn, err := connect(ns, "tcp6", "[2001:db8::1]:80", time.Second); err == nil {
		_ = conn.Close()
		t.Error("an IPv6 address was reached")
	}
}

func TestForgedSourceIsDropped(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, _ := acquire(t, n)
	neighbour, _ := acquire(t, n)
	var inbox *net.UDPConn
	err := inside(world.internet, func() (err error) {
		inbox, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(publicAddr), Port: 9})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer inbox.Close()
	own, other := addressOf(t, ns), addressOf(t, neighbour)
	for _, source := range []string{other, "203.0.113.5", hostAddr, own} {
		err := inside(ns, func() error { return sendForged(source, publicAddr, source) })
		if err != nil {
			t.Fatalf("send from %s: %v", source, err)
		}
	}
	// The true one is sent last and must be the first, and only one, to arrive.
	_ = inbox.SetReadDeadline(time.Now().Add(deadline))
	buf := make([]byte, 64)
	size, _, err := inbox.ReadFrom(buf)
	if err != nil || string(buf[:size]) != own {
		t.Errorf("received a packet with source %q, %v; want %s", buf[:size], err, own)
	}
}

func TestConnectionsOfASandboxAreBounded(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), FlowsMax: 3})
	ns, _ := acquire(t, n)
	other, _ := acquire(t, n)
	for i := range 3 {
		conn, err := connect(ns, "tcp4", publicAddr+":80", deadline)
		if err != nil {
			t.Fatalf("connection %d of 3: %v", i+1, err)
		}
		defer conn.Close()
	}
	if !shut(ns, publicAddr+":80") {
		t.Error("a fourth connection passed, want 3 at most")
	}
	if _, err := dial(other, publicAddr+":80"); err != nil {
		t.Errorf("another sandbox suffers: %v", err)
	}
}

func TestHundredCyclesLeaveNothing(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), PoolSize: 4})
	settled := func() error {
		links, err := n.SlotLinks()
		if err == nil && links != 4 {
			err = fmt.Errorf("%d links of sandboxes, want the pool's 4", links)
		}
		return err
	}
	eventually(t, settled)
	before := descriptors(t)
	for range 100 {
		ns, _, release, err := n.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = ns.Close()
		release()
		release() // a second call is harmless
	}
	eventually(t, settled)
	eventually(t, func() error {
		if after := descriptors(t); after > before {
			return fmt.Errorf("%d open files, %d before", after, before)
		}
		return nil
	})
	if diff := cmp.Diff([]string{n.Name()}, tables(t)); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{n.Name()}, interfaces(t)); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

func TestBurstGetsANamespaceEach(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), PoolSize: 4})
	const burst = 48
	type taken struct {
		ns      *os.File
		release func()
		err     error
	}
	all := make(chan taken, burst)
	for range burst {
		go func() {
			ns, _, release, err := n.Acquire(t.Context())
			all <- taken{ns, release, err}
		}()
	}
	seen := map[string]bool{}
	for range burst {
		got := <-all
		if got.err != nil {
			t.Fatal(got.err)
		}
		defer got.release()
		defer got.ns.Close()
		seen[addressOf(t, got.ns)] = true
		if _, err := dial(got.ns, publicAddr+":80"); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != burst {
		t.Errorf("%d addresses for %d namespaces", len(seen), burst)
	}
}

func TestReleaseCutsANamespaceThatIsHeld(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), PoolSize: 1})
	ns, _, release, err := n.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	release()
	eventually(t, func() error {
		if !shut(ns, publicAddr+":80") {
			return errors.New("a released namespace still reaches the internet")
		}
		return nil
	})
}

func TestSlotsAreBoundedAndUsedAgain(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir(), PoolSize: 1, SlotsMax: 2})
	first, _, release, err := n.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { // the pool may hold the second one at first
		ns, _, release, err := n.Acquire(t.Context())
		if err == nil {
			t.Cleanup(func() { _ = ns.Close(); release() })
		}
		return err
	})
	if _, _, _, err := n.Acquire(t.Context()); dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Fatalf("Acquire() = %v, want it exhausted", err)
	}
	_ = first.Close()
	release()
	eventually(t, func() error {
		again, _, release, err := n.Acquire(t.Context())
		if err == nil {
			_ = again.Close()
			release()
		}
		return err
	})
}

func TestCloseRemovesEverything(t *testing.T) {
	needWorld(t)
	n := egress.New(egress.Config{LockDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err := n.Open(t.Context()); err != nil || n.Absent() != nil {
		t.Fatal(err, n.Absent())
	}
	if got := forwarding(t, "eth0"); got != "1" {
		t.Errorf("forwarding on the uplink is %s while open, want 1", got)
	}
	if got := forwarding(t, "lan0"); got != "0" {
		t.Errorf("forwarding on lan0, no uplink, is %s, want 0", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if got := forwarding(t, "eth0"); got != "0" {
		t.Errorf("forwarding on the uplink is %s after Close, want 0 as before", got)
	}
	if got := append(tables(t), interfaces(t)...); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if _, _, _, err := n.Acquire(t.Context()); dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("Acquire() after Close = %v, want unavailable", err)
	}
}

func TestTwoNetworksDoNotDisturbEachOther(t *testing.T) {
	dir := t.TempDir()
	stays := open(t, egress.Config{LockDir: dir})
	a, _ := acquire(t, stays)
	t.Run("side by side", func(t *testing.T) {
		goes := open(t, egress.Config{LockDir: dir})
		b, _ := acquire(t, goes)
		if stays.Name() == goes.Name() {
			t.Fatalf("both are named %s", goes.Name())
		}
		if err := serve(b); err != nil {
			t.Fatal(err)
		}
		for _, ns := range []*os.File{a, b} {
			if _, err := dial(ns, publicAddr+":80"); err != nil {
				t.Errorf("internet beside another network: %v", err)
			}
		}
		if !shut(a, addressOf(t, b)+":80") {
			t.Error("a sandbox reached one of another network")
		}
	})
	if _, err := dial(a, publicAddr+":80"); err != nil {
		t.Errorf("internet after another network closed: %v", err)
	}
}

func TestLeftoversOfAKilledProcessAreReplaced(t *testing.T) {
	needWorld(t)
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "DAYFLY_TEST_VICTIM="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "victim <nil>\n" {
		t.Fatalf("victim says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	if !slices.Contains(tables(t), "dayfly0") {
		t.Fatalf("tables are %v; want that of the victim", tables(t))
	}
	t.Run("next", func(t *testing.T) {
		n := open(t, egress.Config{LockDir: dir})
		if n.Name() != "dayfly0" {
			t.Errorf("the next process has %s, want the free dayfly0", n.Name())
		}
		ns, _ := acquire(t, n)
		if _, err := dial(ns, publicAddr+":80"); err != nil {
			t.Error(err)
		}
	})
	if got := append(tables(t), interfaces(t)...); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if got := forwarding(t, "eth0"); got != "0" {
		t.Errorf("forwarding on the uplink is %s, want 0 as before the victim", got)
	}
}

func TestNewNetworkOfTheHostIsBlocked(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	ns, _ := acquire(t, n)
	if _, err := dial(ns, publicAddr+":80"); err != nil {
		t.Fatal(err)
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	link, err := h.LinkByName("lan0")
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr("198.51.100.1/25")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.AddrAdd(link, addr); err != nil {
		t.Fatal(err)
	}
	refused := func() error {
		_, err := dial(ns, publicAddr+":80")
		if !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("dial = %v, want it refused", err)
		}
		return nil
	}
	eventually(t, refused)
	if err := h.AddrDel(link, addr); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := dial(ns, publicAddr+":80")
		return err
	})
}

func TestUplinkForwardsForSandboxesOnly(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	if !shut(world.internet, lanAddr+":80") {
		t.Error("the internet reached the lan through the host")
	}
	all := "/proc/sys/net/ipv4/conf/all/forwarding"
	if err := os.WriteFile(all, []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := n.Renew(); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(world.internet, lanAddr+":80"); err != nil {
		t.Errorf("an operator who forwards everything is hindered: %v", err)
	}
	if err := os.WriteFile(all, []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := n.Renew(); err != nil { // turns the uplink's on again
		t.Fatal(err)
	}
	if !shut(world.internet, lanAddr+":80") {
		t.Error("the internet reached the lan through the host again")
	}
}

func TestFeatureTells(t *testing.T) {
	fresh := egress.New(egress.Config{}, slog.New(slog.DiscardHandler))
	if given, detail, _ := fresh.Feature(); given || detail == "" {
		t.Errorf("Feature() before Open = %v, %q; want not given, and why", given, detail)
	}
	n := open(t, egress.Config{LockDir: t.TempDir()})
	given, detail, remedy := n.Feature()
	if !given || !strings.Contains(detail, "198.18.0.0/20") || remedy != "" {
		t.Errorf("Feature() = %v, %q, %q", given, detail, remedy)
	}
}

func TestFirewallThatForwardsNothingIsTold(t *testing.T) {
	n := open(t, egress.Config{LockDir: t.TempDir()})
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	policy := nftables.ChainPolicyDrop
	table := conn.AddTable(&nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4})
	conn.AddChain(&nftables.Chain{
		Name: "FORWARD", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		conn.DelTable(table)
		if err := conn.Flush(); err != nil {
			t.Error(err)
		}
	}()
	given, detail, remedy := n.Feature()
	if !given || !strings.Contains(detail, "chain FORWARD") ||
		!strings.Contains(remedy, "dayfly*") {
		t.Errorf("Feature() = %v, %q, %q; want the chain and what to do", given, detail, remedy)
	}
}

func TestHostWithoutPrivilegeHasNoNetwork(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A folder that cannot be made stands for all that can go wrong.
	n := egress.New(egress.Config{LockDir: dir + "/file/locks"}, slog.New(slog.DiscardHandler))
	if err := n.Open(t.Context()); err != nil {
		t.Fatalf("Open() = %v, want nil: the platform works without", err)
	}
	_, _, _, err := n.Acquire(t.Context())
	if dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("Acquire() = %v, want unavailable", err)
	}
	if given, detail, _ := n.Feature(); given || detail == "" {
		t.Errorf("Feature() = %v, %q; want not given, and why", given, detail)
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]egress.Config{
		"pool too large":        {PoolSize: 4001},
		"negative slots":        {SlotsMax: -1},
		"upstream without port": {Upstreams: []string{"192.0.2.1"}},
		"upstream by name":      {Upstreams: []string{"dns.example:53"}},
	} {
		n := egress.New(cfg, slog.New(slog.DiscardHandler))
		if err := n.Open(t.Context()); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s: Open() = %v, want it invalid", name, err)
		}
	}
}

func BenchmarkAcquire(b *testing.B) {
	if world.lacking != "" {
		b.Skip(world.lacking)
	}
	n := egress.New(egress.Config{LockDir: b.TempDir(), PoolSize: 1}, slog.New(slog.DiscardHandler))
	if err := n.Open(b.Context()); err != nil || n.Absent() != nil {
		b.Fatal(err, n.Absent())
	}
	defer n.Close()
	for b.Loop() { // Run does not run, so each is made on the spot
		ns, _, release, err := n.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		_ = ns.Close()
		release()
	}
}

func BenchmarkOpen(b *testing.B) {
	if world.lacking != "" {
		b.Skip(world.lacking)
	}
	dir := b.TempDir()
	for b.Loop() {
		n := egress.New(egress.Config{LockDir: dir}, slog.New(slog.DiscardHandler))
		if err := n.Open(b.Context()); err != nil || n.Absent() != nil {
			b.Fatal(err, n.Absent())
		}
		b.StopTimer()
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func addressOf(t *testing.T, ns *os.File) string {
	t.Helper()
	var out string
	err := inside(ns, func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		addrs, err := link.Addrs()
		if err == nil && len(addrs) != 1 {
			err = fmt.Errorf("eth0 has addresses %v, want one", addrs)
		}
		if err == nil {
			out = addrs[0].(*net.IPNet).IP.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sendForged sends a UDP packet to port 9 with any source address.
func sendForged(source, destination, payload string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	src, dst := netip.MustParseAddr(source).As4(), netip.MustParseAddr(destination).As4()
	size := byte(8 + len(payload))
	packet := []byte{0x45, 0, 0, 20 + size, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	packet = append(append(packet, src[:]...), dst[:]...)
	packet = append(packet, 0x30, 0x39, 0, 9, 0, size, 0, 0)
	packet = append(packet, payload...)
	return unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: dst})
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func forwarding(t *testing.T, link string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + link + "/forwarding")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
