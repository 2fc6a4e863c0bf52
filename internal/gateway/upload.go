// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// bodyStall is how long a client may send nothing of a request body that somebody waits
// for. The call holds an instance meanwhile, and the function's time runs: without it, a
// client that stops would have the function blamed for a time-out.
const bodyStall = 10 * time.Second

var errUploadOver = errors.New("the request is over")

// upload is the body of a request while it comes in. It may be read by another goroutine
// than the one that serves the request; from stop on it no longer touches the connection.
type upload struct {
	body  io.Reader
	conn  *http.ResponseController
	stall time.Duration

	// What follows is of calls of gRPC only.
	call   *rpc.Call
	meter  rpc.Meter
	answer atomic.Pointer[io.ReadCloser]

	end func() // of the call

	reading sync.Mutex // held during Read
	mu      sync.Mutex
	stopped bool
	broken  error // what every read gives from now on
}

// follow puts an upload in the place of a body that is still to come. It gives the
// context for the call, and the upload, whose finish ends both. A caller of gRPC may say how
// long it waits; the context ends then.
func (g *Gateway) follow(
	ctx context.Context, w http.ResponseWriter, r *dayfly.Request,
) (context.Context, *upload) {
	isRPC := rpc.IsCall(r)
	if _, whole := r.Body.(eager); !isRPC && (whole || r.Body == nil || r.Body == http.NoBody) {
		return ctx, nil
	}
	u := &upload{body: r.Body, conn: http.NewResponseController(w), stall: g.stall}
	r.Body = u
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	u.end = cancel
	if isRPC {
		call, u.call = rpc.WithCall(call)
		call, u.end = withDeadline(call, r.Header, cancel)
	}
	stop := context.AfterFunc(ctx, func() {
		if !u.stalled() {
			cancel()
		}
	})
	end := u.end
	u.end = func() { stop(); end() }
	return call, u
}

// finish ends the call, and lets go of the connection.
func (u *upload) finish() {
	if u == nil {
		return
	}
	if u.call == nil {
		// The server reads some more before it answers or takes the next request.
		_ = u.wait(time.Now().Add(u.stall))
	}
	u.mu.Lock()
	u.stopped = true
	u.mu.Unlock()
	u.end()
}

// stalled tells whether the client stalled. The server ends a request's context for
// that, too, from within Read; the call is to end because of its body instead.
func (u *upload) stalled() bool {
	u.reading.Lock()
	defer u.reading.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.broken != nil
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.reading.Lock()
	defer u.reading.Unlock()
	if u.quiet() {
		return u.readQuiet(p)
	}
	if err := u.wait(time.Now().Add(u.stall)); err != nil {
		return 0, err
	}
	n, err := u.body.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, u.expire()
	}
	u.moved(p[:n])
	// What the server itself reads next, to learn whether the client is still there, has
	// no deadline.
	_ = u.wait(time.Time{})
	return n, err
}

// wait sets when reading from the client fails, never if t is zero.
func (u *upload) wait(t time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.stopped:
		return errUploadOver
	case u.broken != nil:
		return u.broken
	}
	_ = u.conn.SetReadDeadline(t) // a writer that has none belongs to no connection
	return nil
}

// expire remembers that the client stalled. The deadline stays: the server would read
// the rest before it answers, and must not wait for that again.
func (u *upload) expire() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.broken = dayfly.Errorf(dayfly.KindInvalid,
		"the request body stalled: nothing came for %s", u.stall)
	return u.broken
}

// Close implements io.Closer. The body itself is the server's to close, which reads on
// for a while and may wait for the client. That of a call of gRPC has a stream of its own:
// whoever waits for it to move, does so no longer.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.call != nil && !u.stopped {
		_ = u.conn.SetReadDeadline(time.Unix(1, 0))
	}
	u.stopped = true
	return nil
}
