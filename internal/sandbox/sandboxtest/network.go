// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

func (s *suite) testNetwork(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"dial reaches a server in the box":          s.dials,
		"dial to a closed port is refused":          s.dialRefused,
		"dial gives up with its context":            s.dialCanceled,
		"a box of its own has loopback and no more": s.hasLoopback,
		"sockets of the host are out of reach":      s.hostSockets,
		"the resolver is named when there is one":   s.namesResolver,
		"boxes on the same port do not meet":        s.separatePorts,
		"listen hears its own box alone":            s.listens,
		"a listener ends with its box":              s.listenEnds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// server is a guest that listens on a port and greets each connection with its name.
const server = `
s = socket.create_server(("127.0.0.1", 8080))
os.write(3, b"R")
while True:
    c, _ = s.accept()
    c.sendall(sys.argv[1].encode()); c.close()
`

func (s *suite) dials(t *testing.T) {
	spec := script(server)
	spec.Argv = append(spec.Argv, "greeting")
	b := s.start(t, spec)
	expect(t, b, "R")
	if ports, err := b.Ports(); err != nil || !slices.Equal(ports, []int{8080}) {
		t.Errorf("Ports = %v, %v, want 8080 only", ports, err)
	}
	for range 50 {
		c, err := b.Dial(t.Context(), 8080)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		c.Close()
		if string(got) != "greeting" || err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
	}
}

func (s *suite) dialRefused(t *testing.T) {
	b := s.start(t, script(hello))
	expect(t, b, "R")
	c, err := b.Dial(t.Context(), 9)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial = %v, %v, want connection refused", c, err)
	}
	if _, err := b.Dial(t.Context(), 0); err == nil {
		t.Error("Dial to port 0 worked")
	}
}

func (s *suite) dialCanceled(t *testing.T) {
	// A full backlog leaves connections waiting.
	b := s.start(t, script(`
s = socket.socket(); s.bind(("127.0.0.1", 8080)); s.listen(0)
os.write(3, b"R"); time.sleep(1000)
`))
	expect(t, b, "R")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for range 10 {
		c, err := b.Dial(ctx, 8080)
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Dial = %v, want deadline exceeded", err)
			}
			return
		}
		defer c.Close()
	}
	t.Error("ten connections to a full backlog were made")
}

func (s *suite) hasLoopback(t *testing.T) {
	got := s.run(t, script(`
print([n for _, n in socket.if_nameindex()])
a = socket.create_server(("127.0.0.1", 0)); b = socket.create_connection(a.getsockname()); print("up")
tell("internet", lambda: socket.create_connection(("192.0.2.1", 80), 1))
`))
	if want := "['lo']\nup\ninternet ENETUNREACH\n"; got.out != want {
		t.Errorf("guest printed %q, want %q", got.out, want)
	}
}

func (s *suite) hostSockets(t *testing.T) {
	name := fmt.Sprintf("@dayfly-host-%d", time.Now().UnixNano())
	abstract, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer abstract.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	spec := script(`
s = socket.socket(socket.AF_UNIX)
tell("abstract", lambda: s.connect("\0" + sys.argv[1]))
tell("tcp", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 1))
tell("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
tell("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tell("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
tell("netfilter", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12))
`)
	port := tcp.Addr().(*net.TCPAddr).Port
	spec.Argv = append(spec.Argv, name[1:], fmt.Sprint(port))
	want := "abstract ECONNREFUSED\ntcp ECONNREFUSED\npacket EPERM\nraw EPERM\nvsock EPERM\nnetfilter EPERM\n"
	if got := s.run(t, spec).out; got != want {
		t.Errorf("guest printed %q, want %q", got, want)
	}
}

func (s *suite) namesResolver(t *testing.T) {
	spec := script(`print(open("/etc/resolv.conf").read())`)
	spec.Resolver = "10.1.2.3"
	if got := s.run(t, spec).out; got != "nameserver 10.1.2.3\n\n" {
		t.Errorf("/etc/resolv.conf is %q", got)
	}
	spec = script(`tell("resolver", lambda: open("/etc/resolv.conf"))`)
	if got := s.run(t, spec).out; got != "resolver ENOENT\n" {
		t.Errorf("without a resolver: %q", got)
	}
}

func (s *suite) separatePorts(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		spec := script(server)
		spec.Argv = append(spec.Argv, name)
		b := s.start(t, spec)
		expect(t, b, "R")
		c, err := b.Dial(t.Context(), 8080)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(c); string(got) != name {
			t.Errorf("box %s answers %q", name, got)
		}
		c.Close()
	}
}

func (s *suite) listens(t *testing.T) {
	boxes := map[string]sandbox.Box{}
	answers := make(chan string, 4)
	for _, name := range []string{"one", "two"} {
		spec := script(`
import sys
fd = socket.socket(fileno=3)
fd.recv(1)
c = socket.create_connection(("127.0.0.1", 9005), 5)
c.sendall(sys.argv[1].encode()); c.shutdown(socket.SHUT_WR); print(c.recv(100).decode())
`)
		spec.Argv = append(spec.Argv, name)
		b := s.start(t, spec)
		boxes[name] = b
		l, err := b.Listen(9005)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Listen(9005); err == nil {
			t.Error("a port was listened to twice")
		}
		if ports, err := b.Ports(); err != nil || len(ports) != 0 {
			t.Errorf("Ports = %v, %v, want none: the listener is not the box's", ports, err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				answers <- err.Error()
				return
			}
			defer c.Close()
			said, _ := io.ReadAll(c)
			fmt.Fprint(c, "heard")
			answers <- name + " heard " + string(said)
		}()
	}
	for name, b := range boxes {
		send(t, b, "g")
		if got, want := <-answers, name+" heard "+name; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func (s *suite) listenEnds(t *testing.T) {
	b := s.start(t, script("print('R', flush=True)\ntime.sleep(1000)"))
	l, err := b.Listen(9005)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	b.Kill()
	wait(t, b)
	if err := <-ended; err == nil {
		t.Error("a connection came from a box that has ended")
	}
	if _, err := b.Listen(9006); err == nil {
		t.Error("a box that has ended got a listener")
	}
}
