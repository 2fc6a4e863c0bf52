// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"io"
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

// writeChunk is how much of a file is handed to the kernel at once: the patience is for so
// much, as for a write.
const writeChunk = 64 << 10

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (c *client) ReadFrom(r io.Reader) (int64, error) {
	to, ok := c.Conn.(io.ReaderFrom)
	limited, is := r.(*io.LimitedReader)
	if !ok || !is {
		return io.Copy(writer{c}, r)
	}
	var sent int64
	for limited.N > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.listener.stall)); err != nil {
			return sent, err
		}
		part := &io.LimitedReader{R: limited.R, N: min(limited.N, writeChunk)}
		n, err := to.ReadFrom(part)
		sent += n
		limited.N -= n
		if err != nil || n == 0 {
			return sent, err
		}
	}
	return sent, nil
}

// writer hides all but Write.
type writer struct{ io.Writer }

// Close implements net.Conn.
func (c *client) Close() error {
	c.once.Do(func() { <-c.listener.slots })
	return c.Conn.Close()
}
