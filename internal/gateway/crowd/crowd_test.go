// SPDX-License-Identifier: Apache-2.0

package crowd_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// elsewhere is a listener whose clients come from the addresses of a list, in turn.
type elsewhere struct {
	net.Listener
	mu    sync.Mutex
	names []string
}

// Accept implements net.Listener.
func (l *elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = c.(*net.TCPConn).SetWriteBuffer(512 << 10)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.names) == 0 {
		return c, nil
	}
	at, err := net.ResolveTCPAddr("tcp", l.names[0])
	l.names = l.names[1:]
	return named{c.(*net.TCPConn), at}, err
}

type named struct {
	*net.TCPConn
	at net.Addr
}

// RemoteAddr implements net.Conn.
func (n named) RemoteAddr() net.Addr { return n.at }

// serve runs a server for a crowd whose clients come from names, and gives its address.
func serve(t *testing.T, c *crowd.Crowd, h http.HandlerFunc, names ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: h, Protocols: protocols, IdleTimeout: time.Hour, ReadHeaderTimeout: time.Hour}
	c.Guard(s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(c.Listen(&elsewhere{Listener: l, names: names}))
	}()
	t.Cleanup(func() { _ = s.Close(); <-ended; _ = c.Close() })
	return l.Addr().String()
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// caller is a connection of a client.
type caller struct {
	net.Conn
	*bufio.Reader
}

// call connects, asks, and gives the status, 0 when there was no answer.
func call(t *testing.T, address string) (*caller, int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &caller{conn, bufio.NewReader(conn)}
	return c, c.ask()
}

func (c *caller) ask() int {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// eventually waits for something to become so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from []string
		want []int
	}{
		"IPv4":            {[]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1"}, []int{200, 200, 429, 200}},
		"IPv4 as IPv6":    {[]string{"192.0.2.1:1", "[::ffff:192.0.2.1]:2", "192.0.2.1:3"}, []int{200, 200, 429}},
		"a network":       {[]string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::ffff:0:0:1]:1"}, []int{200, 200, 429}},
		"networks":        {[]string{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "[2001:db8:0:3::1]:1"}, []int{200, 200, 200}},
		"this machine":    {[]string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, []int{200, 200, 200}},
		"this machine, 6": {[]string{"[::1]:1", "[::1]:2", "[::1]:3"}, []int{200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := crowd.New(crowd.Config{Connections: 100, PerAddress: 2}, quiet())
			address := serve(t, many, hello, c.from...)
			var first *caller
			for i, want := range c.want {
				conn, got := call(t, address)
				if got != want {
					t.Errorf("the connection of %s got %d, want %d", c.from[i], got, want)
				}
				if i == 0 {
					first = conn
				}
			}
			_ = first.Close()
			eventually(t, "a connection that ended is counted no more", func() bool { return many.Stats().Open < len(c.want) })
		})
	}
}

func TestAPlaceThatIsFreeIsGivenAway(t *testing.T) {
	t.Parallel()
	many := crowd.New(crowd.Config{Connections: 100, PerAddress: 1}, quiet())
	address := serve(t, many, hello, "192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3")
	first, status := call(t, address)
	if _, second := call(t, address); status != 200 || second != 429 {
		t.Fatalf("they got %d and %d", status, second)
	}
	_ = first.Close()
	eventually(t, "the first is gone", func() bool { return many.Stats().Open == 0 })
	if _, third := call(t, address); third != 200 {
		t.Errorf("the third got %d", third)
	}
	if s := many.Stats(); s.RefusedAddress != 1 || s.RefusedTotal != 0 {
		t.Errorf("counted %+v", s)
	}
}

// A full door closes what is idle, and refuses only when everybody is being served.
func TestAFullDoorMakesRoom(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	many := crowd.New(crowd.Config{Connections: 2}, slog.New(slog.NewTextHandler(&log, nil)))
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	held := make(chan struct{})
	address := serve(t, many, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			held <- struct{}{}
			<-release
		}
		hello(w, r)
	})
	idle, status := call(t, address)
	if status != 200 {
		t.Fatal(status)
	}
	hold := func() *caller {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
		<-held
		return &caller{conn, bufio.NewReader(conn)}
	}
	eventually(t, "it is idle", func() bool { return many.Stats().Idle == 1 })
	first := hold()
	hold() // has the place of the idle one
	if got := idle.ask(); got != 0 {
		t.Errorf("the connection that was idle goes on: %d", got)
	}
	for range 3 {
		if _, got := call(t, address); got != 503 {
			t.Errorf("a third got %d", got)
		}
	}
	free()
	_ = first.SetDeadline(time.Now().Add(patience))
	if resp, err := http.ReadResponse(first.Reader, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("the one that was served got %v, %v", resp, err)
	}
	if s := many.Stats(); s.ClosedIdle != 1 || s.RefusedTotal != 3 {
		t.Errorf("counted %+v", s)
	}
	if n := strings.Count(log.String(), "connections were refused"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, log.String())
	}
}

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String gives what was written.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A client that reads little by little is served, however much the kernel holds for it.
func TestSlowClientsAreServed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: is slow for seconds")
	}
	content := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	name := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, send := range map[string]func(http.ResponseWriter) error{
		"one write": func(w http.ResponseWriter) error { // which takes longer than a stall
			_, err := w.Write(content)
			return err
		},
		"a file": func(w http.ResponseWriter) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, err = io.Copy(w, f)
			return err
		},
		"a part of a file": func(w http.ResponseWriter) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, _ = w.Write(content[:1000])
			_, err = io.Copy(w, io.NewSectionReader(f, 1000, 1<<20))
			if err != nil {
				return err
			}
			if _, err = f.Seek(1000+1<<20, io.SeekStart); err != nil {
				return err
			}
			_, err = io.Copy(w, io.LimitReader(f, 100<<20))
			return err
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			failed := make(chan error, 1)
			many := crowd.New(crowd.Config{Connections: 2, Stall: 2 * time.Second}, quiet())
			address := serve(t, many, func(w http.ResponseWriter, _ *http.Request) { failed <- send(w) })
			got := sip(t, address)
			_, got, _ = bytes.Cut(got, []byte("\r\n\r\n"))
			if err := <-failed; err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes came of %d: %v, %+v", len(got), len(content), err, many.Stats())
			}
		})
	}
}

// sip asks for something and reads the answer little by little.
func sip(t *testing.T, address string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	buf, tick := make([]byte, 16<<10), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	var all []byte
	for {
		n, err := conn.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return all
		}
		<-tick.C
	}
}

// A client that takes nothing of a file is cut, too: the kernel is not left to wait for it.
func TestFilesAreNotSentForever(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "film")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1<<30); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	many := crowd.New(crowd.Config{Connections: 2, Stall: 50 * time.Millisecond}, quiet())
	address := serve(t, many, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		f, err := os.Open(name)
		if err == nil {
			defer f.Close()
			http.ServeContent(w, r, "", time.Time{}, f)
			_, err = w.Write([]byte("more"))
		}
		failed <- err
	})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	select {
	case <-failed:
	case <-time.After(patience):
		t.Fatal("a file goes on for a client that reads nothing")
	}
	if s := many.Stats(); s.CutConns != 1 {
		t.Errorf("it counted as %+v", s)
	}
}

// stream asks on a stream of HTTP/2 that may send window bytes, and gives what is read there.
func stream(t *testing.T, address string, window uint32) *http2.Framer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
	return framer
}

// Whatever a handler writes ends on a stream whose window does not open, also what the
// server sends by itself once the handler is through.
func TestStreamsWithoutAWindowAreCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		taken  int // of the window of 1000 bytes
	}{
		"much": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }, 1000},
		"little, sent when the handler is through": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 3000))
		}, 1000},
		"flushed": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 3000))
			_ = http.NewResponseController(w).Flush()
		}, 1000},
		"a file": {func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(make([]byte, 1<<20)))
		}, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			many := crowd.New(crowd.Config{Connections: 2, Stall: time.Second}, quiet())
			address := serve(t, many, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				c.answer(w, r)
			})
			framer, taken := stream(t, address, 1000), 0
			for {
				frame, err := framer.ReadFrame()
				if err != nil {
					t.Fatalf("the connection broke off: %v", err)
				}
				if data, ok := frame.(*http2.DataFrame); ok {
					taken += len(data.Data())
				}
				if _, ok := frame.(*http2.RSTStreamFrame); ok {
					break
				}
			}
			<-ended
			if taken != c.taken {
				t.Errorf("%d bytes came, want %d", taken, c.taken)
			}
		})
	}
}

// A client that opens its window byte by byte is no better than one that does not; one that
// takes enough is served, and so is one whose answer pauses.
func TestStreamsAreCutByWhatIsTaken(t *testing.T) {
	t.Parallel()
	const stall = 500 * time.Millisecond
	many := crowd.New(crowd.Config{Connections: 4, Stall: stall}, quiet())
	result := make(chan error, 2)
	address := serve(t, many, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for i := 0; i < 1000 && err == nil; i++ {
			if _, err = w.Write(make([]byte, 10)); err == nil {
				err = http.NewResponseController(w).Flush()
			}
		}
		result <- err
	})
	framer := stream(t, address, 0)
	for { // ten bytes for each that wait: the writes alone would go on for ever
		select {
		case err := <-result:
			if err == nil {
				t.Error("all of it was taken, byte by byte")
			}
			return
		case <-time.After(stall / 20):
			if err := framer.WriteWindowUpdate(1, 10); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
		}
	}
}

func TestStreamsMayPause(t *testing.T) {
	t.Parallel()
	const stall = time.Second
	many := crowd.New(crowd.Config{Connections: 4, Stall: stall}, quiet())
	result := make(chan error, 1)
	address := serve(t, many, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for range 2 {
			<-time.After(3 * stall / 2) // the function is quiet
			_, werr := io.WriteString(w, "data: x\n\n")
			err = errors.Join(err, werr, http.NewResponseController(w).Flush())
		}
		result <- err
	})
	framer := stream(t, address, 1<<20)
	go func() {
		for {
			if _, err := framer.ReadFrame(); err != nil {
				return
			}
		}
	}()
	if err := <-result; err != nil || many.Stats().CutStreams != 0 {
		t.Errorf("the stream ended with %v, %+v", err, many.Stats())
	}
}
