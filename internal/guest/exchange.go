// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// frameBuffers hold a call's first write: head, small body and end together.
var frameBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// Exchange sends one call and gives the answer as soon as its head is here. done is
// called exactly once, when the guest is through with the call and could take the
// next: often before the caller has read the whole body. A failure of the function
// is in the Result; an error that wraps ErrGone means that the guest died.
func (c *Conn) Exchange(ctx context.Context, inv *dayfly.Invocation, done func()) (*dayfly.Result, error) {
	s := newStream(ctx, c, inv, done)
	if err := c.open(s); err != nil {
		done()
		return nil, err
	}
	if err := c.send(s, inv); err != nil {
		if !s.sent {
			c.remove(s) // the guest knows nothing of it, and owes no end
			return nil, err
		}
		_ = s.Close()
		return nil, err
	}
	if err := s.head(); err != nil {
		_ = s.Close()
		if ctx.Err() != nil {
			return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", err)
		}
		return nil, err
	}
	if s.answer.Status == http.StatusSwitchingProtocols {
		return s.piped(), nil
	}
	return s.result(), nil
}

// send writes the request; a body that is not at hand at once follows on a goroutine
// of its own, which ends with the stream.
func (c *Conn) send(s *stream, inv *dayfly.Invocation) error {
	bufp := frameBuffers.Get().(*[]byte)
	defer frameBuffers.Put(bufp)
	buf := frame.AppendHead((*bufp)[:0], frame.Request, s.id, 0)
	buf = frame.AppendRequest(buf, inv)
	n := len(buf) - 8
	if n > frame.PayloadMax {
		return dayfly.Errorf(dayfly.KindInvalid, "request headers are %d bytes, at most %d are allowed",
			n, frame.PayloadMax)
	}
	frame.SetLength(buf, n)
	length := inv.Request.ContentLength
	if length < 0 || length > frame.BodyMax {
		*bufp = buf[:0]
		s.sent = true
		if err := c.write(buf); err != nil {
			return err
		}
		if !c.shared.Load() {
			s.fed = true
			go s.feed()
		}
		go s.sendBody(inv.Request.Body)
		return nil
	}
	if length > 0 {
		start := len(buf)
		buf = frame.AppendHead(buf, frame.Body, s.id, int(length))
		buf = append(buf, make([]byte, length)...)
		if _, err := io.ReadFull(inv.Request.Body, buf[start+8:]); err != nil {
			return bodyError(err)
		}
		s.spend(int(length))
		// Whole again for another guest, should this one turn out to be gone.
		body := bytes.Clone(buf[start+8:])
		inv.Request.Body = io.NopCloser(bytes.NewReader(body))
	}
	buf = frame.AppendHead(buf, frame.End, s.id, 0)
	*bufp = buf[:0]
	s.sent = true
	return c.write(buf)
}

// sendBody streams a request body as the window allows.
func (s *stream) sendBody(body io.Reader) {
	buf := make([]byte, 8+frame.BodyMax)
	for {
		room := s.room()
		if room == 0 {
			return // the stream ended: nobody reads the rest
		}
		n, err := body.Read(buf[8 : 8+min(room, frame.BodyMax)])
		if n > 0 {
			s.spend(n)
			frame.AppendHead(buf[:0], frame.Body, s.id, n)
			if s.conn.write(buf[:8+n]) != nil {
				return
			}
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			_ = s.conn.write(frame.Append(nil, frame.End, s.id, nil))
		} else {
			s.abort(bodyError(err))
		}
		return
	}
}

// room waits until some bytes may be sent and tells how many; 0 means never again.
func (s *stream) room() int {
	for {
		s.mu.Lock()
		room, ended := s.allowance, s.ended || s.discarding
		s.mu.Unlock()
		switch {
		case ended:
			token(s.credit)
			return 0
		case room > 0:
			return room
		}
		<-s.credit
	}
}

func (s *stream) spend(n int) {
	s.mu.Lock()
	s.allowance -= n
	s.mu.Unlock()
}

// abort fails the call from the caller's side and cancels it at the guest.
func (s *stream) abort(err error) {
	s.mu.Lock()
	if s.err == nil && !s.ended {
		s.err = err
	}
	s.mu.Unlock()
	token(s.wake)
	_ = s.Close()
}

func bodyError(err error) error {
	if e := (*dayfly.Error)(nil); errors.As(err, &e) {
		return err
	}
	return dayfly.Errorf(dayfly.KindCanceled, "the request body ended early: %w", err)
}

func (s *stream) result() *dayfly.Result {
	length, complete := s.complete()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return &dayfly.Result{Status: http.StatusBadGateway, Header: http.Header{},
			Body: s, Failure: s.failure}
	}
	header := s.answer.Header
	r := &dayfly.Result{Status: s.answer.Status, Header: header, Body: s, Failure: s.answer.Failure}
	if announced, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
		if complete && announced != length && length > 0 {
			header.Del("Content-Length") // a guest that miscounts must not corrupt the client's stream
		}
	}
	if complete && header.Get("Content-Length") == "" && bodyAllowed(s.answer.Status) {
		header["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	return r
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// FailureOf gives the function's failure in err, if it is one.
func FailureOf(err error) (*dayfly.Failure, bool) {
	var failure *dayfly.Failure
	ok := errors.As(err, &failure)
	return failure, ok
}
