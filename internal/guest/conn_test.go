// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// peer plays the guest: tests write what a guest may write, good or bad.
type peer struct {
	t  *testing.T
	nc net.Conn
	r  *frame.Reader
}

func (p *peer) send(t frame.Type, stream uint32, payload string) {
	p.t.Helper()
	if _, err := p.nc.Write(frame.Append(nil, t, stream, []byte(payload))); err != nil {
		p.t.Errorf("peer writes type %d: %v", t, err)
	}
}

// expect reads frames until one of that type.
func (p *peer) expect(want frame.Type) frame.Frame {
	p.t.Helper()
	for {
		f, err := p.r.Read()
		if err != nil {
			p.t.Errorf("peer waits for type %d: %v", want, err)
			return f
		}
		if f.Type == want {
			return f
		}
	}
}

// connect gives a connection and its peer.
func connect(t *testing.T, onLog guest.LogFunc) (*guest.Conn, *peer) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if onLog == nil {
		onLog = func(dayfly.InvocationID, dayfly.LogStream, string) {}
	}
	c := guest.NewConn(ends[0], onLog)
	t.Cleanup(func() { _ = c.Close(); _ = ends[1].Close() })
	return c, &peer{t: t, nc: ends[1], r: frame.NewReader(ends[1])}
}

func invocation(body string) *dayfly.Invocation {
	rev := &dayfly.Revision{ID: "f.default@1", Spec: dayfly.DefaultSpec()}
	return &dayfly.Invocation{ID: "inv-1", Revision: rev, Request: dayfly.Request{Kind: dayfly.RequestHTTP,
		Method: "POST", Path: "/", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body))}}
}

func TestExchangeOfSmallCall(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	go func() {
		f := p.expect(frame.Request)
		body := p.expect(frame.Body)
		echoed := "got " + string(body.Payload)
		p.expect(frame.End)
		p.send(frame.Response, f.Stream, `{"status":201,"headers":[["x-a","1"]]}`)
		p.send(frame.Body, f.Stream, echoed)
		p.send(frame.End, f.Stream, "")
	}()
	var done atomic.Int32
	result, err := c.Exchange(t.Context(), invocation("hello"), func() { done.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(result.Body)
	if err != nil || string(body) != "got hello" || result.Status != 201 || result.Header.Get("X-A") != "1" {
		t.Errorf("answer = %d %v %q, %v", result.Status, result.Header, body, err)
	}
	if done.Load() != 1 {
		t.Errorf("done was called %d times, want 1", done.Load())
	}
}

func TestLargeBodiesStreamWithinTheWindow(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	c, p := connect(t, nil)
	go func() { // an echo that respects windows on both sides
		f := p.expect(frame.Request)
		stream := f.Stream
		p.send(frame.Response, stream, `{"status":200}`)
		allowance, consumed := frame.Window, 0
		var pending bytes.Buffer
		ended := false
		for !ended || pending.Len() > 0 {
			for pending.Len() > 0 && allowance > 0 {
				chunk := pending.Next(min(pending.Len(), allowance, frame.BodyMax))
				allowance -= len(chunk)
				p.send(frame.Body, stream, string(chunk))
			}
			if ended && pending.Len() == 0 {
				break
			}
			f, err := p.r.Read()
			if err != nil {
				t.Errorf("peer reads: %v", err)
				return
			}
			switch f.Type {
			case frame.Body:
				pending.Write(f.Payload)
				if consumed += len(f.Payload); consumed >= frame.Window/2 {
					_, _ = p.nc.Write(frame.AppendWindow(nil, stream, consumed))
					consumed = 0
				}
			case frame.End:
				ended = true
			case frame.WindowMore:
				n, _ := frame.ParseWindow(f.Payload)
				allowance += n
			}
		}
		p.send(frame.End, stream, "")
	}()
	inv := invocation("")
	want := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	inv.Request.Body, inv.Request.ContentLength = io.NopCloser(bytes.NewReader(want)), -1
	result, err := c.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(result.Body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("echo of %d bytes gave %d bytes, %v", len(want), len(got), err)
	}
}

func TestGuestThatOverrunsItsWindowIsCutOff(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	go func() {
		f := p.expect(frame.Request)
		p.send(frame.Response, f.Stream, `{"status":200}`)
		flood := frame.Append(nil, frame.Body, f.Stream, make([]byte, frame.BodyMax))
		for {
			if _, err := p.nc.Write(flood); err != nil {
				return
			}
		}
	}()
	result, err := c.Exchange(t.Context(), invocation(""), func() {})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := c.Exchange(t.Context(), invocation(""), func() {}); errors.Is(err, guest.ErrNotSent) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := io.Copy(io.Discard, result.Body); !errors.Is(err, guest.ErrGone) {
		t.Errorf("body of a flooding guest ended with %v, want ErrGone", err)
	}
}

func TestFailuresOfTheFunction(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		play func(p *peer, stream uint32)
		want dayfly.FailureKind
	}{
		"exception": {func(p *peer, s uint32) {
			p.send(frame.Error, s, `{"kind":"exception","type":"ValueError","message":"boom"}`)
		}, dayfly.FailureException},
		"end without an answer": {func(p *peer, s uint32) { p.send(frame.End, s, "") }, dayfly.FailureResponse},
		"bad head": {func(p *peer, s uint32) {
			p.send(frame.Response, s, `{"status":9}`)
			p.send(frame.End, s, "")
		}, dayfly.FailureResponse},
		"error that is no JSON": {func(p *peer, s uint32) { p.send(frame.Error, s, `boom`) }, dayfly.FailureResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := connect(t, nil)
			go func() { tc.play(p, p.expect(frame.Request).Stream) }()
			result, err := c.Exchange(t.Context(), invocation(""), func() {})
			if err != nil {
				t.Fatal(err)
			}
			if result.Failure == nil || result.Failure.Kind != tc.want {
				t.Errorf("failure = %+v, want %s", result.Failure, tc.want)
			}
		})
	}
}

func TestAnswerPastItsLimitFails(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	sent := make(chan struct{})
	defer func() { <-sent }()
	go func() {
		defer close(sent)
		f := p.expect(frame.Request)
		p.send(frame.Response, f.Stream, `{"status":200}`)
		p.send(frame.Body, f.Stream, strings.Repeat("x", 101))
		p.send(frame.End, f.Stream, "")
	}()
	inv := invocation("")
	inv.Revision.Spec.Limits.ResponseBytes = 100
	result, err := c.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(result.Body)
	if failure, ok := guest.FailureOf(err); result.Failure == nil && (!ok || failure.Kind != dayfly.FailureTooLarge) {
		t.Errorf("answer of 101 bytes at a limit of 100: failure %v, read %v", result.Failure, err)
	}
}

func TestDeathOfTheGuestInMidCall(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	go func() {
		p.expect(frame.Request)
		_ = p.nc.Close()
	}()
	var done atomic.Int32
	if _, err := c.Exchange(t.Context(), invocation(""), func() { done.Add(1) }); !errors.Is(err, guest.ErrGone) {
		t.Errorf("Exchange() = %v, want ErrGone", err)
	}
	if done.Load() != 1 {
		t.Errorf("done was called %d times, want 1", done.Load())
	}
}

func TestCallWhoseBodyBreaksBeforeItIsSentFreesTheGuest(t *testing.T) {
	t.Parallel()
	c, _ := connect(t, nil)
	inv := invocation("short")
	inv.Request.ContentLength = 10
	var done atomic.Int32
	if _, err := c.Exchange(t.Context(), inv, func() { done.Add(1) }); dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("Exchange() = %v, want canceled", err)
	}
	if done.Load() != 1 {
		t.Errorf("done was called %d times, want 1 at once: the guest never heard of the call", done.Load())
	}
}

func TestBodyIsWholeAgainForAnotherGuest(t *testing.T) {
	t.Parallel()
	gone, p := connect(t, nil)
	_ = p.nc.Close()
	inv := invocation("hello")
	if _, err := gone.Exchange(t.Context(), inv, func() {}); !errors.Is(err, guest.ErrNotSent) {
		t.Fatalf("Exchange() with a guest that is gone = %v, want ErrNotSent", err)
	}
	c, p := connect(t, nil)
	go func() {
		f := p.expect(frame.Request)
		body := string(p.expect(frame.Body).Payload)
		p.send(frame.Response, f.Stream, `{"status":200}`)
		p.send(frame.Body, f.Stream, body)
		p.send(frame.End, f.Stream, "")
	}()
	result, err := c.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(result.Body); err != nil || string(body) != "hello" {
		t.Errorf("the other guest got %q, %v; want the whole body", body, err)
	}
}

func TestCancelReachesTheGuestAndItsAnswerIsThrownAway(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	freed := make(chan struct{})
	go func() {
		f := p.expect(frame.Request)
		cancel()
		p.expect(frame.Cancel)
		p.send(frame.Response, f.Stream, `{"status":200}`)
		for range 3 * frame.Window / frame.BodyMax {
			p.send(frame.Body, f.Stream, strings.Repeat("x", frame.BodyMax))
		}
		p.send(frame.End, f.Stream, "")
	}()
	_, err := c.Exchange(ctx, invocation(""), func() { close(freed) })
	if dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("Exchange() = %v, want canceled", err)
	}
	select {
	case <-freed:
	case <-time.After(10 * time.Second):
		t.Error("the guest was never through with the cancelled call")
	}
}

func TestACallerThatGoesAwayInMidAnswerIsToldAsSuch(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		f := p.expect(frame.Request)
		p.send(frame.Response, f.Stream, `{"status":200}`)
		p.send(frame.Body, f.Stream, "part")
	}()
	result, err := c.Exchange(ctx, invocation(""), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	if _, err := io.ReadFull(result.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := result.Body.Read(make([]byte, 1)); dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("Read() = %v, want canceled", err)
	}
}

func TestLogLinesKnowTheirCall(t *testing.T) {
	t.Parallel()
	type line struct {
		id     dayfly.InvocationID
		stream dayfly.LogStream
		text   string
	}
	lines := make(chan line, 4)
	c, p := connect(t, func(id dayfly.InvocationID, s dayfly.LogStream, text string) { lines <- line{id, s, text} })
	sent := make(chan struct{})
	defer func() { <-sent }()
	go func() {
		defer close(sent)
		f := p.expect(frame.Request)
		p.send(frame.Log, f.Stream, "\x01hello")
		p.send(frame.Log, 0, "\x02elsewhere")
		p.send(frame.Response, f.Stream, `{"status":200}`)
		p.send(frame.End, f.Stream, "")
	}()
	if _, err := c.Exchange(t.Context(), invocation(""), func() {}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []line{{"inv-1", dayfly.StreamStdout, "hello"}, {"", dayfly.StreamStderr, "elsewhere"}} {
		if got := <-lines; got != want {
			t.Errorf("line = %+v, want %+v", got, want)
		}
	}
}

func TestCallsOfASharedConnectionEndInAnyOrder(t *testing.T) {
	t.Parallel()
	c, p := connect(t, nil)
	go func() {
		p.expect(frame.Specialise)
		p.send(frame.Ready, 0, `{"serve":"frames"}`)
		first, second := p.expect(frame.Request).Stream, p.expect(frame.Request).Stream
		for _, stream := range []uint32{second, first} {
			p.send(frame.Response, stream, `{"status":200}`)
			p.send(frame.End, stream, "")
		}
	}()
	if _, err := c.Specialise(t.Context(), frame.SpecialiseHead{Concurrency: 2}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			result, err := c.Exchange(t.Context(), invocation(""), func() {})
			if err != nil || result.Status != 200 {
				t.Errorf("Exchange() = %+v, %v", result, err)
				return
			}
			if _, err := io.Copy(io.Discard, result.Body); err != nil {
				t.Errorf("read answer: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestLinesPrintedBetweenCallsArriveWithADrain(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 1)
	c, p := connect(t, func(_ dayfly.InvocationID, _ dayfly.LogStream, text string) { lines <- text })
	p.send(frame.Log, 0, "\x01late")
	for len(lines) == 0 {
		c.Drain()
	}
	if got := <-lines; got != "late" {
		t.Errorf("line = %q, want late", got)
	}
}

func TestHelloAndSpecialise(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer  frame.Type
		payload string
		failure bool
		ok      bool
	}{
		"ready":        {frame.Ready, `{"serve":"frames"}`, false, true},
		"init failure": {frame.Error, `{"kind":"init","type":"ImportError","message":"no module"}`, true, false},
		"nonsense":     {frame.Hello, `{}`, true, false},
		"no JSON":      {frame.Ready, `serve`, true, false},
		"no port":      {frame.Ready, `{"serve":"http"}`, true, false},
		"port too big": {frame.Ready, `{"serve":"http","port":65536}`, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := connect(t, nil)
			go func() {
				p.send(frame.Hello, 0, `{"protocol":1,"language":"test","version":"1"}`)
				f := p.expect(frame.Specialise)
				var head frame.SpecialiseHead
				if err := json.Unmarshal(f.Payload, &head); err != nil || head.Entry != "app.handler" {
					t.Errorf("specialise = %s, %v", f.Payload, err)
				}
				p.send(tc.answer, 0, tc.payload)
			}()
			if _, err := c.Hello(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := c.Specialise(t.Context(), frame.SpecialiseHead{Entry: "app.handler"})
			if _, failed := guest.FailureOf(err); failed != tc.failure || (err == nil) != tc.ok {
				t.Errorf("Specialise() = %v, want failure %v, ok %v", err, tc.failure, tc.ok)
			}
		})
	}
}
