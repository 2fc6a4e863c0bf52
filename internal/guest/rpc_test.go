// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

// rpcProgram serves h over HTTP/1.1 and, to who speaks it at once, HTTP/2.
func rpcProgram(t *testing.T, h http.HandlerFunc) *guest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	s := guest.NewServer(8080, func(ctx context.Context, _ int) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// rpcCall is a call of gRPC with messages as they are on the wire.
func rpcCall(body io.Reader) *dayfly.Invocation {
	inv := invocation("")
	inv.Request.Proto, inv.Request.Header = "HTTP/2.0", http.Header{"Content-Type": {"application/grpc"}}
	inv.Request.Body, inv.Request.ContentLength = io.NopCloser(body), -1
	return inv
}

func TestCallsOfGRPCGoOverHTTP2(t *testing.T) {
	t.Parallel()
	s := rpcProgram(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("X-Seen", r.Proto+" "+r.Header.Get("Te")+" "+r.Header.Get("X-Dayfly-Invocation"))
		left, said := rpc.Timeout(r.Header)
		if !said || left > time.Hour || left < time.Minute {
			t.Errorf("the program was told of a deadline in %s", r.Header.Get("Grpc-Timeout"))
		}
		_, _ = w.Write(body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "5")
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var done atomic.Int32
	result, err := s.Exchange(ctx, rpcCall(strings.NewReader("\x00\x00\x00\x00\x02hi")), func() { done.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(result.Body)
	_ = result.Body.Close()
	if err != nil || string(body) != "\x00\x00\x00\x00\x02hi" || result.Header.Get("X-Seen") != "HTTP/2.0 trailers inv-1" {
		t.Errorf("answer = %v %q, %v", result.Header, body, err)
	}
	if result.Trailer.Get("Grpc-Status") != "5" || len(result.Trailer) != 1 {
		t.Errorf("trailer = %v", result.Trailer)
	}
	if done.Load() != 1 {
		t.Errorf("done was called %d times, want 1", done.Load())
	}
}

func TestCallsOfGRPCStreamBothWays(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	s := rpcProgram(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		_ = http.NewResponseController(w).Flush()
		for b := make([]byte, 1); ; {
			if _, err := r.Body.Read(b); err != nil {
				return
			}
			_, _ = w.Write(b)
			_ = http.NewResponseController(w).Flush()
		}
	})
	in, out := io.Pipe()
	inv := rpcCall(in)
	inv.Request.Body = in
	result, err := s.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range "abc" {
		b := []byte(string(c))
		if _, err := out.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(result.Body, b); err != nil || string(b) != string(c) {
			t.Fatalf("came back %q, %v; want %q", b, err, c)
		}
	}
	_ = result.Body.Close() // the caller gives up: the program hears of it
	<-gone
}

// TestQuietCallsOfGRPCEndWithTheirTime: also while the caller says nothing.
func TestQuietCallsOfGRPCEndWithTheirTime(t *testing.T) {
	t.Parallel()
	s := rpcProgram(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	defer out.Close()
	result, err := s.Exchange(ctx, rpcCall(in), func() {})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := result.Body.Read(make([]byte, 1)); dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("reading ended with %v, want that it was canceled", err)
	}
	_ = result.Body.Close()
}

func TestMessagesOfGRPCAreBoundedEach(t *testing.T) {
	t.Parallel()
	const limit = 100
	for name, tc := range map[string]struct {
		size int
		fits bool
	}{"many that fit": {limit, true}, "one that does not": {limit + 1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := "\x00\x00\x00\x00" + string(rune(tc.size)) + strings.Repeat("x", tc.size)
			s := rpcProgram(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.Repeat(message, 10))
			})
			inv := rpcCall(strings.NewReader(""))
			inv.Revision.Spec.Limits.ResponseBytes = limit
			result, err := s.Exchange(t.Context(), inv, func() {})
			if err != nil {
				t.Fatal(err)
			}
			defer result.Body.Close()
			body, err := io.ReadAll(result.Body)
			failure, _ := guest.FailureOf(err)
			switch {
			case tc.fits && (err != nil || len(body) != 10*len(message)):
				t.Errorf("%d bytes came, %v", len(body), err)
			case !tc.fits && (failure == nil || failure.Kind != dayfly.FailureTooLarge):
				t.Errorf("%d bytes came, %v; want a failure of its size", len(body), err)
			}
		})
	}
}

func TestProgramsThatDoNotSpeakHTTP2FailCallsOfGRPC(t *testing.T) {
	t.Parallel()
	s, _ := program(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := s.Exchange(t.Context(), rpcCall(strings.NewReader("")), func() {}); !errors.Is(err, guest.ErrGone) {
		t.Errorf("Exchange() = %v, want ErrGone", err)
	}
	inv := rpcCall(strings.NewReader(""))
	inv.Request.Proto = "HTTP/1.1" // no gRPC, whatever the head says
	result, err := s.Exchange(t.Context(), inv, func() {})
	if err != nil || result.Status != http.StatusOK {
		t.Fatalf("Exchange() = %+v, %v", result, err)
	}
	_ = result.Body.Close()
}
