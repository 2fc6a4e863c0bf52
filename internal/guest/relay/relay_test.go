// SPDX-License-Identifier: Apache-2.0

package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/relay"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

// The test binary is the relay and the guest behind it, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "relay" {
		os.Exit(relay.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "child" {
		os.Exit(serve.Main(frame.HelloHead{Language: "tiny", Version: "1"}, &child{}))
	}
	os.Exit(m.Run())
}

// child is a guest of events: its revision's entry says what it does.
type child struct{ rev frame.SpecialiseHead }

func (c *child) Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead) {
	c.rev = rev
	switch rev.Entry {
	case "broken":
		return frame.ReadyHead{}, &frame.ErrorHead{Kind: dayfly.FailureInit, Type: "Runtime.ImportModuleError",
			Message: "no module", Payload: []byte(`{"errorType":"x"}`)}
	case "exits":
		os.Exit(9)
	}
	return frame.ReadyHead{Serve: "frames", Dialect: rev.Dialect}, nil
}

func (c *child) Idle() {}

var jsonHeader = http.Header{"Content-Type": {"application/json"}}

func (c *child) Call(call *serve.Call) {
	body, _ := io.ReadAll(call)
	call.Log(dayfly.StreamStderr, "called")
	answer := func(header http.Header, text string) {
		_ = call.Respond(200, header, nil)
		_, _ = io.WriteString(call, text)
		_ = call.End()
	}
	switch c.rev.Entry {
	case "echo":
		answer(jsonHeader, string(body))
	case "answers":
		answer(jsonHeader, `{"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["c=1", "d=2"], "body": "hi"}`)
	case "nonsense":
		answer(jsonHeader, `{"statusCode": 7}`)
	case "raises":
		_ = call.Fail(frame.ErrorHead{Kind: dayfly.FailureException, Type: "ValueError", Message: "boom",
			Stack: []string{"app.py:1"}, Payload: []byte(`{"errorMessage":"boom"}`)})
	case "streams":
		answer(http.Header{"Content-Type": {"application/octet-stream"}}, strings.Repeat("x", 300_000))
	case "prelude":
		answer(http.Header{"Content-Type": {"application/vnd.awslambda.http-integration-response"}},
			`{"statusCode":418}`+strings.Repeat("\x00", 8)+"tea")
	case "breaks off":
		_ = call.Respond(200, http.Header{"Content-Type": {"text/plain"}}, nil)
		_, _ = io.WriteString(call, strings.Repeat("half", 200_000)) // more than the window: it is being read
		_ = call.Fail(frame.ErrorHead{Kind: dayfly.FailureException, Type: "E", Message: "broke"})
	case "exits in a call":
		os.Exit(7)
	case "is killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "waits":
		<-call.Context().Done()
		answer(jsonHeader, "null")
	case "last words":
		_ = call.Fail(frame.ErrorHead{Kind: dayfly.FailureException, Type: "Last", Message: "words"})
		os.Exit(3)
	}
}

// behind starts a relay with the child behind it, and gives the host's side.
func behind(t *testing.T) (*guest.Conn, *exec.Cmd, func() []string) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "host"), os.NewFile(uintptr(pair[1]), "relay")
	nc, err := net.FileConn(near)
	if err != nil {
		t.Fatal(err)
	}
	_ = near.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "relay", self, "child")
	cmd.ExtraFiles, cmd.Stderr = []*os.File{far}, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	var mu sync.Mutex
	var lines []string
	c := guest.NewConn(nc, func(id dayfly.InvocationID, _ dayfly.LogStream, text string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, string(id)+": "+text)
	})
	t.Cleanup(func() {
		_ = c.Close()
		_ = cmd.Wait()
	})
	hello, err := c.Hello(t.Context())
	if err != nil || hello.Language != "tiny" {
		t.Fatalf("Hello() = %+v, %v; want the guest's own", hello, err)
	}
	return c, cmd, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), lines...)
	}
}

func specialise(t *testing.T, c *guest.Conn, entry string, change func(*frame.SpecialiseHead)) error {
	t.Helper()
	head := frame.SpecialiseHead{Function: "f", Dialect: dayfly.DialectLambda, Entry: entry,
		Payload: dayfly.PayloadV2, ResponseBytes: 1 << 20, Concurrency: 1}
	if change != nil {
		change(&head)
	}
	_, err := c.Specialise(t.Context(), head)
	return err
}

func invocation(kind dayfly.RequestKind, body string) *dayfly.Invocation {
	now := time.Now()
	return &dayfly.Invocation{ID: dayfly.NewInvocationID(now), Received: now, Deadline: now.Add(time.Minute),
		Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()}, Request: dayfly.Request{Kind: kind,
			Method: "POST", Path: "/p", Host: "h", Header: http.Header{"Content-Type": {"text/plain"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}}
}

// exchange makes one call and tells what became of it.
func exchange(ctx context.Context, c *guest.Conn, inv *dayfly.Invocation) string {
	result, err := c.Exchange(ctx, inv, func() {})
	if err != nil {
		return "error: " + err.Error()
	}
	defer result.Body.Close()
	if f := result.Failure; f != nil {
		return fmt.Sprintf("%s %s: %s %s %s", f.Kind, f.Type, f.Message, f.Stack, f.Payload)
	}
	body, err := io.ReadAll(result.Body)
	text := fmt.Sprintf("%d %s %q", result.Status, result.Header.Get("Content-Type"), body)
	if err != nil {
		return fmt.Sprintf("%d %s, then %v", result.Status, result.Header.Get("Content-Type"), err)
	}
	if len(body) > 1000 {
		text = fmt.Sprintf("%d %s, %d bytes", result.Status, result.Header.Get("Content-Type"), len(body))
	}
	return text
}

func TestCallsPassBothWays(t *testing.T) {
	t.Parallel()
	const event, web = dayfly.RequestEvent, dayfly.RequestHTTP
	for _, row := range []struct {
		entry, want string
		kind        dayfly.RequestKind
	}{
		{"echo", `200 application/json "{\"a\": 1}"`, event},
		{"answers", `201 application/json "hi"`, web},
		{"answers", `200 application/json "{\"statusCode\": 201, \"headers\": {\"x-a\": \"b\"}, ` +
			`\"cookies\": [\"c=1\", \"d=2\"], \"body\": \"hi\"}"`, event},
		{"nonsense", "bad_response Runtime.MalformedResponse: statusCode must be a whole number between " +
			`200 and 599, got 7 [] {"errorType":"Runtime.MalformedResponse","errorMessage":` +
			`"statusCode must be a whole number between 200 and 599, got 7"}`, web},
		{"nonsense", `200 application/json "{\"statusCode\": 7}"`, event},
		{"raises", `exception ValueError: boom [app.py:1] {"errorMessage":"boom"}`, web},
		{"raises", `exception ValueError: boom [app.py:1] {"errorMessage":"boom"}`, event},
		{"streams", "200 application/octet-stream, 300000 bytes", web},
		{"prelude", `418 application/json "tea"`, web},
		{"breaks off", `200 text/plain, then E: broke`, web},
	} {
		t.Run(row.entry+" "+string(row.kind), func(t *testing.T) {
			t.Parallel()
			c, _, lines := behind(t)
			if err := specialise(t, c, row.entry, nil); err != nil {
				t.Fatal(err)
			}
			inv := invocation(row.kind, `{"a": 1}`)
			if got := exchange(t.Context(), c, inv); got != row.want {
				t.Errorf("call = %s\nwant %s", got, row.want)
			}
			if got := lines(); len(got) != 1 || got[0] != string(inv.ID)+": called" {
				t.Errorf("lines = %q, want one of the call", got)
			}
		})
	}
}

func TestRequestsBecomeEventsOfTheDialect(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*frame.SpecialiseHead)
		want   string
	}{
		"2.0":       {nil, `"rawPath":"/p"`},
		"1.0":       {func(h *frame.SpecialiseHead) { h.Payload = dayfly.PayloadV1 }, `must be an object`},
		"openwhisk": {func(h *frame.SpecialiseHead) { h.Dialect = dayfly.DialectOpenWhisk }, `"__ow_method":"post"`},
	} {
		c, _, _ := behind(t)
		if err := specialise(t, c, "echo", row.change); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(exchange(t.Context(), c, invocation(dayfly.RequestHTTP, "x")), `\"`, `"`)
		if name == "1.0" { // an event of 1.0 has members that its answers must not have
			row.want = `has a member "httpMethod"`
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%s: %s, want %s in it", name, got, row.want)
		}
	}
}

func TestAnActionsErrorIsAFailure(t *testing.T) {
	t.Parallel()
	c, _, _ := behind(t)
	toWhisk := func(h *frame.SpecialiseHead) { h.Dialect = dayfly.DialectOpenWhisk }
	if err := specialise(t, c, "echo", toWhisk); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"a": 1}`:          `200 application/json "{\"a\": 1}"`,
		`{"error": null}`:   `200 application/json "{\"error\": null}"`,
		`{"error": "boom"}`: `exception ApplicationError: boom [] {"error":"boom"}`,
	} {
		if got := exchange(t.Context(), c, invocation(dayfly.RequestEvent, body)); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	c, _, _ := behind(t)
	if err := specialise(t, c, "echo", func(h *frame.SpecialiseHead) { h.Concurrency = 16 }); err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for i := range 64 {
		calls.Go(func() {
			body := fmt.Sprintf("[%d]", i)
			want := fmt.Sprintf("200 application/json %q", body)
			if got := exchange(t.Context(), c, invocation(dayfly.RequestEvent, body)); got != want {
				t.Errorf("call %d = %s", i, got)
			}
		})
	}
	calls.Wait()
}

func TestAGuestThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	c, _, _ := behind(t)
	err := specialise(t, c, "broken", nil)
	failure, ok := guest.FailureOf(err)
	if !ok || failure.Type != "Runtime.ImportModuleError" || string(failure.Payload) != `{"errorType":"x"}` {
		t.Errorf("Specialise() = %v, want the guest's failure", err)
	}
}

func TestTheRelayEndsAsItsGuestDoes(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]int{"exits": 9, "exits in a call": 7, "is killed": 128 + 9, "last words": 3} {
		c, cmd, _ := behind(t)
		err := specialise(t, c, entry, nil)
		if err == nil {
			got := exchange(t.Context(), c, invocation(dayfly.RequestHTTP, ""))
			gone := strings.Contains(got, guest.ErrGone.Error())
			if last := strings.HasPrefix(got, "exception Last: words"); last != (entry == "last words") || gone == last {
				t.Errorf("%s: call = %s", entry, got)
			}
		} else if !errors.Is(err, guest.ErrGone) {
			t.Errorf("%s: Specialise() = %v, want gone", entry, err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: the relay's exit status = %d, want %d", entry, got, want)
		}
	}
}

func TestCancelReachesTheGuest(t *testing.T) {
	t.Parallel()
	c, _, _ := behind(t)
	if err := specialise(t, c, "waits", nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.Exchange(ctx, invocation(dayfly.RequestHTTP, ""), func() { close(ended) }); err == nil {
		t.Fatal("the call was answered")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the guest did not end the call that was canceled")
	}
}

func TestTheRelayEndsWithTheHost(t *testing.T) {
	t.Parallel()
	c, cmd, _ := behind(t)
	if err := specialise(t, c, "echo", nil); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("relay ended with %v, want status 0", err)
	}
}
