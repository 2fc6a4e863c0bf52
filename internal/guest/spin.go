// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
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
func (s *spinner) Read(p []byte) (n int, err error) {
	span := time.Duration(s.span.Load())
	if span == 0 || s.raw == nil || len(p) == 0 {
		return s.nc.Read(p)
	}
	began := time.Now()
	waitErr := s.raw.Read(func(fd uintptr) bool {
		for {
			n, err = syscall.Read(int(fd), p)
			switch {
			case errors.Is(err, syscall.EINTR):
			case !errors.Is(err, syscall.EAGAIN):
				return true
			case time.Since(began) > span:
				return false // the runtime waits, and calls again once there are bytes
			}
		}
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
