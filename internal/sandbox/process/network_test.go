// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// namespace makes a network namespace with lo up and a device named outside.
func namespace(t *testing.T) *os.File {
	t.Helper()
	type made struct {
		f   *os.File
		err error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		f, err := func() (*os.File, error) {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return nil, err
			}
			dummy := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "outside"}}
			if err := netlink.LinkAdd(dummy); err != nil {
				return nil, err
			}
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return nil, err
			}
			if err := netlink.LinkSetUp(lo); err != nil {
				return nil, err
			}
			return os.Open("/proc/thread-self/ns/net")
		}()
		done <- made{f, err}
	}()
	m := <-done
	if m.err != nil {
		t.Skipf("a network namespace cannot be prepared: %v", m.err)
	}
	return m.f
}

func TestGivenNetworkIsJoinedAndClosed(t *testing.T) {
	d := newDriver(t)
	for name, argv := range map[string][]string{
		"runs": {"/usr/bin/python3", "-I", "-S", "-c", `
import os, socket
s = socket.create_server(("127.0.0.1", 8080))
os.write(3, repr([n for _, n in socket.if_nameindex()]).encode())
s.accept()[0].sendall(b"inside")`},
		"cannot run": {"/no/such/program"},
	} {
		t.Run(name, func(t *testing.T) {
			network := namespace(t)
			b, err := d.Start(t.Context(), sandbox.Spec{ID: "net", Argv: argv, Network: network})
			if network.Close() == nil {
				t.Error("Start did not close the network it was given")
			}
			if name == "cannot run" {
				if err == nil {
					t.Error("Start worked")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { b.Kill(); <-b.Done(); b.Control().Close() }()
			const want = "['lo', 'outside']"
			got := make([]byte, len(want))
			if _, err := io.ReadFull(b.Control(), got); err != nil || string(got) != want {
				t.Errorf("interfaces %s, %v; want %s", got, err, want)
			}
			c, err := b.Dial(t.Context(), 8080)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if answer, _ := io.ReadAll(c); string(answer) != "inside" {
				t.Errorf("dialed server answers %q", answer)
			}
		})
	}
	// The airlock came home: a box of its own has loopback alone, and the test's own
	// threads are where they were.
	b, err := d.Start(t.Context(), sandbox.Spec{ID: "own", Argv: []string{
		"/usr/bin/python3", "-I", "-S", "-c", `import os, socket; os.write(3, b"%d" % len(socket.if_nameindex()))`}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(b.Control())
	<-b.Done()
	if string(got) != "1" {
		t.Errorf("a box of its own has %s interfaces", got)
	}
	if _, err := net.InterfaceByName("outside"); err == nil {
		t.Error("this thread is in a box's network")
	}
}
