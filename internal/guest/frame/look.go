// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// ReadWithin reads from a socket and looks for bytes for span before it lets the thread
// sleep: waking a thread on an idle processor costs tens of microseconds on a virtual
// machine, which is more than a short call takes. At the end of the stream it gives io.EOF.
func ReadWithin(raw syscall.RawConn, p []byte, span time.Duration) (n int, err error) {
	began := time.Now()
	waitErr := raw.Read(func(fd uintptr) bool {
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
