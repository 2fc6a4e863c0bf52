// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// farewellsMax clients at once are told why they are refused, for farewellSpan at most;
	// others just see their connection end.
	farewellsMax, farewellSpan = 64, 2 * time.Second
	// farewellBytes of a request are read before a connection is closed: with unread bytes
	// the client would lose the answer.
	farewellBytes = 64 << 10
	// networkBits are the part of an IPv6 address that the least customer has for itself.
	networkBits = 64
)

// refusal is why a connection is not taken, and what its client hears.
type refusal struct{ reason, answer string }

var (
	welcome          = refusal{}
	tooManyOfAddress = refusing("address", "429 Too Many Requests", "there are too many connections of one address\n")
	tooManyInAll     = refusing("total", "503 Service Unavailable", "there are too many connections\n")
)

func refusing(reason, status, text string) refusal {
	return refusal{reason, "HTTP/1.1 " + status + "\r\nConnection: close\r\nRetry-After: 1\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: " + strconv.Itoa(len(text)) + "\r\n\r\n" + text}
}

// Listen gives connections of l that are bounded, together with those of the crowd's other
// listeners. Clients that are refused hear why in HTTP/1.1.
func (c *Crowd) Listen(l net.Listener) net.Listener { return &listener{l, c, c.say} }

// ListenTLS is Listen for clients that begin with a handshake: they hear nothing.
func (c *Crowd) ListenTLS(l net.Listener) net.Listener { return &listener{l, c, hangUp} }

type listener struct {
	net.Listener
	crowd *Crowd
	tell  func(net.Conn, refusal)
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := newConn(raw, l.crowd)
		why := l.crowd.admit(conn)
		if why == tooManyInAll && l.crowd.room(time.Now()) {
			why = l.crowd.admit(conn)
		}
		if why == welcome {
			return conn, nil
		}
		if why == tooManyOfAddress {
			l.crowd.refusedAddress.Add(1)
		} else {
			l.crowd.refusedTotal.Add(1)
		}
		l.crowd.sayRefused(why, conn, time.Now())
		l.tell(raw, why)
	}
}

// newConn makes a connection that was not admitted yet.
func newConn(raw net.Conn, crowd *Crowd) *Conn {
	conn := &Conn{Conn: raw, crowd: crowd}
	if at, err := netip.ParseAddrPort(raw.RemoteAddr().String()); err == nil {
		conn.address, conn.counted = network(at.Addr()), !at.Addr().Unmap().IsLoopback()
	}
	if tcp, ok := raw.(syscall.Conn); ok {
		conn.raw, _ = tcp.SyscallConn()
	}
	conn.control(func(fd int) { // for what the kernel holds once nobody waits for it any more
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(2*crowd.cfg.Stall/time.Millisecond))
	})
	return conn
}

// network is what counts as one address.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = networkBits
	}
	p, _ := a.Prefix(bits) // bits are of a
	return p
}

// farewell is the clients that are being told why they are refused.
type farewell struct {
	places  chan struct{}
	running sync.WaitGroup
}

// say tells a client why it is refused, if few others are being told.
func (f *farewell) say(conn net.Conn, why refusal) {
	select {
	case f.places <- struct{}{}:
	default:
		hangUp(conn, why)
		return
	}
	f.running.Go(func() {
		defer func() { <-f.places }()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(farewellSpan))
		if _, err := io.WriteString(conn, why.answer); err != nil {
			return
		}
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.CopyN(io.Discard, conn, farewellBytes)
	})
}

func hangUp(conn net.Conn, _ refusal) { _ = conn.Close() }

// Close waits until nobody is being told any more, two seconds at most. The listeners are
// closed before.
func (c *Crowd) Close() error {
	c.running.Wait()
	return nil
}
