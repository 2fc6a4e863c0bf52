// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// pattern is a body whose pieces can be told apart.
func pattern(size int) []byte {
	data := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		data[i] = byte(i / 4096)
	}
	return data
}

// upload sends a body within the window that the guest grants, and gives the answer.
func (g *client) upload(stream uint32, body []byte) *answer {
	g.t.Helper()
	a, credit := &answer{}, 262144
	over := false
	for len(body) > 0 && !over {
		if n := min(len(body), 65536, credit); n > 0 {
			g.send(typeBody, stream, body[:n])
			body, credit = body[n:], credit-n
			continue
		}
		f := g.read()
		if f.kind == typeWindow {
			credit += int(binary.BigEndian.Uint32(f.payload))
			continue
		}
		over = a.take(g.t, f)
		if f.kind == typeBody {
			g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))))
		}
	}
	g.send(typeEnd, stream, nil)
	if !over {
		rest := g.finish(stream)
		rest.Body = a.Body + rest.Body
		return rest
	}
	return a
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	body := pattern(size)
	sum := 0
	for i := 0; i < size; i += 4096 {
		sum += int(body[i])
	}
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.measure", Concurrency: concurrency})
		a := g.upload(g.open(request{Method: "POST", Length: size}), body)
		if want := fmt.Sprintf(`{"size":%d,"sum":%d}`, size, sum); a.Body != want {
			t.Errorf("lambda upload = %s %v, want %s", a.Body, a.Error, want)
		}
		g.stop()

		g = serve(t, spec{Dialect: "lambda", Entry: "events.large", Concurrency: concurrency})
		stream := g.open(request{Query: fmt.Sprintf("size=%d", size)})
		g.send(typeEnd, stream, nil)
		if a = g.finish(stream); len(a.Body) != size {
			t.Errorf("lambda download = %d bytes %v, want %d", len(a.Body), a.Error, size)
		}
		g.stop()

		g = serve(t, spec{Dialect: "wsgi", Entry: "gateway.reading", Concurrency: concurrency})
		if a = g.upload(g.open(request{Method: "POST", Path: "/echo", Length: -1}),
			body); a.Body != string(body) {
			t.Errorf("wsgi echo = %d bytes %v, want what was sent", len(a.Body), a.Error)
		}
		g.stop()
	}
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	if a := g.upload(g.open(request{Method: "POST", Path: "/echo", Length: -1}),
		body); a.Body != string(body) {
		t.Errorf("asgi echo = %d bytes %v, want what was sent", len(a.Body), a.Error)
	}
}

func TestUploadsAndDownloadsTakeConstantMemory(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.reading"})
	before := residentKB(t, g)
	a := g.upload(g.open(request{Method: "POST", Path: "/count", Length: size}), make([]byte, size))
	if a.Body != fmt.Sprint(size) {
		t.Fatalf("upload = %q %v", a.Body, a.Error)
	}
	if grown := residentKB(t, g) - before; grown > 4096 {
		t.Errorf("a body of 32 MiB made the guest grow by %d KiB, want at most 4096", grown)
	}
}

func residentKB(t *testing.T, g *client) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		t.Skipf("no /proc to read memory from: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestASenderWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "wsgi", Entry: "gateway.styles"}, {Dialect: "asgi",
		Entry: "loops.app"},
		{Dialect: "wsgi", Entry: "gateway.styles", Concurrency: 2}} {
		g := serve(t, s)
		stream := g.open(request{Path: "/endless"})
		g.send(typeEnd, stream, nil)
		got := 0
		for got < 262144 {
			if f := g.read(); f.kind == typeBody {
				got += len(f.payload)
			}
		}
		// Nothing more may come until more is granted.
		_ = g.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := g.conn.Read(make([]byte, 1)); err == nil || !os.IsTimeout(err) {
			t.Fatalf("%s: guest sent %d bytes (%v) without allowance, after %d", s.Dialect, n, err,
				got)
		}
		g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, 10))
		if f := g.read(); f.kind != typeBody || len(f.payload) != 10 {
			t.Errorf("%s: after a grant of 10 came frame %d of %d bytes", s.Dialect, f.kind,
				len(f.payload))
		}
		g.send(typeCancel, stream, nil)
		g.finish(stream)
		path, want := "/closed", `["endless"]`
		if s.Dialect == "asgi" {
			path, want = "/log", `[["startup", "listened"]`
		}
		if a := g.call(request{Path: path}); !strings.HasPrefix(a.Body, want) {
			t.Errorf("%s: after cancel: %q, want %q", s.Dialect, a.Body, want)
		}
		g.stop()
	}
}

func TestCancelWhileABodyIsRead(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "wsgi", Entry: "gateway.reading"}, {Dialect: "lambda",
		Entry: "events.echo"},
		{Dialect: "wsgi", Entry: "gateway.reading", Concurrency: 2}} {
		g := serve(t, s)
		stream := g.open(request{Method: "POST", Path: "/read", Length: 10})
		g.send(typeBody, stream, []byte("part"))
		g.send(typeCancel, stream, nil)
		g.finish(stream)
		if a := g.call(request{Method: "POST", Path: "/read", body: "whole"}); a.Status != 200 {
			t.Errorf("%s: answer after a canceled one = %d %v", s.Dialect, a.Status, a.Error)
		}
		g.stop()
	}
}

func TestCallsOfOneInstance(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.counting"})
	for i := range 20 {
		if a := g.call(request{body: strings.Repeat("unread", i)}); a.Body != fmt.Sprint(i+1) {
			t.Fatalf("call %d = %q", i+1, a.Body)
		}
	}
}

func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "lambda", Entry: "events.echo"}, {Dialect: "asgi",
		Entry: "loops.app"}} {
		g := serve(t, s)
		head, err := json.Marshal(map[string]any{"id": "x", "kind": "http", "method": "GET",
			"path": "/any", "length": 2})
		if err != nil {
			t.Fatal(err)
		}
		data := slices.Concat(encode(typeRequest, 1, head), encode(typeBody, 1, []byte("ab")),
			encode(typeEnd, 1, nil))
		for _, b := range data {
			g.raw([]byte{b})
		}
		if a := g.finish(1); a.Status != 200 {
			t.Errorf("%s: answer = %d %v", s.Dialect, a.Status, a.Error)
		}
		g.stop()
	}
}

// TestGarbage feeds frames that no host sends. The guest may answer, ignore or end;
// it must not hang nor spin once the connection is closed.
func TestGarbage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	entries := []spec{{Dialect: "lambda", Entry: "events.echo"}, {Dialect: "wsgi",
		Entry: "gateway.reading", Concurrency: 2},
		{Dialect: "asgi", Entry: "loops.app"}}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		g := serve(t, entries[round%len(entries)])
		go func() { // the guest's answers, so that it never waits for us
			buffer := make([]byte, 65536)
			for {
				if _, err := g.conn.Read(buffer); err != nil {
					return
				}
			}
		}()
		for range 50 {
			payload := make([]byte, random.IntN(200))
			for i := range payload {
				payload[i] = byte(random.UintN(256))
			}
			if random.IntN(3) == 0 {
				payload = []byte(`{"id":3,"kind":"http","headers":[["a","b"]],"length":4}`)
			}
			data := encode(random.IntN(16), uint32(random.IntN(4)), payload)
			if random.IntN(20) == 0 {
				data = data[:random.IntN(len(data)+1)]
			}
			_ = g.conn.SetWriteDeadline(time.Now().Add(patience))
			if _, err := g.conn.Write(data); err != nil {
				break
			}
		}
		g.stop()
	}
	g := boot(t, system(t))
	g.raw([]byte{0xff, 0xff, 0xff, typeSpecialise, 0, 0, 0, 0})
	<-g.exited
}

func TestGuestIsSmallAndQuick(t *testing.T) {
	g := boot(t, system(t)) // compiles, and warms the file cache
	g.stop()
	start := time.Now()
	g = boot(t, system(t))
	took := time.Since(start)
	kb := residentKB(t, g)
	t.Logf("hello after %s, %d KiB resident", took, kb)
	if kb > 28<<10 {
		t.Errorf("a stem takes %d KiB, want at most 28 MiB", kb)
	}
}

func TestWhatDoesNotFitAFrameIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.long_headers"})
	a := g.call(request{})
	if a.Error["kind"] != "bad_response" || !strings.HasPrefix(a.Error["message"].(string),
		"the response's headers take 1048") {
		t.Errorf("error = %v", a.Error)
	}
	g = serve(t, spec{Dialect: "lambda", Entry: "events.long_type"})
	if a = g.call(request{}); !strings.HasPrefix(fmt.Sprint(a.Error["type"]), "TTTT") {
		t.Errorf("error = %.100v", a.Error)
	}
}

// TestAGuestReadsWhileItSends writes more than the socket holds while nobody reads the
// guest's answer: a guest that only sends would wait for us, and we for it.
func TestAGuestReadsWhileItSends(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "wsgi", Entry: "gateway.styles"},
		{Dialect: "asgi", Entry: "loops.app"},
		{Dialect: "wsgi", Entry: "gateway.styles", Concurrency: 2}} {
		g := serve(t, s)
		stream := g.open(request{Method: "POST", Path: "/endless", Length: -1})
		for range 8 {
			g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, 8<<20))
		}
		for range 4 {
			g.send(typeBody, stream, make([]byte, 65536))
		}
		for range 60_000 { // 720 KB of grants
			g.send(typeWindow, stream, []byte{0, 0, 0, 1})
		}
		g.send(typeCancel, stream, nil)
		g.finish(stream)
		if a := g.call(request{Path: "/other"}); a.Status != 200 {
			t.Errorf("%s: next call = %d %v", s.Dialect, a.Status, a.Error)
		}
		g.stop()
	}
}
