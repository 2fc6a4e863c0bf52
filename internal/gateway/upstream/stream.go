// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
)

// errNoHead is why a call ends when no head came in time.
var errNoHead = errors.New("no head of an answer came in time")

// watch waits for the head of an answer. While the request's body still goes out, the time
// begins again with each piece: a long upload is no slow server.
type watch struct {
	span  time.Duration
	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool
}

func newWatch(span time.Duration, late func()) *watch {
	w := &watch{span: span}
	w.timer = time.AfterFunc(span, late)
	return w
}

// moved begins the time again.
func (w *watch) moved() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over && w.timer.Stop() {
		w.timer.Reset(w.span)
	}
}

// stop ends the wait, and tells whether it ended in time.
func (w *watch) stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.timer.Stop()
}

// upload is the request's body on its way out. It remembers that it broke off: then the
// server is not to blame.
type upload struct {
	body   io.ReadCloser
	watch  *watch
	closed atomic.Bool
	err    atomic.Pointer[error]
	// answer is that of a call that streams both ways, once there is one: what the caller
	// sends keeps it from being idle.
	answer atomic.Pointer[io.ReadCloser]
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.body.Read(p)
	if answer := u.answer.Load(); answer != nil && n > 0 {
		idle.Touch(*answer)
	}
	u.watch.moved()
	if err != nil && !errors.Is(err, io.EOF) && !u.closed.Load() {
		u.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error {
	u.closed.Store(true)
	return u.body.Close()
}

func (u *upload) broken() error {
	if err := u.err.Load(); err != nil {
		return *err
	}
	return nil
}

// ending is the body of an answer, whose end is the end of the call.
type ending struct {
	io.ReadCloser
	cancel  context.CancelCauseFunc
	resp    *http.Response // has its trailers at the end, announced or not
	trailer http.Header
	why     func(error) error // it broke off
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		maps.Copy(e.trailer, e.resp.Trailer)
		strip(e.trailer)
	default:
		err = e.why(err)
	}
	return n, err
}

// Close implements io.Closer.
func (e *ending) Close() error {
	e.cancel(nil)
	return e.ReadCloser.Close()
}

// connection is one that switched protocols.
type connection struct {
	*ending
	w io.Writer
}

// Write implements io.Writer.
func (c *connection) Write(p []byte) (int, error) { return c.w.Write(p) }
