// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// Eager is a Handler that starts so fast that sleeping until the first call shows.
type Eager interface {
	// FirstCallWithin is for how long the guest looks for the first call once it is
	// ready, which takes a processor.
	FirstCallWithin() time.Duration
}

// eager is a connection whose next Read looks for bytes for a while before it lets the
// thread sleep: what is awaited comes within microseconds, and waking a thread on an idle
// processor takes tens of them.
type eager struct {
	net.Conn
	raw  syscall.RawConn // nil where the connection is not a socket
	span time.Duration   // of the next Read; 0 is not at all
}

func newEager(nc net.Conn) *eager {
	e := &eager{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			e.raw = raw
		}
	}
	return e
}

// look makes the next Read look for that long. It takes a processor, which must not be
// the only one.
func (e *eager) look(span time.Duration) {
	if e.raw != nil && runtime.NumCPU() > 1 {
		e.span = span
	}
}

// Read implements io.Reader.
func (e *eager) Read(p []byte) (int, error) {
	span := e.span
	if e.span = 0; span == 0 || len(p) == 0 {
		return e.Conn.Read(p)
	}
	return frame.ReadWithin(e.raw, p, span)
}
