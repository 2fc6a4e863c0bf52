// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
)

// serveStall is serve with another patience for bodies.
func serveStall(t *testing.T, stall time.Duration, f invoker) string {
	t.Helper()
	g := gateway.New(f, gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{})
	g.SetBodyStall(stall)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = g.Server()
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

// post begins an upload of size bytes and sends those of sent.
func post(t *testing.T, url string, size, sent int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	head := fmt.Sprintf("POST /function/f HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := io.WriteString(conn, head+strings.Repeat("x", sent)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// echo answers how long the body was, or as its reader failed.
func echo(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	n, err := io.Copy(io.Discard, inv.Request.Body)
	if err != nil {
		select { // a call that ends because of its body is not canceled
		case <-ctx.Done():
			return nil, dayfly.Errorf(dayfly.KindCanceled, "canceled: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
			return nil, err
		}
	}
	return text(200, fmt.Sprint(n)), nil
}

func TestStalledUploadsAreTheCallersFault(t *testing.T) {
	t.Parallel()
	const stall = 200 * time.Millisecond
	url := serveStall(t, stall, echo)
	// The server would read the rest of a small body itself before it answers.
	for _, size := range []int{200_000, 1_000_000} {
		began := time.Now()
		conn := post(t, url, size, 100_000)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 400 || !strings.Contains(string(body), "stalled: nothing came for 200ms") {
			t.Errorf("%d bytes: answer = %d %s, want 400", size, resp.StatusCode, body)
		}
		if took := time.Since(began); took < stall || took > stall+5*time.Second {
			t.Errorf("%d bytes: the answer took %v", size, took)
		}
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%d bytes: read %d, %v after it, want the end", size, n, err)
		}
	}
	if resp, body := do(t, request(t, "POST", url+"/function/f", strings.Repeat("x", 1<<20))); body != "1048576" {
		t.Errorf("next upload: %d %s", resp.StatusCode, body)
	}
}

func TestSlowUploadsAndLongCallsAreNoStall(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	url := serveStall(t, stall, func(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		if _, err := io.Copy(io.Discard, inv.Request.Body); err != nil {
			return nil, err
		}
		select { // the body is in: no deadline may end the call now
		case <-ctx.Done():
			return nil, dayfly.Errorf(dayfly.KindCanceled, "the call was ended: %w", context.Cause(ctx))
		case <-time.After(3 * stall):
			return text(200, "through"), nil
		}
	})
	conn := post(t, url, 100_000, 0)
	for range 10 {
		<-time.After(stall / 5)
		if _, err := io.WriteString(conn, strings.Repeat("x", 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "through" {
		t.Errorf("answer = %d %s", resp.StatusCode, body)
	}
}

func TestUploadEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	bodies := make(chan io.Reader, 1)
	url := serveStall(t, time.Minute, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		bodies <- inv.Request.Body
		return text(200, "early"), nil
	})
	if _, body := do(t, request(t, "POST", url+"/function/f", strings.Repeat("x", 100_000))); body != "early" {
		t.Errorf("answer = %q", body)
	}
	body := <-bodies
	deadline := time.Now().Add(10 * time.Second)
	for { // the client may see the answer before ServeHTTP returns
		n, err := body.Read(make([]byte, 1))
		if n == 0 && err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a read after the request: %d, %v", n, err)
		}
	}
}

func TestRefusalsDoNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	url := serveStall(t, 200*time.Millisecond, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "no such function")
	})
	resp, err := http.ReadResponse(bufio.NewReader(post(t, url, 200_000, 100_000)), nil)
	if err != nil || resp.StatusCode != 404 {
		t.Fatalf("answer = %v, %v; want 404", resp, err)
	}
}

func TestCallersThatLeaveCancelTheirCall(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	url := serveStall(t, time.Minute, func(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		_, err := io.Copy(io.Discard, inv.Request.Body)
		<-ctx.Done()
		ended <- err
		return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away")
	})
	conn := post(t, url, 200_000, 100_000)
	_ = conn.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("half a body was read as whole")
		}
	case <-time.After(10 * time.Second):
		t.Error("the call goes on")
	}
}
