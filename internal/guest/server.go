// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

const (
	// pollPause is the pause between two looks whether a program listens, for its
	// first pollEager: a static binary does within milliseconds, and each look costs a
	// fifth of the pause. After that the pause grows to pollMax.
	pollPause = 300 * time.Microsecond
	pollEager = 20 * time.Millisecond
	pollMax   = 5 * time.Millisecond
	// strayGrace is how long a program may listen elsewhere only before its calls go
	// there: some open a port for metrics or debugging first.
	strayGrace = 250 * time.Millisecond
	// lookShare is how many times as long as a look at the ports took nobody looks
	// again: the kernel walks a table that may be the whole machine's.
	lookShare = 5
	// freshSpan is how long the connection of a successful look is good for the first
	// call: some servers hang up on clients that say nothing for a second.
	freshSpan = 500 * time.Millisecond
	// idleConns is how many connections to one instance are kept: as many as its
	// usual concurrency uses at once.
	idleConns = 64
	// responseHeadMax bounds the head of an instance's answer.
	responseHeadMax = 1 << 20
	// dialMax bounds one attempt to connect, which the end of its call does not end: a
	// program that accepts nothing would hold a descriptor for minutes.
	dialMax = 10 * time.Second

	// streamWindow and connWindow bound what a program may have sent over HTTP/2 that its
	// caller has not taken: the way is short, so little keeps it full.
	streamWindow, connWindow = 64 << 10, 16 << 20

	headerInvocation = "X-Dayfly-Invocation"
	headerFailure    = "X-Dayfly-Failure"
)

// DialFunc connects to a port on 127.0.0.1 inside a box.
type DialFunc func(ctx context.Context, port int) (net.Conn, error)

// dialError marks a call that never left, because no connection could be made.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// Server speaks HTTP/1.1 with a program that listens on a port in its box, and for calls of
// gRPC HTTP/2 without a word about it before.
type Server struct {
	port      int // fixed once Await has returned
	dial      DialFunc
	transport *http.Transport
	h2c       *http.Transport
	fresh     atomic.Pointer[freshConn] // of the look that found the program listening
}

// freshConn is a connection that nothing was sent on yet.
type freshConn struct {
	net.Conn
	since time.Time
}

// NewServer speaks with the program on that port. It connects when first needed.
func NewServer(port int, dial DialFunc) *Server {
	s := &Server{port: port, dial: dial}
	s.transport, s.h2c = s.speaking((*http.Protocols).SetHTTP1), s.speaking((*http.Protocols).SetUnencryptedHTTP2)
	s.h2c.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connWindow}
	return s
}

// speaking makes the connections of one protocol, when they are first needed.
func (s *Server) speaking(speak func(p *http.Protocols, ok bool)) *http.Transport {
	protocols := new(http.Protocols)
	speak(protocols, true)
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if conn := s.takeFresh(); conn != nil {
				return conn, nil
			}
			ctx, cancel := context.WithTimeout(ctx, dialMax)
			defer cancel()
			conn, err := s.dial(ctx, s.port)
			if err != nil {
				return nil, &dialError{err}
			}
			return conn, nil
		},
		Protocols:              protocols,
		DisableCompression:     true, // the client's Accept-Encoding is its own affair
		MaxIdleConnsPerHost:    idleConns,
		MaxResponseHeaderBytes: responseHeadMax,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         8 << 10,
	}
}

// Elsewhere finds a program that listens on another port than it was told.
type Elsewhere struct {
	// Ports gives the ports that are listened on; nil never looks.
	Ports func() ([]int, error)
	// Hint is where the program's like was found before, and is believed at once; 0 is
	// none.
	Hint int
}

// Await returns once the program accepts connections, on its port or elsewhere, or with
// the cause of ctx's end. It gives the port.
func (s *Server) Await(ctx context.Context, elsewhere Elsewhere) (int, error) {
	if elsewhere.Ports == nil {
		return s.port, s.await(ctx, func(time.Duration) bool { return false })
	}
	told, seen, again := s.port, time.Time{}, time.Time{}
	err := s.await(ctx, func(waited time.Duration) bool {
		began := time.Now()
		if waited < pollEager && elsewhere.Hint == 0 || began.Before(again) {
			return false
		}
		ports, err := elsewhere.Ports()
		again = time.Now().Add(lookShare * time.Since(began))
		if err != nil || len(ports) == 0 || slices.Contains(ports, told) {
			return false
		}
		if seen.IsZero() {
			seen = time.Now()
		}
		if at := slices.Index(ports, elsewhere.Hint); at >= 0 {
			s.port = ports[at]
			return true
		}
		if time.Since(seen) < strayGrace {
			return false
		}
		s.port = likely(ports)
		return true
	})
	return s.port, err
}

// likely chooses among ports that a program listens on: the usual ones of web servers
// come before those of debuggers and metrics.
func likely(ports []int) int {
	for _, usual := range []int{80, 3000, 8000, 5000, 8888, 9000, 4000, 3001, 4321, 5173, 7860, 8501} {
		if slices.Contains(ports, usual) {
			return usual
		}
	}
	return ports[0]
}

// await looks for the program until it accepts a connection. stray is asked after each
// look that failed, and tells that the port is another now.
func (s *Server) await(ctx context.Context, stray func(waited time.Duration) bool) error {
	pause, began := pollPause, time.Now()
	for {
		conn, err := s.dial(ctx, s.port)
		if err == nil {
			s.fresh.Store(&freshConn{Conn: conn, since: time.Now()})
			time.AfterFunc(freshSpan, s.dropFresh)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if dayfly.KindOf(err) == dayfly.KindUnavailable { // the box ended before ctx heard of it
			return fmt.Errorf("connect to port %d: %w: %w", s.port, ErrGone, err)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("connect to port %d: %w", s.port, err)
		}
		if stray(time.Since(began)) {
			continue
		}
		select {
		case <-time.After(pause):
			if time.Since(began) > pollEager {
				pause = min(pause*3/2, pollMax)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// takeFresh gives the connection that Await made, if the first call comes at once.
func (s *Server) takeFresh() net.Conn {
	fresh := s.fresh.Swap(nil)
	if fresh == nil {
		return nil
	}
	if time.Since(fresh.since) > freshSpan {
		_ = fresh.Close()
		return nil
	}
	return fresh.Conn
}

func (s *Server) dropFresh() {
	if fresh := s.fresh.Swap(nil); fresh != nil {
		_ = fresh.Close()
	}
}

// Exchange sends one call and gives the answer once its head is here. done is called
// exactly once, when the answer's body is closed or read to its end.
func (s *Server) Exchange(ctx context.Context, inv *dayfly.Invocation, done func()) (*dayfly.Result, error) {
	body := &upload{ReadCloser: inv.Request.Body}
	req := outgoing(ctx, inv, s.port, body)
	upgrade, transport := req.Header.Get("Upgrade") != "", s.transport
	isRPC := rpc.IsCall(&inv.Request)
	if isRPC {
		transport = s.h2c
		rpc.CallOf(ctx).Stream()
		asRPC(req)
	} else if err := together(req); err != nil {
		done()
		return nil, bodyError(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		done()
		return nil, exchangeError(ctx, err, body)
	}
	if message := unfit(resp, upgrade); message != "" {
		_ = resp.Body.Close()
		done()
		return &dayfly.Result{Status: http.StatusBadGateway, Header: http.Header{}, Body: http.NoBody,
			Failure: badResponse(message)}, nil
	}
	r := &dayfly.Result{Status: resp.StatusCode, Header: resp.Header, Trailer: resp.Trailer}
	if text := resp.Header.Get(headerFailure); text != "" {
		r.Failure = parseFailure(text)
		resp.Header.Del(headerFailure)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		r.Body = &upgradedBody{ReadWriteCloser: resp.Body.(io.ReadWriteCloser), done: done}
		return r, nil
	}
	for name := range resp.Header {
		if frame.HopByHop(name) {
			delete(resp.Header, name)
		}
	}
	limit := inv.Revision.Spec.Limits.ResponseBytes
	if isRPC {
		r.Trailer = http.Header{}
		b := &rpcBody{resp: resp, trailer: r.Trailer, upload: body, limit: limit, done: done}
		b.until(ctx)
		r.Body = b
		return r, nil
	}
	r.Body = &httpBody{body: resp.Body, upload: body, left: limit, done: done, limit: limit}
	if resp.ContentLength > limit {
		r.Failure = tooLarge(limit)
	}
	return r, nil
}

// exchangeError says why a call got no answer: its caller's doing, or the program's.
func exchangeError(ctx context.Context, err error, body *upload) error {
	if ctx.Err() != nil {
		return dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", context.Cause(ctx))
	}
	if dial := (*dialError)(nil); errors.As(err, &dial) {
		return fmt.Errorf("%w: %w: %w", ErrNotSent, ErrGone, dial.error)
	}
	if broken := body.broken(); broken != nil {
		return bodyError(broken)
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}

// unfit tells what keeps an answer from being passed on, if anything does.
func unfit(resp *http.Response, upgrade bool) string {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		if _, ok := resp.Body.(io.ReadWriteCloser); ok && upgrade {
			return ""
		}
		return "the function switched protocols on a connection that was not to be upgraded"
	}
	if resp.StatusCode < 200 {
		return fmt.Sprintf("status %d is not between 200 and 999", resp.StatusCode)
	}
	return ""
}

// Close drops the connections that are idle.
func (s *Server) Close() error {
	s.dropFresh()
	s.transport.CloseIdleConnections()
	s.h2c.CloseIdleConnections()
	return nil
}

// outgoing makes the request as the program sees it. Headers are the invocation's
// own; it is not used again by anyone.
func outgoing(ctx context.Context, inv *dayfly.Invocation, port int, body io.ReadCloser) *http.Request {
	r := &inv.Request
	header := r.Header
	if header == nil {
		header = http.Header{}
	}
	method, path := r.Method, r.Path
	if r.Kind == dayfly.RequestEvent {
		method, path = http.MethodPost, "/"
		header["Content-Type"] = []string{"application/json"}
	}
	header[headerInvocation] = []string{string(inv.ID)}
	if r.TraceParent != "" {
		header["Traceparent"] = []string{r.TraceParent}
	}
	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = []string{""} // none came, so none is invented
	}
	u := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port), Opaque: "", RawQuery: r.RawQuery}
	setPath(u, path)
	req := &http.Request{Method: method, URL: u, Host: r.Host, Header: header, Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1, Body: body, ContentLength: r.ContentLength}
	if r.ContentLength == 0 {
		req.Body = emptyBody{}
	}
	return req.WithContext(ctx)
}

// togetherMax is the size up to which a body is sent with its head. The gateway has those
// whole before an instance is taken, so that nothing is waited for.
const togetherMax = 64 << 10

// together has head and body of a small request sent in one piece: the transport sends the
// head by itself when it does not know that the body is here.
func together(req *http.Request) error {
	if req.ContentLength <= 0 || req.ContentLength > togetherMax {
		return nil
	}
	body := make([]byte, req.ContentLength)
	if _, err := io.ReadFull(req.Body, body); err != nil {
		return err
	}
	_ = req.Body.Close() // all of it was read
	req.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// upload is a request body that remembers that it broke off: then the program is not to
// blame for what becomes of the connection.
type upload struct {
	io.ReadCloser
	closed atomic.Bool
	err    atomic.Pointer[error]
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !u.closed.Load() {
		u.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer. What is read after it fails because of it.
func (u *upload) Close() error {
	u.closed.Store(true)
	return u.ReadCloser.Close()
}

// broken gives the error that the caller's side ended with, if it did.
func (u *upload) broken() error {
	if err := u.err.Load(); err != nil {
		return *err
	}
	return nil
}

// orGone says why an answer broke off: the caller's side did, or the program.
func (u *upload) orGone(err error) error {
	if broken := u.broken(); broken != nil {
		return bodyError(broken)
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}

// emptyBody is a body without bytes that the transport does not know to be empty: it
// sends requests without a body twice when a connection breaks, and a call that ended
// its process must not end the next one's, too.
type emptyBody struct{}

// Read implements io.Reader.
func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer.
func (emptyBody) Close() error { return nil }

// setPath keeps the path as it was escaped.
func setPath(u *url.URL, escaped string) {
	if path, err := url.PathUnescape(escaped); err == nil {
		u.Path, u.RawPath = path, escaped
		return
	}
	u.Path = escaped
}

func parseFailure(text string) *dayfly.Failure {
	payload, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return badResponse("the failure header cannot be read")
	}
	return frame.ParseError(payload, dayfly.PhaseInvoke)
}

func tooLarge(limit int64) *dayfly.Failure {
	return &dayfly.Failure{Kind: dayfly.FailureTooLarge, Phase: dayfly.PhaseInvoke,
		Type: "Function.ResponseSizeTooLarge",
		Message: fmt.Sprintf("the answer is larger than the limit of %s (response_limit)",
			dayfly.FormatBytes(limit))}
}

// httpBody counts an answer and tells when it is over.
type httpBody struct {
	body        io.ReadCloser
	upload      *upload
	left, limit int64
	done        func()
	once        sync.Once
}

// Read implements io.Reader.
func (b *httpBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.limit)
	}
	switch {
	case err == io.EOF:
		b.once.Do(b.done)
	case err != nil:
		err = b.upload.orGone(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *httpBody) Close() error {
	err := b.body.Close()
	b.once.Do(b.done)
	return err
}

type upgradedBody struct {
	io.ReadWriteCloser
	done func()
	once sync.Once
}

// Close implements io.Closer.
func (b *upgradedBody) Close() error {
	err := b.ReadWriteCloser.Close()
	b.once.Do(b.done)
	return err
}
