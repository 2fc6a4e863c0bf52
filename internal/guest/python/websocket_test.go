// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
)

// hosted is a guest behind the host's own side of the protocol.
type hosted struct {
	t     *testing.T
	conn  *guest.Conn
	nc    net.Conn
	cmd   *exec.Cmd
	ready frame.ReadyHead

	mu   sync.Mutex
	logs []string
}

func host(t *testing.T, interpreter string, head frame.SpecialiseHead) *hosted {
	t.Helper()
	compileOnce(t, interpreter)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "guest")
	nc, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	h := &hosted{t: t, nc: nc}
	h.conn = guest.NewConn(nc, func(_ dayfly.InvocationID, _ dayfly.LogStream, text string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.logs = append(h.logs, text)
	})
	h.cmd = exec.Command(interpreter, append(python.Args(), filepath.Join(guestDir, python.Entry))...)
	h.cmd.Env, h.cmd.ExtraFiles, h.cmd.Stderr = []string{}, []*os.File{theirs}, os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	t.Cleanup(func() { _ = h.conn.Close(); _ = h.cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := h.conn.Hello(ctx); err != nil {
		t.Fatal(err)
	}
	head.Task, head.Function, head.Revision = testdata(t), "demo", "demo.default@1"
	if h.ready, err = h.conn.Specialise(ctx, head); err != nil {
		t.Fatal(err)
	}
	return h
}

// RoundTrip implements http.RoundTripper: a client of HTTP calls the guest.
func (h *hosted) RoundTrip(r *http.Request) (*http.Response, error) {
	spec := dayfly.DefaultSpec()
	inv := &dayfly.Invocation{ID: "inv-1", Revision: &dayfly.Revision{Spec: spec},
		Request: dayfly.Request{Kind: dayfly.RequestHTTP, Method: r.Method, Path: r.URL.Path,
			RawQuery: r.URL.RawQuery, Host: r.Host, Scheme: "http", Proto: "HTTP/1.1",
			Header: r.Header.Clone(), Body: http.NoBody, RemoteAddr: "192.0.2.7"}}
	result, err := h.conn.Exchange(r.Context(), inv, func() {})
	if err != nil {
		return nil, err
	}
	if result.Failure != nil && result.Body == nil {
		return nil, result.Failure
	}
	return &http.Response{StatusCode: result.Status, Header: result.Header, Body: result.Body}, nil
}

func (h *hosted) dial(path string, options *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	if options == nil {
		options = &websocket.DialOptions{}
	}
	options.HTTPClient = &http.Client{Transport: h}
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	h.t.Cleanup(cancel)
	return websocket.Dial(ctx, "ws://localhost"+path, options)
}

// awaitLog waits for a line that the guest printed.
func (h *hosted) awaitLog(want string) {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		h.mu.Lock()
		found := slices.ContainsFunc(h.logs, func(line string) bool { return strings.Contains(line, want) })
		h.mu.Unlock()
		if found {
			return
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	h.t.Errorf("the guest did not print %q but %q", want, h.logs)
}

func sockets(t *testing.T, concurrency int) *hosted {
	t.Helper()
	return host(t, system(t), frame.SpecialiseHead{Dialect: "asgi", Entry: "sockets.app", Concurrency: concurrency})
}

func TestWebSocketsSpeak(t *testing.T) {
	t.Parallel()
	for i, interpreter := range append(interpreters(t), system(t)) {
		h := host(t, interpreter, frame.SpecialiseHead{Dialect: "asgi", Entry: "sockets.app",
			Concurrency: []int{1, 80}[i%2]})
		c, resp, err := h.dial("/talk?a=b", &websocket.DialOptions{Subprotocols: []string{"one", "two"}})
		if err != nil {
			t.Fatal(err)
		}
		if c.Subprotocol() != "two" || resp.Header.Get("X-Scheme") != "ws" {
			t.Errorf("subprotocol %q, headers %v; want two and the scheme ws", c.Subprotocol(), resp.Header)
		}
		c.SetReadLimit(2 << 20)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		expect := func(want string) {
			t.Helper()
			if _, got, err := c.Read(ctx); err != nil || string(got) != want {
				t.Fatalf("the socket said %.40q (%v), want %.40q", got, err, want)
			}
		}
		write := func(kind websocket.MessageType, text string) {
			t.Helper()
			if err := c.Write(ctx, kind, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		expect("at startup a=b")
		write(websocket.MessageText, "héllo")
		expect("HÉLLO")
		big := strings.Repeat("x", 700_000)
		write(websocket.MessageBinary, big)
		expect(big)
		write(websocket.MessageText, "large")
		expect(strings.Repeat("z", 1000000))
		// A ping is answered while the application waits for a message.
		go func() { _, _, _ = c.Read(ctx) }()
		if err := c.Ping(ctx); err != nil {
			t.Errorf("ping: %v", err)
		}
		_ = c.Close(4321, "bye")
		h.awaitLog("left 4321 bye")
		if resp, err := (&http.Client{Transport: h}).Get("http://localhost/after"); err != nil {
			t.Errorf("a call after the socket: %v", err)
		} else if body, _ := io.ReadAll(resp.Body); string(body) != "http" {
			t.Errorf("a call after the socket gave %q", body)
		}
		cancel()
	}
}

func TestWebSocketsEnd(t *testing.T) {
	t.Parallel()
	h := sockets(t, 1)
	for path, want := range map[string]websocket.StatusCode{"/return": 1000, "/close": 4001, "/raise": 1011} {
		c, _, err := h.dial(path, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, _, err = c.Read(ctx)
		if websocket.CloseStatus(err) != want {
			t.Errorf("%s ended with %v, want status %d", path, err, want)
		}
		_ = c.CloseNow()
		cancel()
	}
	h.awaitLog("LookupError: late")
	for path, want := range map[string]int{"/refuse": 403, "/deny": 401, "/return-early": 500} {
		_, resp, err := h.dial(path, nil)
		if err == nil || resp == nil || resp.StatusCode != want {
			t.Errorf("%s gave %v, want status %d", path, err, want)
		}
	}
	if _, _, err := h.dial("/raise-early", nil); err == nil {
		t.Error("an exception before the handshake opened the socket")
	}
	h.awaitLog("LookupError: early")
	c, _, err := h.dial("/talk", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
	h.awaitLog("left 1006")
}

func TestLifespanEndsWithTheInstance(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *hosted) error{
		"signal": func(h *hosted) error { return h.cmd.Process.Signal(unix.SIGTERM) },
		"frame": func(h *hosted) error {
			_, err := h.nc.Write(frame.Append(nil, frame.Cancel, 0, nil))
			return err
		},
	} {
		h := sockets(t, 80)
		if h.ready.ShutdownMillis != 2000 {
			t.Errorf("ready asks for %d ms to shut down, want 2000", h.ready.ShutdownMillis)
		}
		if err := end(h); err != nil {
			t.Fatal(err)
		}
		h.awaitLog("shut down")
		if err := h.cmd.Wait(); err != nil {
			t.Errorf("%s: the guest ended with %v, want 0", name, err)
		}
	}
}

// raw opens a socket whose bytes the test writes itself.
func (h *hosted) raw() io.ReadWriteCloser {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, "http://localhost/talk", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	resp, err := h.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		h.t.Fatalf("handshake = %v, %v", resp, err)
	}
	if got := resp.Header.Get("Sec-Websocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		h.t.Errorf("accept = %q, want that of RFC 6455", got)
	}
	pipe := resp.Body.(io.ReadWriteCloser)
	h.t.Cleanup(func() { _ = pipe.Close() })
	return pipe
}

// masked is a client's frame under the mask 1 2 3 4.
func masked(first byte, payload string) []byte {
	out := []byte{first}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 65536:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := []byte{1, 2, 3, 4}
	out = append(out, mask...)
	for i := range len(payload) {
		out = append(out, payload[i]^mask[i%4])
	}
	return out
}

// said reads the frames that a server sends, as "opcode:payload", to the end.
func said(r io.Reader) ([]string, error) {
	all, err := io.ReadAll(r)
	var frames []string
	for len(all) >= 2 {
		n, at := int(all[1]), 2
		if n == 126 {
			n, at = int(binary.BigEndian.Uint16(all[2:])), 4
		}
		if len(all) < at+n {
			return frames, errors.New("half a frame")
		}
		frames = append(frames, string('0'+rune(all[0]&15))+":"+string(all[at:at+n]))
		all = all[at+n:]
	}
	return frames, err
}

func TestWebSocketFramesInPieces(t *testing.T) {
	t.Parallel()
	h := sockets(t, 80)
	pipe := h.raw()
	stream := slices.Concat(masked(0x01, "ab"), masked(0x89, "ping"), masked(0x00, ""), masked(0x80, "cd"),
		masked(0x82, strings.Repeat("e", 300)))
	for i := range stream {
		if _, err := pipe.Write(stream[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	heard := make([]byte, 2+len("at startup ")+2+len("ping")+2+len("ABCD")+4+300)
	if _, err := io.ReadFull(pipe, heard); err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Write(masked(0x88, "\x03\xe8bye")); err != nil {
		t.Fatal(err)
	}
	got, err := said(io.MultiReader(bytes.NewReader(heard), pipe))
	want := []string{"1:at startup ", "::ping", "1:ABCD", "2:" + strings.Repeat("e", 300), "8:\x03\xe8"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the server said %q (%v), want %q", got, err, want)
	}
}

func TestHostileWebSocketFramesEndTheSocketOnly(t *testing.T) {
	t.Parallel()
	h := sockets(t, 80)
	huge := binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<40)
	for name, row := range map[string]struct {
		bytes []byte
		code  uint16
	}{
		"not masked":              {[]byte{0x81, 0x01, 'a'}, 1002},
		"reserved bits":           {masked(0xc1, "a"), 1002},
		"unknown opcode":          {masked(0x83, "a"), 1002},
		"continuation of nothing": {masked(0x80, "a"), 1002},
		"message in a message":    {append(masked(0x01, "a"), masked(0x01, "b")...), 1002},
		"control in fragments":    {masked(0x09, "a"), 1002},
		"long control":            {masked(0x89, strings.Repeat("a", 126)), 1002},
		"length written long":     {[]byte{0x81, 0xfe, 0, 1, 1, 2, 3, 4, 'a'}, 1002},
		"negative length":         {[]byte{0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 1002},
		"too large":               {huge, 1009},
		"too large together":      {append(masked(0x02, strings.Repeat("a", 1<<20)), append([]byte{0x80, 0xff}, huge[2:]...)...), 1009},
		"text that is no UTF-8":   {masked(0x81, "\xff"), 1007},
		"close of one byte":       {masked(0x88, "a"), 1002},
		"close code that is none": {masked(0x88, "\x03\xed"), 1002},
		"reason that is no UTF-8": {masked(0x88, "\x03\xe8\xff"), 1007},
	} {
		pipe := h.raw()
		if _, err := pipe.Write(row.bytes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		frames, err := said(pipe)
		last := frames[len(frames)-1]
		want := "8:" + string(binary.BigEndian.AppendUint16(nil, row.code))
		if err != nil || !strings.HasPrefix(last, want) {
			t.Errorf("%s: the server ended with %q (%v), want a close of %d", name, last, err, row.code)
		}
	}
	if _, _, err := h.dial("/close", nil); err != nil {
		t.Errorf("a socket after the hostile ones: %v", err)
	}
}

func TestWebSocketHandshakesThatAreNone(t *testing.T) {
	t.Parallel()
	h := sockets(t, 1)
	for name, row := range map[string]struct {
		version, key string
		status       int
	}{
		"other version": {"8", "dGhlIHNhbXBsZSBub25jZQ==", 426}, "no key": {"13", "", 400},
		"short key": {"13", "YQ==", 400}, "key that is no base64": {"13", "é", 400},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/talk", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {row.version},
			"Sec-Websocket-Key": {row.key}}
		resp, err := h.RoundTrip(r)
		if err != nil || resp.StatusCode != row.status {
			t.Errorf("%s: %v, %v; want status %d", name, resp, err, row.status)
		}
	}
}

func TestParserOfWebSocketFramesHoldsAgainstAnything(t *testing.T) {
	t.Parallel()
	for _, interpreter := range interpreters(t) {
		for _, seed := range []string{"1", "2", "3"} {
			out, err := exec.CommandContext(t.Context(), interpreter, "-I", "-B",
				"testdata/fuzz_frames.py", guestDir, seed).CombinedOutput()
			if broken, _ := strconv.Atoi(strings.TrimSpace(string(out))); err != nil || broken < 100 {
				t.Errorf("%s: seed %s: %v: %s", interpreter, seed, err, out)
			}
		}
	}
}
