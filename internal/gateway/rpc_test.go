// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/grpctest"
)

// served runs s and gives its address.
func served(t *testing.T, s *grpc.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// dialed gives a client of g that asks for the host shop.localhost.
func dialed(t *testing.T, g *gateway.Gateway) *grpc.ClientConn {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = g.Server()
	srv.Start()
	t.Cleanup(srv.Close)
	conn, err := grpc.NewClient(srv.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("shop.localhost"), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGRPCPassesToServers(t *testing.T) {
	t.Parallel()
	address := served(t, grpctest.NewServer(new(grpctest.Service)))
	g, _ := routed(t, answers, `{"routes": {"/{rest...}": {"url": "http://`+address+`"}}}`)
	t.Run("check", func(t *testing.T) { grpctest.Check(t, dialed(t, g)) })
}

func TestErrorsOfTheDoorAreStatusesOfGRPC(t *testing.T) {
	t.Parallel()
	g, _ := routed(t, answers, strings.NewReplacer("URL", "http://"+served(t, grpctest.NewServer(new(grpctest.Service))),
		"DEAD", "http://"+dead(t)).Replace(`{"auth": {"partners": {"keys": {}}},
	"every": {"response": {"errors": {"default": {"body": "'told otherwise'"}}}}, "routes": {
	"/grpc.testing.TestService/UnaryCall": {"url": "URL", "limits": {"rate": {"limit": "1/h"}}},
	"/grpc.testing.TestService/EmptyCall": {"url": "URL", "auth": "partners"},
	"/grpc.testing.TestService/CacheableUnaryCall": {"url": "URL", "allow": "false"},
	"/grpc.testing.TestService/FullDuplexCall": {"url": "DEAD"},
	"/grpc.testing.TestService/StreamingOutputCall": {"url": "URL", "timeout": "50ms"},
	"/grpc.testing.TestService/StreamingInputCall": {"url": "URL", "limits": {"body": "1KiB"}},
	"GET /grpc.testing.TestService/HalfDuplexCall": {"url": "URL"}}}`))
	c := grpctest.NewClient(dialed(t, g))
	for name, call := range map[string]struct {
		ask  func(ctx context.Context) error
		want codes.Code
	}{
		"nobody knows the caller": {func(ctx context.Context) error {
			_, err := c.EmptyCall(ctx, &grpc_testing.Empty{})
			return err
		}, codes.Unauthenticated},
		"not allowed": {func(ctx context.Context) error {
			_, err := c.CacheableUnaryCall(ctx, &grpc_testing.SimpleRequest{})
			return err
		}, codes.PermissionDenied},
		"no route": {func(ctx context.Context) error {
			_, err := c.UnimplementedCall(ctx, &grpc_testing.Empty{})
			return err
		}, codes.Unimplemented},
		"another method of HTTP": {func(ctx context.Context) error {
			stream, err := c.HalfDuplexCall(ctx)
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}, codes.Unimplemented},
		"nobody listens": {func(ctx context.Context) error {
			stream, err := c.FullDuplexCall(ctx)
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}, codes.Unavailable},
		"no answer in the route's time": {func(ctx context.Context) error {
			stream, err := c.StreamingOutputCall(ctx, &grpc_testing.StreamingOutputCallRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}, codes.DeadlineExceeded},
		"a large message": {func(ctx context.Context) error { return input(ctx, c, 1000, 1000, 2000) }, codes.ResourceExhausted},
		"small messages":  {func(ctx context.Context) error { return input(ctx, c, 1000, 1000, 1000) }, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s := grpctest.Want(t, call.ask(grpctest.Context(t, grpctest.DoWait)), call.want); s.Message() == "told otherwise" {
				t.Error("it was told as HTTP tells it")
			}
		})
	}
	t.Run("too often", func(t *testing.T) {
		t.Parallel()
		_, err := c.UnaryCall(grpctest.Context(t, ""), &grpc_testing.SimpleRequest{})
		grpctest.Want(t, err, codes.OK)
		var trailer metadata.MD
		_, err = c.UnaryCall(grpctest.Context(t, ""), &grpc_testing.SimpleRequest{}, grpc.Trailer(&trailer))
		grpctest.Want(t, err, codes.ResourceExhausted)
		if back := trailer.Get("grpc-retry-pushback-ms"); len(back) != 1 || len(trailer.Get("x-dayfly-invocation")) != 1 {
			t.Errorf("the trailer is %v", trailer)
		}
	})
}

// input sends messages of those sizes.
func input(ctx context.Context, c *grpctest.Client, sizes ...int) error {
	stream, err := c.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		payload := &grpc_testing.Payload{Body: make([]byte, size)}
		if stream.Send(&grpc_testing.StreamingInputCallRequest{Payload: payload}) != nil {
			break // receiving tells why
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// dead gives an address at which nobody listens.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestFailuresOfFunctionsAreStatusesOfGRPC(t *testing.T) {
	t.Parallel()
	for kind, want := range map[dayfly.FailureKind]codes.Code{dayfly.FailureTimeout: codes.DeadlineExceeded,
		dayfly.FailureExit: codes.Unavailable, dayfly.FailureMemory: codes.ResourceExhausted,
		dayfly.FailureResponse: codes.Internal, dayfly.FailureException: codes.Unknown} {
		failure := &dayfly.Failure{Kind: kind, Message: "told"}
		for name, result := range map[string]*dayfly.Result{
			"before its head": {Status: 502, Header: http.Header{}, Body: http.NoBody, Failure: failure},
			"after it": {Status: 200, Header: http.Header{"Content-Type": {"application/grpc"}},
				Body: io.NopCloser(iotest.ErrReader(failure))},
		} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				t.Parallel()
				f := func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) { return result, nil }
				g := gateway.New(invoker(f), gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{})
				_, err := grpctest.NewClient(dialed(t, g)).EmptyCall(grpctest.Context(t, ""), &grpc_testing.Empty{})
				grpctest.Want(t, err, want)
			})
		}
	}
}

// TestStreamsOfGRPCMayBeQuiet: a caller is given no time for its next message, but for the
// rest of one that it has begun.
func TestStreamsOfGRPCMayBeQuiet(t *testing.T) {
	t.Parallel()
	s := grpctest.NewServer(new(grpctest.Service))
	g, _ := routed(t, answers, `{"routes": {"/{rest...}": {"url": "http://`+served(t, s)+`"}}}`)
	g.SetBodyStall(20 * time.Millisecond)
	t.Run("between messages", func(t *testing.T) {
		stream := grpctest.NewClient(dialed(t, g)).Duplex(t, "")
		for range 3 {
			<-time.After(60 * time.Millisecond)
			grpctest.Ping(t, stream, 1)
		}
	})
	t.Run("within one", func(t *testing.T) {
		r := asked(t, g, "application/grpc", "FullDuplexCall", "\x00\x00\x00")
		if r.Header.Get("Grpc-Status") != "3" || r.Header.Get("Content-Type") != "application/grpc" {
			t.Errorf("it was answered %d %v", r.StatusCode, r.Header)
		}
	})
	t.Run("when their server breaks off", func(t *testing.T) {
		stream := grpctest.NewClient(dialed(t, g)).Duplex(t, "")
		grpctest.Ping(t, stream, 1)
		s.Stop()
		_, err := stream.Recv()
		grpctest.Want(t, err, codes.Unavailable)
	})
}

// TestOnlyServersOfGRPCAreStreamedTo: what a head says is no way past the bounds of others.
func TestOnlyServersOfGRPCAreStreamedTo(t *testing.T) {
	t.Parallel()
	var read error
	handler := func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		_, read = io.Copy(io.Discard, inv.Request.Body)
		return nil, read
	}
	g, _ := routed(t, invoker(handler), `{"routes": {"/{rest...}": {"function": "f", "limits": {"body": "1KiB"}}}}`)
	g.SetBodyStall(20 * time.Millisecond)
	r := asked(t, g, "application/grpc", "FullDuplexCall", "\x00\x00\x00\x00\x00")
	if r.Header.Get("Grpc-Status") != "3" || dayfly.KindOf(read) != dayfly.KindInvalid {
		t.Errorf("a quiet body was answered %v, and read with %v", r.Header, read)
	}
	r = asked(t, g, "application/grpc", "FullDuplexCall", strings.Repeat("\x00\x00\x00\x00\x00", 1000))
	if r.Header.Get("Grpc-Status") != "8" || !errors.Is(read, dayfly.ErrRequestTooLarge) {
		t.Errorf("a large body was answered %v, and read with %v", r.Header, read)
	}
}

// asked posts a body that does not end, over HTTP/2.
func asked(t *testing.T, g *gateway.Gateway, kind, method, body string, headers ...string) *http.Response {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = g.Server()
	srv.Start()
	t.Cleanup(srv.Close)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	in, out := io.Pipe()
	t.Cleanup(func() { _ = out.Close() })
	go func() { _, _ = io.WriteString(out, body) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/grpc.testing.TestService/"+method, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop.localhost"
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	r, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r
}

// TestDeadlinesOfGRPCAreKept: also for a caller who does not do so itself.
func TestDeadlinesOfGRPCAreKept(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context, _ *dayfly.Invocation) (*dayfly.Result, error) {
		<-ctx.Done()
		return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away")
	}
	g, _ := routed(t, invoker(silent), `{"routes": {"/grpc.testing.TestService/EmptyCall": "f",
		"/{rest...}": {"url": "http://`+served(t, grpctest.NewServer(new(grpctest.Service)))+`"}}}`)
	t.Run("before the head", func(t *testing.T) {
		r := asked(t, g, "application/grpc+proto", "EmptyCall", "", "Grpc-Timeout", "50m")
		if r.Header.Get("Grpc-Status") != "4" {
			t.Errorf("it was answered %d %v", r.StatusCode, r.Header)
		}
	})
	t.Run("after it", func(t *testing.T) {
		message := "\x00\x00\x00\x00\x04\x12\x02\x08\x01" // asks for one byte
		r := asked(t, g, "application/grpc", "FullDuplexCall", message, "Grpc-Timeout", "1S")
		_, err := io.Copy(io.Discard, r.Body)
		if status := r.Header.Get("Grpc-Status") + r.Trailer.Get("Grpc-Status"); err != nil || status != "4" {
			t.Errorf("it ended with %v, %v", r.Trailer, err)
		}
	})
}

func TestStreamsOfGRPCEndWhenNothingMoves(t *testing.T) {
	t.Parallel()
	g, _ := routed(t, answers, `{"routes": {"/{rest...}": {"idle": "1s",
		"url": "http://`+served(t, grpctest.NewServer(new(grpctest.Service)))+`"}}}`)
	t.Run("before a message", func(t *testing.T) {
		t.Parallel()
		_, err := grpctest.NewClient(dialed(t, g)).Duplex(t, "").Recv() // which the server sends nothing for
		grpctest.Want(t, err, codes.DeadlineExceeded)
	})
	t.Run("after one", func(t *testing.T) {
		t.Parallel()
		stream := grpctest.NewClient(dialed(t, g)).Duplex(t, grpctest.DoWait)
		grpctest.Ping(t, stream, 1)
		_, err := stream.Recv()
		grpctest.Want(t, err, codes.Unavailable)
	})
}

// TestPagesAreToldStatusesOfGRPC: by gRPC-Web, in the head, which they may read.
func TestPagesAreToldStatusesOfGRPC(t *testing.T) {
	t.Parallel()
	g, _ := routed(t, answers, `{"auth": {"partners": {"keys": {}}},
		"routes": {"POST /grpc.testing.TestService/{m}": {"function": "f", "auth": "partners"}}}`)
	r := httptest.NewRequest(http.MethodPost, "/grpc.testing.TestService/EmptyCall", strings.NewReader("x"))
	r.Host = "shop.localhost"
	r.Header.Set("Content-Type", "application/grpc-web+proto")
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	h := w.Header()
	if w.Code != 200 || h.Get("Grpc-Status") != "16" || h.Get("Content-Type") != "application/grpc-web+proto" ||
		!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Grpc-Status") {
		t.Errorf("it was answered %d %v", w.Code, h)
	}
}
