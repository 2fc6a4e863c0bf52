// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
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

	mu      sync.Mutex
	stopped bool
	broken  error // what every read gives from now on
}

// follow puts an upload in the place of a body that is still to come, and gives what
// ends it.
func (g *Gateway) follow(w http.ResponseWriter, r *dayfly.Request) (stop func()) {
	if _, whole := r.Body.(eager); whole || r.Body == nil || r.Body == http.NoBody {
		return func() {}
	}
	u := &upload{body: r.Body, conn: http.NewResponseController(w), stall: g.stall}
	r.Body = u
	return func() { _ = u.Close() }
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	if err := u.wait(time.Now().Add(u.stall)); err != nil {
		return 0, err
	}
	n, err := u.body.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, u.expire()
	}
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
// for a while and may wait for the client.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = true
	return nil
}
