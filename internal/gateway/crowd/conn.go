// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a client's connection. Whoever writes to it, the server, TLS, HTTP/2 or the splice
// of an upgraded connection, is kept no longer than a crowd's clients may take nothing.
type Conn struct {
	net.Conn
	crowd     *Crowd
	address   netip.Prefix
	counted   bool            // by address
	raw       syscall.RawConn // nil: not the kernel's
	once      sync.Once
	idleSince atomic.Int64 // nanoseconds of Unix; 0: not idle

	armed atomic.Int64 // when the deadline for writing was set, as idleSince; 0: it is not ours
	limit atomic.Int64 // the deadline that the server wants; 0: none

	mu      sync.Mutex // guards what follows, and writing
	written int64      // handed to the kernel
	held    []byte     // written, and waiting for what follows
	hold    bool
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
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

// ReadFrom implements io.ReaderFrom: the kernel sends files by itself.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	to, able := c.Conn.(io.ReaderFrom)
	file, at, left := fileOf(r)
	if !able || file == nil {
		buffer := buffers.Get().(*[]byte)
		defer buffers.Put(buffer)
		return io.CopyBuffer(onlyWriter{c}, r, *buffer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.release(); err != nil {
		return 0, err
	}
	sum := int64(0)
	err := c.send(func() (int64, error) {
		if sum > 0 { // what was read last need not be what was sent last
			if _, err := file.Seek(at+sum, io.SeekStart); err != nil {
				return 0, err
			}
		}
		n, err := to.ReadFrom(&io.LimitedReader{R: file, N: left - sum})
		sum += n
		return n, err
	})
	if limited, is := r.(*io.LimitedReader); is {
		limited.N -= sum
	}
	return sum, err
}

// fileOf gives the file behind a reader, where it stands, and how much of it is to be sent.
// It is nil for what is no file.
func fileOf(r io.Reader) (file *os.File, at, left int64) {
	left = math.MaxInt64
	if limited, is := r.(*io.LimitedReader); is {
		r, left = limited.R, limited.N
	}
	file, is := r.(*os.File)
	if !is {
		return nil, 0, 0
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe
		return nil, 0, 0
	}
	return file, at, left
}

// buffers carry what is no file.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// onlyWriter hides ReadFrom.
type onlyWriter struct{ io.Writer }

// write hands p to the kernel.
func (c *Conn) write(p []byte) (int, error) {
	sum := 0
	err := c.send(func() (int64, error) {
		n, err := c.Conn.Write(p[sum:])
		sum += n
		return int64(n), err
	})
	return sum, err
}

// send hands to the kernel what next gives it, which goes on where it was cut short. It looks
// at how the client gets on a few times within the time it has: a kernel that buffers much
// takes nothing for long although its client reads. The caller holds mu.
func (c *Conn) send(next func() (int64, error)) error {
	moved := time.Now()
	c.arm(moved)
	n, err := next()
	c.written += n
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	taken := c.taken()
	for {
		now := time.Now()
		if limit := c.limit.Load(); limit != 0 && now.UnixNano() >= limit {
			return err
		}
		c.armed.Store(0)
		c.arm(now)
		n, err = next()
		c.written += n
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if t := c.taken(); t-taken >= pieceBytes {
			taken, moved = t, time.Now()
		}
		if time.Since(moved) >= c.crowd.cfg.Stall {
			c.crowd.cutConns.Add(1)
			return err
		}
	}
}

// taken is how many bytes the client has acknowledged.
func (c *Conn) taken() int64 {
	waiting := 0
	c.control(func(fd int) { waiting, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQ) })
	return c.written - int64(waiting)
}

// control calls f with the descriptor, if there is one.
func (c *Conn) control(f func(fd int)) {
	if c.raw != nil {
		_ = c.raw.Control(func(fd uintptr) { f(int(fd)) }) // closed: nothing to look at
	}
}

// arm has the next write looked at in a while. It is called for each write, and sets the
// deadline, which costs more than all else here, now and then.
func (c *Conn) arm(now time.Time) {
	look := c.crowd.cfg.Stall / looks
	at := now.UnixNano()
	if armed := c.armed.Load(); armed != 0 && at-armed < int64(look/2) {
		return
	}
	until := now.Add(look)
	if limit := c.limit.Load(); limit != 0 && limit < until.UnixNano() {
		until = time.Unix(0, limit)
	}
	_ = c.Conn.SetWriteDeadline(until) // closed: the write tells
	c.armed.Store(at)
}

// SetWriteDeadline implements net.Conn. Writes are looked at before t nevertheless.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		if c.limit.Swap(0) == 0 {
			return nil
		}
		c.armed.Store(0)
		return c.Conn.SetWriteDeadline(time.Now().Add(c.crowd.cfg.Stall / looks))
	}
	c.limit.Store(max(1, t.UnixNano()))
	c.armed.Store(0)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.once.Do(func() { c.crowd.leave(c) })
	return c.Conn.Close()
}

// release sends what is held. The caller holds mu.
func (c *Conn) release() error {
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

// Together has send write an answer in one piece: the server alone would send the head and
// the first bytes of a small file by themselves. It is for connections of HTTP/1, on which
// one request is answered at a time. Send reports whether it answered.
func Together(w http.ResponseWriter, r *http.Request, send func() bool) {
	c, ok := r.Context().Value(connKey{}).(*Conn)
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
	if own, ok := c.(*Conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}
