// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
)

// listening runs a gateway behind a bounded listener and gives its address.
func listening(t *testing.T, f invoker, bound func(net.Listener) net.Listener) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := gateway.New(f, gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{}).Server()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := srv.Serve(bound(l)); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() { _ = srv.Close(); <-ended })
	return l.Addr().String()
}

// endless is an answer without an end that tells when it is closed.
type endless struct{ closed chan struct{} }

func (e endless) Read(p []byte) (int, error)  { return len(p), nil }
func (e endless) Write(p []byte) (int, error) { return len(p), nil }
func (e endless) Close() error                { close(e.closed); return nil }

func TestClientThatReadsNothingIsCutOff(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"answer": 200, "upgraded connection": 101} {
		body := endless{make(chan struct{})}
		addr := listening(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
			return &dayfly.Result{Status: status, Header: http.Header{}, Body: body}, nil
		}, func(l net.Listener) net.Listener { return gateway.ListenStall(l, 8, 50*time.Millisecond) })
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /function/f HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		select {
		case <-body.closed:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the call of a client that reads nothing goes on", name)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	addr := listening(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return text(200, "hi"), nil
	}, func(l net.Listener) net.Listener { return gateway.Listen(l, 2) })
	ask := func(wait time.Duration) (net.Conn, error) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, "GET /function/f HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(wait))
		_, err = bufio.NewReader(c).ReadString('\n')
		return c, err
	}
	first, err := ask(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	third, err := ask(100 * time.Millisecond)
	if err == nil {
		t.Error("a third connection was served beside two")
	}
	_ = first.Close()
	_ = third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := bufio.NewReader(third).ReadString('\n'); err != nil {
		t.Errorf("the third connection once the first ended: %v", err)
	}
}
