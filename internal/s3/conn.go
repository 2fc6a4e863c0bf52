// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// stallTimeout cuts off a client that neither sends nor takes a byte: phones lose
	// their network for less, and a minute of nothing is a line that is gone.
	stallTimeout = time.Minute
	// sendBytes is how much of a file is handed to the kernel at once: each piece gets its
	// own stallTimeout, which is 70 KB/s at the least.
	sendBytes = 4 << 20
)

// Tenant tells which project speaks through a connection; false as long as none does.
type Tenant func() (dayfly.ProjectName, bool)

// guarded is a connection whose reads and writes each have a time limit of their own, in
// front of the deadlines that the server sets.
type guarded struct {
	net.Conn
	tenant Tenant // nil when it came from outside

	mu     sync.Mutex // guards readBy, busy
	readBy time.Time
	busy   bool // serves a request
}

// SetReadDeadline notes what the server wants; Read applies the nearer one.
func (c *guarded) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readBy = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t) // also wakes a Read that waits
}

// SetDeadline is for both directions; writes have their own.
func (c *guarded) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline is not the server's: Write sets one each time.
func (c *guarded) SetWriteDeadline(time.Time) error { return nil }

// Read waits no longer than a stall may last.
func (c *guarded) Read(p []byte) (int, error) {
	by := time.Now().Add(stallTimeout)
	c.mu.Lock()
	if !c.readBy.IsZero() && c.readBy.Before(by) {
		by = c.readBy
	}
	c.mu.Unlock()
	if err := c.Conn.SetReadDeadline(by); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write gives up on a client that takes nothing.
func (c *guarded) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom sends what r has. A file goes by the kernel's own hands, piece by piece.
func (c *guarded) ReadFrom(r io.Reader) (int64, error) {
	from, ok := c.Conn.(io.ReaderFrom)
	limited, isLimited := r.(*io.LimitedReader)
	if !ok || !isLimited {
		return io.Copy(writerOnly{c}, r)
	}
	if _, isFile := limited.R.(*os.File); !isFile {
		return io.Copy(writerOnly{c}, r)
	}
	var sent int64
	for limited.N > 0 {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
			return sent, err
		}
		piece := &io.LimitedReader{R: limited.R, N: min(limited.N, sendBytes)}
		n, err := from.ReadFrom(piece)
		sent += n
		limited.N -= n
		if err != nil {
			return sent, err
		}
		if n == 0 {
			return sent, io.ErrUnexpectedEOF
		}
	}
	return sent, nil
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// setBusy notes whether a request is being served.
func (c *guarded) setBusy(busy bool) {
	c.mu.Lock()
	c.busy = busy
	c.mu.Unlock()
}

// closeIdle closes a connection that serves no request, and tells whether it did.
func (c *guarded) closeIdle() bool {
	c.mu.Lock()
	busy := c.busy
	c.mu.Unlock()
	if !busy {
		_ = c.Close()
	}
	return !busy
}

// accept hands each connection of l to serve, until l is closed.
func accept(l net.Listener, serve func(net.Conn)) error {
	const pause = 10 * time.Millisecond // when descriptors are short, others close some meanwhile
	for {
		c, err := l.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			serve(c)
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.As(err, &temporary) && temporary.Temporary():
			time.Sleep(pause)
		default:
			return err
		}
	}
}
