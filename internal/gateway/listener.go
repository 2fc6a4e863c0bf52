// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net"
	"sync"
	"time"
)

// writeStall is how long a client may take nothing of what is written to it, at most
// 64 KiB at a time. Without it, one that never reads would hold its call for ever.
const writeStall = time.Minute

// Listen bounds what clients of l can hold: the number of connections, and how long
// one of them reads nothing. Further clients wait to be accepted.
func Listen(l net.Listener, connsMax int) net.Listener {
	return &listener{Listener: l, slots: make(chan struct{}, connsMax), closed: make(chan struct{}),
		stall: writeStall}
}

type listener struct {
	net.Listener
	slots  chan struct{} // a token for each open connection
	closed chan struct{}
	once   sync.Once
	stall  time.Duration
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &client{Conn: c, listener: l}, nil
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// client is a connection whose writes have a deadline each, whoever makes them: the
// server, HTTP/2, or the splice of an upgraded connection.
type client struct {
	net.Conn
	listener *listener
	once     sync.Once
}

// Write implements net.Conn.
func (c *client) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.listener.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn.
func (c *client) Close() error {
	c.once.Do(func() { <-c.listener.slots })
	return c.Conn.Close()
}
