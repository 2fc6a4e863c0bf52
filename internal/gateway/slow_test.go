// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
)

// listening runs a gateway for a crowd of clients and gives its address.
func listening(t *testing.T, f invoker, cfg crowd.Config) (string, *crowd.Crowd) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	return crowded(t, gateway.New(f, gateway.Async{}, log, gateway.Deps{}), cfg)
}

// crowded is listening for a gateway that there is.
func crowded(t *testing.T, g *gateway.Gateway, cfg crowd.Config) (string, *crowd.Crowd) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, c := g.Server(), crowd.New(cfg, slog.New(slog.DiscardHandler))
	c.Guard(srv)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := srv.Serve(c.Listen(l)); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() { _ = srv.Close(); <-ended; _ = c.Close() })
	return l.Addr().String(), c
}

// endless is an answer without an end that tells when it is closed.
type endless struct{ closed chan struct{} }

func (e endless) Read(p []byte) (int, error)  { return len(p), nil }
func (e endless) Write(p []byte) (int, error) { return len(p), nil }
func (e endless) Close() error                { close(e.closed); return nil }

func TestClientThatReadsNothingIsCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		ask    func(net.Conn)
	}{
		"answer":               {200, askHTTP1},
		"upgraded connection":  {101, askHTTP1},
		"HTTP/2, no window":    {200, func(c net.Conn) { askHTTP2(c, 0) }},
		"HTTP/2, small window": {200, func(c net.Conn) { askHTTP2(c, 3000) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := endless{make(chan struct{})}
			addr, many := listening(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
				return &dayfly.Result{Status: c.status, Header: http.Header{}, Body: body}, nil
			}, crowd.Config{Connections: 8, Stall: 50 * time.Millisecond})
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c.ask(conn)
			select {
			case <-body.closed:
			case <-time.After(time.Minute):
				t.Fatal("the call of a client that reads nothing goes on")
			}
			if s := many.Stats(); s.CutConns+s.CutStreams != 1 {
				t.Errorf("it counted as %+v", s)
			}
		})
	}
}

// silent is a stream on which nothing comes, until it is closed.
type silent struct {
	closed chan struct{}
	once   *sync.Once
}

func (s silent) Read([]byte) (int, error)    { <-s.closed; return 0, io.ErrClosedPipe }
func (s silent) Write(p []byte) (int, error) { return len(p), nil }
func (s silent) Close() error                { s.once.Do(func() { close(s.closed) }); return nil }

// Streams on which nothing moves end on a function's own address, too. Answers that are no
// streams may take their time, and a client is not to blame for what does not come.
func TestStreamsOfFunctionsEndWhenNothingMoves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		kind   string
		ends   bool
	}{
		"WebSocket": {101, "", true}, "events": {200, "text/event-stream; charset=utf-8", true},
		"another answer": {200, "text/plain", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := silent{make(chan struct{}), &sync.Once{}}
			g := gateway.New(invoker(func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
				return &dayfly.Result{Status: c.status, Header: http.Header{"Content-Type": {c.kind}}, Body: body}, nil
			}), gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{})
			g.SetIdle(100 * time.Millisecond)
			addr, many := crowded(t, g, crowd.Config{Connections: 8, Stall: 300 * time.Millisecond})
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			askHTTP1(conn)
			wait := time.Minute
			if !c.ends {
				wait = time.Second // much more than what cuts others
			}
			_ = conn.SetReadDeadline(time.Now().Add(wait))
			_, err = io.Copy(io.Discard, conn)
			if c.ends != (err == nil) {
				t.Errorf("the client got %v, want an end: %v", err, c.ends)
			}
			if s := many.Stats(); s.CutConns+s.CutStreams != 0 {
				t.Errorf("the client was to blame: %+v", s)
			}
			_ = body.Close()
		})
	}
}

func askHTTP1(c net.Conn) {
	_, _ = io.WriteString(c, "GET /function/f HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
}

// askHTTP2 asks on a stream that may send no more than window bytes, on a connection that is
// read.
func askHTTP2(c net.Conn, window uint32) {
	_, _ = io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: "x"}, {Name: ":path", Value: "/function/f"}} {
		_ = encoder.WriteField(field)
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	go func() { _, _ = io.Copy(io.Discard, c) }()
}
