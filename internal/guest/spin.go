// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// spinner reads from a connection and, when told to, looks for bytes for a while
// before it lets the thread sleep. Waking a thread on an idle processor costs tens of
// microseconds on a virtual machine, which is more than a short call takes.
type spinner struct {
	nc   net.Conn
	raw  syscall.RawConn // nil where the connection is not a socket
	span atomic.Int64    // nanoseconds to look for
}

func newSpinner(nc net.Conn) *spinner {
	s := &spinner{nc: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			s.raw = raw
		}
	}
	return s
}

// Read implements io.Reader.
func (s *spinner) Read(p []byte) (int, error) {
	span := time.Duration(s.span.Load())
	if span == 0 || s.raw == nil || len(p) == 0 {
		return s.nc.Read(p)
	}
	return frame.ReadWithin(s.raw, p, span)
}
