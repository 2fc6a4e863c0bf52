// SPDX-License-Identifier: Apache-2.0

package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/egress"
)

// The tests run in a network namespace of their own, which plays the host:
//
//	host eth0 192.0.2.2/24 ── 192.0.2.1 internet: 198.51.100.7, 10.1.2.3, 169.254.169.254
//	host lan0 10.7.0.1/24  ── 10.7.0.2  lan
const (
	hostAddr    = "192.0.2.2"
	routerAddr  = "192.0.2.1"
	publicAddr  = "198.51.100.7"
	privateAddr = "10.1.2.3"
	metadata    = "169.254.169.254"
	lanHostAddr = "10.7.0.1"
	lanAddr     = "10.7.0.2"

	worldEnv  = "DAYFLY_TEST_WORLD"
	victimEnv = "DAYFLY_TEST_VICTIM"
	deadline  = 10 * time.Second
)

type place struct {
	internet *os.File
	lan      *os.File
	lacking  string // why there is no world
}

var world place // made by TestMain, read by tests

func TestMain(m *testing.M) {
	fuzzing := func(arg string) bool {
		return strings.HasPrefix(arg, "-test.fuzz=") || arg == "-test.fuzzworker"
	}
	switch {
	case os.Getenv(victimEnv) != "":
		victim(os.Getenv(victimEnv))
	case slices.ContainsFunc(os.Args, fuzzing):
		world.lacking = "fuzzing starts processes of its own"
	case os.Getenv(worldEnv) != "":
		if err := makeWorld(); err != nil {
			fmt.Fprintln(os.Stderr, "make the world of the tests:", err)
			os.Exit(1)
		}
	case os.Geteuid() == 0:
		code, err := inOwnNamespace()
		if err == nil {
			os.Exit(code)
		}
		world.lacking = err.Error()
	default:
		world.lacking = "making network namespaces needs root"
	}
	os.Exit(m.Run())
}

// inOwnNamespace runs this program again in a new network namespace.
func inOwnNamespace() (int, error) {
	runtime.LockOSThread() // Pdeathsig watches the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), worldEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func makeWorld() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	world.internet, err = neighbour("eth0", hostAddr, routerAddr, publicAddr, privateAddr, metadata)
	if err != nil {
		return err
	}
	if world.lan, err = neighbour("lan0", lanHostAddr, lanAddr); err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(routerAddr)}); err != nil {
		return err
	}
	return errors.Join(serve(world.internet), serve(world.lan), serveHost())
}

// neighbour makes a namespace at the other end of a new link of the host. It has the
// address at and further ones, and sends everything to the host.
func neighbour(link, host, at string, further ...string) (*os.File, error) {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close()
	var ns *os.File
	err = inside(nil, func() error {
		if ns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "far"
		pair := &netlink.Veth{
			LinkAttrs: attrs, PeerName: link, PeerNamespace: netlink.NsFd(int(home.Fd())),
		}
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		if err := h.LinkAdd(pair); err != nil {
			return err
		}
		errs := []error{addrTo(h, "far", at+"/24"), upOf(h, "lo")}
		for _, a := range further {
			errs = append(errs, addrTo(h, "lo", a+"/32"))
		}
		return errors.Join(append(errs, h.RouteAdd(&netlink.Route{Gw: net.ParseIP(host)}))...)
	})
	if err != nil {
		return nil, err
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return ns, addrTo(h, link, host+"/24")
}

func upOf(h *netlink.Handle, name string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	return h.LinkSetUp(link)
}

func addrTo(h *netlink.Handle, name, cidr string) error {
	if err := upOf(h, name); err != nil {
		return err
	}
	link, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	return h.AddrAdd(link, addr)
}

// serve answers every connection to port 80 in ns with the caller's address.
func serve(ns *os.File) error { return inside(ns, serveHost) }

func serveHost() error {
	l, err := net.Listen("tcp4", "0.0.0.0:80")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			go func() {
				_, _ = io.WriteString(c, host+"\n")
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
	return nil
}

// inside runs f on a thread in ns, or in a new namespace when ns is nil. The thread
// is thrown away.
func inside(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the first thread is not to be thrown away
			done <- inside(ns, f)
			runtime.UnlockOSThread()
			return
		}
		var err error
		if ns == nil {
			err = unix.Unshare(unix.CLONE_NEWNET)
		} else {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// shut tells whether nothing answers at addr for a while; ns is as for dial.
func shut(ns *os.File, addr string) bool {
	conn, err := connect(ns, "tcp4", addr, 500*time.Millisecond)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

// dial connects from ns, or from the host when ns is nil, and gives the first line.
func dial(ns *os.File, addr string) (string, error) {
	conn, err := connect(ns, "tcp4", addr, deadline)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(deadline))
	buf := make([]byte, 64)
	n, err := conn.Read(buf)
	return strings.TrimSpace(string(buf[:n])), err
}

func connect(ns *os.File, network, addr string, wait time.Duration) (net.Conn, error) {
	var conn net.Conn
	f := func() (err error) {
		d := net.Dialer{Timeout: wait}
		d.SetMultipathTCP(false)
		conn, err = d.Dial(network, addr)
		return err
	}
	if ns == nil {
		return conn, errors.Join(f(), nil)
	}
	err := inside(ns, f)
	return conn, err
}

func needWorld(t *testing.T) {
	t.Helper()
	if world.lacking != "" {
		t.Skip("SKIPPED, the network of sandboxes is NOT tested: ", world.lacking)
	}
}

// open opens a network and runs it until the test ends.
func open(t *testing.T, cfg egress.Config) *egress.Network {
	t.Helper()
	needWorld(t)
	n := egress.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err := n.Open(t.Context()); err != nil {
		t.Fatalf("Open() = %v", err)
	}
	if err := n.Absent(); err != nil {
		t.Fatalf("Absent() = %v, want a network", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v, want a clean stop", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return n
}

// acquire takes a namespace until the test ends.
func acquire(t *testing.T, n *egress.Network) (*os.File, string) {
	t.Helper()
	ns, resolver, release, err := n.Acquire(t.Context())
	if err != nil {
		t.Fatalf("Acquire() = %v", err)
	}
	t.Cleanup(func() {
		_ = ns.Close()
		release()
	})
	return ns, resolver
}

// eventually waits until f gives nil.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	end := time.Now().Add(deadline)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still after %s: %v", deadline, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tables lists the nftables tables of dayfly on the host.
func tables(t *testing.T) []string {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	all, err := conn.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, table := range all {
		out = append(out, table.Name)
	}
	return out
}

// interfaces lists the interfaces of dayfly on the host.
func interfaces(t *testing.T) []string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, i := range all {
		if strings.HasPrefix(i.Name, "dayfly") {
			out = append(out, i.Name)
		}
	}
	return out
}

// ask sends one query from ns.
func ask(t *testing.T, ns *os.File, network, resolver, name string, kind uint16) *dns.Msg {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(resolver), 53).String()
	conn, err := connect(ns, network, at, deadline)
	if err != nil {
		t.Fatalf("connect to resolver: %v", err)
	}
	defer conn.Close()
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.SetEdns0(1232, false)
	client := &dns.Client{Net: network[:3], Timeout: deadline}
	r, _, err := client.ExchangeWithConn(m, &dns.Conn{Conn: conn, UDPSize: 1232})
	if err != nil {
		t.Fatalf("ask for %s %s: %v", name, dns.TypeToString[kind], err)
	}
	return r
}

// victim opens a network and waits to be killed.
func victim(dir string) {
	n := egress.New(egress.Config{LockDir: dir}, slog.New(slog.DiscardHandler))
	err := n.Open(context.Background())
	if err == nil {
		_, _, _, err = n.Acquire(context.Background())
	}
	fmt.Println("victim", err)
	select {}
}
