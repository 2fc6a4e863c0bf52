// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net"
	"net/http"
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

	mu   sync.Mutex
	held []byte // written, and waiting for what follows
	hold bool
}

// Write implements net.Conn.
func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold && len(c.held)+len(p) <= heldMax {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if err := c.release(); err != nil {
		return 0, err
	}
	return c.write(p)
}

func (c *client) write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.listener.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// release sends what is held. The caller holds mu.
func (c *client) release() error {
	if len(c.held) == 0 {
		return nil
	}
	held := c.held
	c.held = c.held[:0]
	_, err := c.write(held)
	return err
}

// heldMax is how much of an answer is put together before it is sent.
const heldMax = 16 << 10

// pieces are where answers are put together.
var pieces = sync.Pool{New: func() any { b := make([]byte, 0, heldMax); return &b }}

// together has send write an answer in one piece: the server alone would send the head and
// the first bytes of a small file by themselves. It is for connections of HTTP/1, on which
// one request is answered at a time. Send reports whether it answered.
func together(w http.ResponseWriter, r *http.Request, send func() bool) {
	c, ok := r.Context().Value(connKey{}).(*client)
	if !ok || r.ProtoMajor != 1 {
		send()
		return
	}
	piece := pieces.Get().(*[]byte)
	c.mu.Lock()
	c.hold, c.held = true, (*piece)[:0]
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.release() // a caller that went away is nobody's error
		c.hold, c.held = false, nil
		pieces.Put(piece)
	}()
	if send() && w.Header()["Content-Length"] != nil {
		_ = http.NewResponseController(w).Flush()
	}
}

// connKey finds the connection of a request in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if own, ok := c.(*client); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

// Close implements net.Conn.
func (c *client) Close() error {
	c.once.Do(func() { <-c.listener.slots })
	return c.Conn.Close()
}
