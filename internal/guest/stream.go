// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// mergeBytes is the size up to which pieces of an answer are put together.
const mergeBytes = 4 << 10

// stream is one call on a connection. Whoever reads the connection fills it, the
// goroutine that serves the caller empties it: on most connections they are the same.
type stream struct {
	// ctx is the caller's; the answer's body is read under it.
	ctx        context.Context
	conn       *Conn
	id         uint32
	invocation dayfly.InvocationID
	bytesMax   int64  // of the answer's body
	done       func() // called once, when the guest is through with the call

	// fed is set when a goroutine of its own reads for the stream: its request body is
	// streamed, and a guest that writes before it reads must not block both sides.
	fed bool
	// sent is set once the guest may have heard of the call.
	sent bool
	// upgrade is the protocol that the caller wants to switch to; empty for none.
	upgrade string

	wake   chan struct{} // one token: something below changed
	credit chan struct{} // one token: allowance grew, or the stream ended

	mu        sync.Mutex   // guards the rest
	answer    frame.Answer // its Status is 0 until the response head
	chunks    [][]byte
	queued    int   // bytes in chunks
	ungranted int   // bytes consumed or thrown away, and not granted again
	received  int64 // bytes of the body so far
	allowance int   // body bytes that may still be sent
	ended     bool
	// discarding is set when nobody reads the answer any more.
	discarding bool
	failure    *dayfly.Failure
	err        error // the connection broke
}

func newStream(ctx context.Context, c *Conn, inv *dayfly.Invocation, done func()) *stream {
	return &stream{
		ctx: ctx, conn: c, invocation: inv.ID, bytesMax: inv.Revision.Spec.Limits.ResponseBytes, done: done,
		upgrade: inv.Request.Header.Get("Upgrade"),
		wake:    make(chan struct{}, 1), credit: make(chan struct{}, 1), allowance: frame.Window,
	}
}

// receive takes one frame from the guest; an error means that it broke the protocol.
func (s *stream) receive(f frame.Frame) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Type {
	case frame.WindowMore:
		n, err := frame.ParseWindow(f.Payload)
		if err != nil {
			return err
		}
		s.allowance += n
		token(s.credit)
		return nil
	case frame.Response:
		if s.answer.Status != 0 {
			return errors.New("second response head on a stream")
		}
		if s.answer, err = frame.ParseResponse(f.Payload); err != nil {
			s.answer.Status = http.StatusBadGateway
			s.failure = badResponse(err.Error())
		}
		s.switched()
	case frame.Body:
		if s.answer.Status == 0 {
			return errors.New("body before the response head")
		}
		if err := s.receiveBody(f.Payload); err != nil {
			return err
		}
		if s.discarding {
			return s.grantDiscarded()
		}
	case frame.End:
		if s.answer.Status == 0 {
			s.failure = badResponse("the function ended the call without an answer")
		}
		s.ended = true
	case frame.Error:
		if s.failure == nil {
			s.failure = frame.ParseError(f.Payload, dayfly.PhaseInvoke)
		}
		s.ended = true
	default:
		return fmt.Errorf("frame of type %d on a stream", f.Type)
	}
	if s.ended {
		token(s.credit)
	}
	token(s.wake)
	return nil
}

// grantDiscarded lets a guest whose answer is thrown away run to its end. Callers
// hold mu.
func (s *stream) grantDiscarded() error {
	grant := s.consumed(0)
	if grant == 0 {
		return nil
	}
	return s.conn.write(frame.AppendWindow(nil, s.id, grant))
}

func (s *stream) receiveBody(payload []byte) error {
	if s.failure != nil {
		s.ungranted += len(payload)
		return nil
	}
	s.received += int64(len(payload))
	if s.received > s.bytesMax {
		s.failure = &dayfly.Failure{Kind: dayfly.FailureTooLarge, Phase: dayfly.PhaseInvoke,
			Type: "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("the answer is larger than the limit of %s (response_limit)",
				dayfly.FormatBytes(s.bytesMax))}
		s.ungranted += s.queued + len(payload)
		s.chunks, s.queued = nil, 0
		return nil
	}
	if s.discarding {
		s.ungranted += len(payload)
		return nil
	}
	s.queued += len(payload)
	if s.queued > frame.Window+frame.BodyMax {
		return errors.New("guest sent more than its window allows")
	}
	s.keep(payload)
	return nil
}

// keep queues a piece of the answer. Small ones are put together, since the guest
// chooses how it cuts its answer and each piece costs more than its bytes; an empty
// one, which no window would bound, is nothing. Callers hold mu.
func (s *stream) keep(payload []byte) {
	if len(payload) == 0 {
		return
	}
	if n := len(s.chunks); n > 0 && len(s.chunks[n-1])+len(payload) <= mergeBytes {
		s.chunks[n-1] = append(s.chunks[n-1], payload...)
		return
	}
	s.chunks = append(s.chunks, append([]byte(nil), payload...))
}

// fail ends the stream because the connection broke.
func (s *stream) fail(err error) {
	s.done()
	s.mu.Lock()
	s.err = err
	s.ended = true
	s.mu.Unlock()
	token(s.credit)
	token(s.wake)
}

// await waits until there is something to tell: the answer's head, bytes or end, or
// why there will be none. known is called with mu held.
func (s *stream) await(known func() bool) error {
	check := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return known() || s.err != nil
	}
	if check() {
		return nil
	}
	if !s.fed && !s.conn.shared.Load() {
		return s.conn.pump(s.ctx, check)
	}
	for !check() {
		select {
		case <-s.wake:
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// head waits for the response head, a failure, or the end of the caller's context.
func (s *stream) head() error {
	err := s.await(func() bool { return s.answer.Status != 0 || s.failure != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.answer.Status != 0 || s.failure != nil:
		return nil
	case s.err != nil:
		return s.err
	}
	return err
}

// Read gives the next bytes of the answer. A failure of the function after its head
// is a *dayfly.Failure.
func (s *stream) Read(p []byte) (int, error) {
	err := s.await(func() bool { return len(s.chunks) > 0 || s.failure != nil || s.ended })
	if err != nil && s.ctx.Err() != nil {
		err = dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", err)
	}
	s.mu.Lock()
	if len(s.chunks) > 0 {
		n := copy(p, s.chunks[0])
		if s.chunks[0] = s.chunks[0][n:]; len(s.chunks[0]) == 0 {
			s.chunks = s.chunks[1:]
		}
		s.queued -= n
		grant := s.consumed(n)
		s.mu.Unlock()
		if grant > 0 {
			_ = s.conn.write(frame.AppendWindow(nil, s.id, grant))
		}
		return n, nil
	}
	defer s.mu.Unlock()
	switch {
	case s.failure != nil:
		return 0, s.failure
	case s.err != nil:
		return 0, s.err
	case s.ended:
		return 0, io.EOF
	}
	return 0, err
}

// consumed counts n bytes and tells how much to grant the guest now. Callers hold mu.
func (s *stream) consumed(n int) int {
	s.ungranted += n
	if s.ended || s.ungranted < frame.Window/2 {
		return 0
	}
	grant := s.ungranted
	s.ungranted = 0
	return grant
}

// Close ends the caller's interest. A guest that is not through yet is told so, and
// what it still sends is thrown away.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.discarding {
		return nil
	}
	s.discarding = true
	grant := s.ungranted + s.queued
	s.chunks, s.queued, s.ungranted = nil, 0, 0
	token(s.credit)
	// On a goroutine of its own, since a guest that does not read must not hold up
	// the caller; it ends with the connection at the latest.
	go func() {
		buf := frame.Append(nil, frame.Cancel, s.id, nil)
		_ = s.conn.write(frame.AppendWindow(buf, s.id, grant))
		if !s.fed && !s.conn.shared.Load() {
			s.feed() // nobody else reads what the guest still sends
		}
	}()
	return nil
}

// feed reads frames until the guest is through with the call.
func (s *stream) feed() {
	_ = s.conn.pump(context.Background(), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.ended
	})
}

// complete gives the length of the body when all of it has arrived.
func (s *stream) complete() (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.queued), s.ended && s.failure == nil && s.err == nil
}

func badResponse(message string) *dayfly.Failure {
	return &dayfly.Failure{Kind: dayfly.FailureResponse, Phase: dayfly.PhaseInvoke,
		Type: "Function.BadResponse", Message: message}
}

func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
