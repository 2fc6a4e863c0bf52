// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
)

// program serves h as a program in a box would, and gives how to reach it.
func program(t *testing.T, h http.HandlerFunc) (*guest.Server, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	s := guest.NewServer(8080, func(ctx context.Context, _ int) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	})
	t.Cleanup(func() { _ = s.Close() })
	return s, srv
}

func TestServerExchange(t *testing.T) {
	t.Parallel()
	s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Dayfly-Invocation")+" "+r.URL.EscapedPath()+" "+r.Host)
		w.Header().Set("Connection", "keep-alive")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
	})
	inv := invocation("hello")
	inv.Request.Path, inv.Request.Host = "/a%2Fb", "example.test"
	var done atomic.Int32
	result, err := s.Exchange(t.Context(), inv, func() { done.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(result.Body)
	_ = result.Body.Close()
	if err != nil || string(body) != "hello" || result.Status != http.StatusTeapot ||
		result.Header.Get("X-Seen") != "inv-1 /a%2Fb example.test" || result.Header.Get("Connection") != "" {
		t.Errorf("answer = %d %v %q, %v", result.Status, result.Header, body, err)
	}
	if done.Load() != 1 {
		t.Errorf("done was called %d times, want 1", done.Load())
	}
}

func TestServerDoesNotSendACallTwice(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 { // the first leaves a connection to use again
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.Close()
		}
	})
	for i := range 2 {
		inv := invocation("")
		inv.Request.Method = http.MethodGet
		result, err := s.Exchange(t.Context(), inv, func() {})
		if i == 1 && (!errors.Is(err, guest.ErrGone) || errors.Is(err, guest.ErrNotSent)) {
			t.Errorf("call whose connection broke = %v, want ErrGone and not ErrNotSent", err)
		}
		if err == nil {
			_, _ = io.Copy(io.Discard, result.Body)
			_ = result.Body.Close()
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("the program saw %d calls, want 2", n)
	}
}

func TestServerThatCannotBeReachedWasNotSentAnything(t *testing.T) {
	t.Parallel()
	s := guest.NewServer(8080, func(context.Context, int) (net.Conn, error) {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the sandbox has ended")
	})
	_, err := s.Exchange(t.Context(), invocation(""), func() {})
	if !errors.Is(err, guest.ErrNotSent) || !errors.Is(err, guest.ErrGone) {
		t.Errorf("Exchange() = %v, want ErrNotSent and ErrGone", err)
	}
}

func TestServerWhoseProgramEndedBeforeItListensIsGone(t *testing.T) {
	t.Parallel()
	s := guest.NewServer(8080, func(context.Context, int) (net.Conn, error) {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the sandbox has ended")
	})
	if _, err := s.Await(t.Context(), guest.Elsewhere{}); !errors.Is(err, guest.ErrGone) {
		t.Errorf("Await() = %v, want ErrGone", err)
	}
}

func TestServerUpgradesConnections(t *testing.T) {
	t.Parallel()
	s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
	})
	inv := invocation("")
	inv.Request.Method = http.MethodGet
	inv.Request.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
	result, err := s.Exchange(t.Context(), inv, func() {})
	if err != nil || result.Status != http.StatusSwitchingProtocols {
		t.Fatalf("Exchange() = %+v, %v; want 101", result, err)
	}
	conn := result.Body.(io.ReadWriteCloser)
	defer conn.Close()
	_, _ = io.WriteString(conn, "hi\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "echo hi\n" {
		t.Errorf("upgraded connection gave %q, %v", line, err)
	}
}

func TestServerAnswerPastItsLimit(t *testing.T) {
	t.Parallel()
	s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			_, _ = io.WriteString(w, strings.Repeat("x", 100))
			_ = http.NewResponseController(w).Flush()
		}
	})
	inv := invocation("")
	inv.Revision.Spec.Limits.ResponseBytes = 500
	result, err := s.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	_, err = io.ReadAll(result.Body)
	if failure, ok := guest.FailureOf(err); !ok || failure.Kind != dayfly.FailureTooLarge {
		t.Errorf("read of 1000 bytes at a limit of 500 = %v, want response_too_large", err)
	}
}

func TestAwaitReturnsOnceTheProgramListens(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	s := guest.NewServer(8080, func(context.Context, int) (net.Conn, error) {
		if !up.Load() {
			return nil, syscall.ECONNREFUSED
		}
		client, _ := net.Pipe()
		return client, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Await(ctx, guest.Elsewhere{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Await() before the program listens = %v, want the deadline", err)
	}
	up.Store(true)
	if _, err := s.Await(t.Context(), guest.Elsewhere{}); err != nil {
		t.Errorf("Await() = %v", err)
	}
}

// brokenUpload is a request body that ends as a client's may: in the middle.
type brokenUpload struct{ sent atomic.Bool }

var errBroken = errors.New("malformed chunk")

func (b *brokenUpload) Read(p []byte) (int, error) {
	if !b.sent.Swap(true) {
		return copy(p, "begin"), nil
	}
	return 0, errBroken
}

func (b *brokenUpload) Close() error { return nil }

func TestServerTellsABrokenUploadFromABrokenProgram(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"before the answer": false, "after its head": true} {
		s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
			if early {
				_ = http.NewResponseController(w).EnableFullDuplex()
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.Copy(io.Discard, r.Body)
		})
		inv := invocation("")
		inv.Request.Body, inv.Request.ContentLength = &brokenUpload{}, -1
		result, err := s.Exchange(t.Context(), inv, func() {})
		if err == nil {
			_, err = io.Copy(io.Discard, result.Body)
			_ = result.Body.Close()
		}
		if errors.Is(err, guest.ErrGone) || dayfly.KindOf(err) != dayfly.KindCanceled {
			t.Errorf("%s: a broken upload = %v (%s), want canceled and not ErrGone", name, err, dayfly.KindOf(err))
		}
	}
}

func TestServerAnswersThatCannotBePassedOn(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"status 0":                 "HTTP/1.1 000 Nothing\r\n",
		"status 42":                "HTTP/1.1 042 Low\r\n",
		"a switch to no protocol":  "HTTP/1.1 101 Switching Protocols\r\n",
		"a switch nobody asked to": "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n",
	} {
		s, _ := program(t, func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(conn, head+"Content-Length: 0\r\n\r\n")
			_ = conn.Close()
		})
		var done atomic.Int32
		result, err := s.Exchange(t.Context(), invocation(""), func() { done.Add(1) })
		if err != nil {
			t.Errorf("%s: Exchange() = %v, want a failure of the function", name, err)
			continue
		}
		_ = result.Body.Close()
		if result.Failure == nil || result.Failure.Kind != dayfly.FailureResponse || len(result.Header) > 0 {
			t.Errorf("%s: result %+v, want a bad response without headers", name, result)
		}
		if done.Load() != 1 {
			t.Errorf("%s: done was called %d times, want 1", name, done.Load())
		}
	}
}

func TestServerIsFoundElsewhere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ports []int
		hint  int
		want  int
	}{
		"the only port":          {ports: []int{7777}, want: 7777},
		"a usual port first":     {ports: []int{2345, 3000, 9229}, want: 3000},
		"where it was before":    {ports: []int{2345, 3000}, hint: 2345, want: 2345},
		"a hint that is no more": {ports: []int{2345}, hint: 3000, want: 2345},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(srv.Close)
			s := guest.NewServer(8080, func(ctx context.Context, port int) (net.Conn, error) {
				if port != tc.want {
					return nil, syscall.ECONNREFUSED
				}
				return new(net.Dialer).DialContext(ctx, "tcp", srv.Listener.Addr().String())
			})
			t.Cleanup(func() { _ = s.Close() })
			ports := func() ([]int, error) { return tc.ports, nil }
			got, err := s.Await(t.Context(), guest.Elsewhere{Ports: ports, Hint: tc.hint})
			if err != nil || got != tc.want {
				t.Errorf("Await = %d, %v, want %d", got, err, tc.want)
			}
		})
	}
}

func TestLooksAtPortsTakeLittleOfAProcessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const cost = 7 * time.Millisecond // of a look on a large machine
		refused := func(context.Context, int) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		looks := 0
		ports := func() ([]int, error) {
			looks++
			time.Sleep(cost)
			return nil, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := guest.NewServer(8080, refused).Await(ctx, guest.Elsewhere{Ports: ports}); err == nil {
			t.Error("Await of a program that never listens: no error")
		}
		if spent := time.Duration(looks) * cost; looks == 0 || spent > 2*time.Second {
			t.Errorf("%d looks took %s of 10 seconds, want a fifth at most", looks, spent)
		}
	})
}
