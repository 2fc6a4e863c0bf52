// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

const (
	// sinkBytes is how much of an answer waits for more of it.
	sinkBytes = 32 << 10
	// sinkWait is how old what waits may be when more comes: an answer that is slow to
	// come leaves in parts.
	sinkWait = 2 * time.Millisecond
)

// sink collects an answer, as most are complete within microseconds and a frame for each
// of their parts wakes the host each time. What it holds leaves when it is much or old,
// before the module sleeps or waits for its input, and at the end.
type sink struct {
	call   *serve.Call
	status int
	header http.Header
	held   []byte
	since  time.Time // when held was empty last
	open   bool      // the head is out
	err    error
}

// Respond implements cgi.Target.
func (s *sink) Respond(status int, header http.Header) error {
	s.status, s.header, s.since = status, header, time.Now()
	return nil
}

// Write implements cgi.Target.
func (s *sink) Write(p []byte) (int, error) {
	if len(s.held) == 0 {
		s.since = time.Now()
	}
	s.held = append(s.held, p...)
	if len(s.held) >= sinkBytes || time.Since(s.since) > sinkWait {
		s.flush()
	}
	return len(p), s.err
}

// flush sends what is held, if there is a head for it.
func (s *sink) flush() {
	if s.status == 0 || s.err != nil {
		return
	}
	if !s.open {
		s.open = true
		s.err = s.call.Respond(s.status, s.header, nil)
	}
	if s.err == nil && len(s.held) > 0 {
		_, s.err = s.call.Write(s.held)
	}
	s.held = s.held[:0]
}

// end completes the answer.
func (s *sink) end() {
	if !s.open {
		_ = s.call.Whole(s.status, s.header, s.held)
		return
	}
	s.flush()
	_ = s.call.End()
}

// input is the module's standard input.
type input struct {
	call *serve.Call
	sink *sink
}

// Read implements io.Reader. Before it waits for the caller, the caller gets what there is.
func (i *input) Read(p []byte) (int, error) {
	if i.call.Waiting() {
		i.sink.flush()
	}
	return i.call.Read(p)
}
