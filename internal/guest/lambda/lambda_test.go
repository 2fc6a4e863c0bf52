// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/lambda"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// world is a guest between the host's side, which calls, and a program's: either one
// that the guest starts, or the test itself.
type world struct {
	t      *testing.T
	conn   *host.Conn
	api    string        // http://host:port
	ended  chan struct{} // closed when the guest has ended, with status
	status int
	ready  frame.ReadyHead
	rev    frame.SpecialiseHead
}

// newWorld starts a guest that runs command for its revision.
func newWorld(t *testing.T, command []string, change func(*frame.SpecialiseHead)) *world {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	near, far := socketPair(t)
	w := &world{t: t, api: "http://" + listener.Addr().String(), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.status = lambda.New(listener).Serve(far)
	}()
	w.conn = host.NewConn(near, func(dayfly.InvocationID, dayfly.LogStream, string) {})
	t.Cleanup(func() {
		_ = w.conn.Close()
		wait(t, w.ended, "end of the guest")
	})
	if hello, err := w.conn.Hello(t.Context()); err != nil || hello.Language != "lambda" {
		t.Fatalf("Hello() = %+v, %v", hello, err)
	}
	w.rev = frame.SpecialiseHead{Function: "fn", Project: "p", Task: t.TempDir(), Command: command,
		Payload: dayfly.PayloadV2, Concurrency: 1, ResponseBytes: 100 << 20, Env: map[string]string{
			"AWS_LAMBDA_RUNTIME_API": listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME": "fn",
			"AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_REGION": "eu-west-1", "_HANDLER": "h", "PATH": os.Getenv("PATH")}}
	if change != nil {
		change(&w.rev)
	}
	return w
}

func socketPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "end")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return ends[0], ends[1]
}

// specialise makes the guest ready, or gives its failure.
func (w *world) specialise() *dayfly.Failure {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var err error
	w.ready, err = w.conn.Specialise(ctx, w.rev)
	if failure, ok := host.FailureOf(err); ok {
		return failure
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return nil
}

// byHand makes a ready guest whose program does nothing: the test speaks for it.
func byHand(t *testing.T, change func(*frame.SpecialiseHead)) (*world, chan *http.Response) {
	t.Helper()
	w := newWorld(t, []string{"sleep", "1000"}, change)
	next := make(chan *http.Response, 1)
	go func() { next <- w.do(http.MethodGet, "/2018-06-01/runtime/invocation/next", "", nil) }()
	if failure := w.specialise(); failure != nil {
		t.Fatal(failure)
	}
	return w, next
}

// do asks the API for something; header is name, value, name, value …
func (w *world) do(method, path, body string, header []string) *http.Response {
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.api+path, strings.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return nil
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if w.t.Context().Err() == nil {
			w.t.Error(err)
		}
		return nil
	}
	return resp
}

func text(resp *http.Response) string {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}

// answer posts to an invocation.
func (w *world) answer(id, what, body string, header ...string) string {
	w.t.Helper()
	return text(w.do(http.MethodPost, "/2018-06-01/runtime/invocation/"+id+"/"+what, body, header))
}

func (w *world) next() *http.Response {
	return w.do(http.MethodGet, "/2018-06-01/runtime/invocation/next", "", nil)
}

// outcome is what became of a call.
type outcome struct {
	text  string
	ended time.Time
	head  http.Header
}

// call calls the function; what comes is what its caller gets.
func (w *world) call(inv *dayfly.Invocation) chan outcome {
	got := make(chan outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		o := outcome{}
		o.text, o.head = w.exchange(ctx, inv)
		o.ended = time.Now()
		got <- o
	}()
	return got
}

func (w *world) exchange(ctx context.Context, inv *dayfly.Invocation) (string, http.Header) {
	result, err := w.conn.Exchange(ctx, inv, func() {})
	if err != nil {
		return "error: " + err.Error(), nil
	}
	defer result.Body.Close()
	if f := result.Failure; f != nil {
		return fmt.Sprintf("%s %s %s", f.Kind, f.Type, f.Payload), nil
	}
	// As the gateway does, which has the whole answer once its length is here.
	var body bytes.Buffer
	_, err = io.Copy(&body, result.Body)
	said := fmt.Sprintf("%d %s %s", result.Status, result.Header.Get("Content-Type"), body.Bytes())
	if body.Len() > 2000 {
		said = fmt.Sprintf("%d %s, %d bytes", result.Status, result.Header.Get("Content-Type"), body.Len())
	}
	if f, ok := host.FailureOf(err); ok {
		return said + ", then " + f.Type + " " + string(f.Payload), result.Header
	}
	if err != nil {
		said += ", then " + err.Error()
	}
	return said, result.Header
}

func invocation(kind dayfly.RequestKind, body string) *dayfly.Invocation {
	now := time.Now()
	return &dayfly.Invocation{ID: dayfly.NewInvocationID(now), Received: now, Deadline: time.UnixMilli(1_900_000_000_123),
		Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()}, Request: dayfly.Request{Kind: kind,
			Method: "POST", Path: "/p", Host: "h", Header: http.Header{"Content-Type": {"text/plain"}},
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			Body:        io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}}
}

func wait[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %s", what, patience)
		panic("unreachable")
	}
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.api, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}
