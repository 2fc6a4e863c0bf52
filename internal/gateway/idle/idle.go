// SPDX-License-Identifier: Apache-2.0

package idle

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Default is the span of streams that say nothing: ten minutes, as the public clouds give
// their WebSockets.
const Default = 10 * time.Minute

// ErrIdle is what reading and writing give after a stream was closed because nothing moved.
var ErrIdle = errors.New("nothing moved for too long")

// Bound closes body once nothing was read or written for after. What it gives can be written
// to if body can: the connection of a WebSocket.
func Bound(body io.ReadCloser, after time.Duration) io.ReadCloser {
	s := &stream{body: body, after: after, start: time.Now()}
	s.mu.Lock()
	s.timer = time.AfterFunc(after, s.look)
	s.mu.Unlock()
	if w, ok := body.(io.Writer); ok {
		return &duplex{stream: s, w: w}
	}
	return s
}

// Touch notes that something moved that belongs to a stream, but is not read from it: the
// other direction of a call that streams both ways. What Bound did not give has no need of it.
func Touch(body io.ReadCloser) {
	switch s := body.(type) {
	case *stream:
		_ = s.touch(1, nil)
	case *duplex:
		_ = s.touch(1, nil)
	}
}

type stream struct {
	body  io.ReadCloser
	after time.Duration
	start time.Time
	last  atomic.Int64 // nanoseconds after start at which something moved
	idle  atomic.Bool
	once  sync.Once
	err   error // of the one Close

	mu    sync.Mutex // guards timer
	timer *time.Timer
}

// look is called when the stream may have been idle for long enough.
func (s *stream) look() {
	quiet := time.Since(s.start) - time.Duration(s.last.Load())
	if left := s.after - quiet; left > 0 {
		s.mu.Lock()
		s.timer.Reset(left)
		s.mu.Unlock()
		return
	}
	s.idle.Store(true)
	_ = s.close()
}

// touch notes that something moved.
func (s *stream) touch(n int, err error) error {
	if n > 0 {
		s.last.Store(int64(time.Since(s.start)))
	}
	if err != nil && !errors.Is(err, io.EOF) && s.idle.Load() {
		return ErrIdle
	}
	return err
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	return n, s.touch(n, err)
}

// Close implements io.Closer.
func (s *stream) Close() error { return s.close() }

func (s *stream) close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.timer.Stop()
		s.mu.Unlock()
		s.err = s.body.Close()
	})
	return s.err
}

// duplex is a stream in both directions.
type duplex struct {
	*stream
	w io.Writer
}

// Write implements io.Writer.
func (d *duplex) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	return n, d.touch(n, err)
}
