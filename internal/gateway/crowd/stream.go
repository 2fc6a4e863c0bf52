// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// handler bounds how long clients of HTTP/2 may take nothing of an answer. Each of their
// streams has a window of its own: one that never opens keeps whoever writes, on a
// connection that is well. Requests of HTTP/1 go to next as they are, for there the
// connection is all.
func (c *Crowd) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 {
			next.ServeHTTP(w, r)
			return
		}
		s := &stream{ResponseWriter: w, crowd: c}
		defer s.end()
		next.ServeHTTP(s, r)
	})
}

// stream is an answer on a stream of HTTP/2.
//
// The time in which the client takes nothing is a debt, which is paid off by what it takes;
// it is cut when it owes more than a crowd's Stall. The handler writes; the timer's
// goroutine looks.
type stream struct {
	http.ResponseWriter
	crowd *Crowd
	debt  time.Duration // of the pieces before
	slow  bool          // the last piece took long
	left  int           // bytes since the last flush

	since atomic.Int64 // nanoseconds of Unix at which the piece under way began, the debt before; 0: none is
	armed atomic.Bool  // the timer runs

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	ended bool
}

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	sum := 0
	for {
		piece := p[sum:]
		if most := s.most(); len(piece) > most {
			piece = piece[:most]
		}
		began := s.begin()
		n, err := s.ResponseWriter.Write(piece)
		s.done(began, n)
		s.left += n
		if sum += n; err != nil || sum == len(p) {
			return sum, err
		}
	}
}

// FlushError sends what there is.
func (s *stream) FlushError() error {
	began := s.begin()
	err := http.NewResponseController(s.ResponseWriter).Flush()
	s.done(began, 0)
	s.left = 0
	return err
}

// Flush implements http.Flusher.
func (s *stream) Flush() { _ = s.FlushError() }

// begin is called before something may wait for the client.
func (s *stream) begin() time.Time {
	now := time.Now()
	s.since.Store(now.Add(-s.debt).UnixNano())
	if s.armed.CompareAndSwap(false, true) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.start(s.crowd.cfg.Stall)
	}
	return now
}

// done is called after it; n bytes were taken, or wait within the server's own buffer.
func (s *stream) done(began time.Time, n int) {
	s.since.Store(0)
	took, stall := time.Since(began), s.crowd.cfg.Stall
	s.slow = took > stall/slowPart
	s.debt = max(0, s.debt+took-time.Duration(int64(n)*int64(stall)/pieceBytes))
}

// most is how much is written at a time.
func (s *stream) most() int {
	if s.slow {
		return slowBytes
	}
	return fastBytes
}

// start has the stream looked at after a while. The caller holds mu.
func (s *stream) start(after time.Duration) {
	switch {
	case s.ended:
	case s.timer == nil:
		s.timer = time.AfterFunc(after, s.look)
	default:
		s.timer.Reset(after)
	}
}

// look cuts the stream when its client owes too much. While nothing is written, nobody looks:
// the next write begins it again.
func (s *stream) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed.Store(false)
	since := s.since.Load()
	if since == 0 || s.ended {
		return
	}
	if left := s.crowd.cfg.Stall - time.Since(time.Unix(0, since)); left > 0 {
		s.armed.Store(true)
		s.start(left)
		return
	}
	s.crowd.cutStreams.Add(1)
	s.ended = true
	s.until(time.Unix(1, 0))
}

// end is called when the handler has ended: the server sends what is left in its buffer, a
// few kilobytes, and waits for the client as before.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	if !s.ended && s.left > 0 {
		s.until(time.Now().Add(s.crowd.cfg.Stall))
	}
	s.ended = true
}

func (s *stream) until(t time.Time) {
	_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(t) // a writer without is no connection's
}
