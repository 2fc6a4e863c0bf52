// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// rawGuest is a guest whose frames are read and written by hand.
type rawGuest struct {
	*process
	nc     net.Conn
	frames *frame.Reader
}

// raw boots and specialises a guest by hand.
func raw(t *testing.T, code string) *rawGuest {
	t.Helper()
	p, nc := start(t)
	g := &rawGuest{process: p, nc: nc, frames: frame.NewReader(nc)}
	_ = nc.SetDeadline(time.Now().Add(patience))
	g.expect(frame.Hello, 0, "")
	payload, err := json.Marshal(head(task(t, files{"app.js": code}), "lambda", "app.handler"))
	if err != nil {
		t.Fatal(err)
	}
	g.send(frame.Append(nil, frame.Specialise, 0, payload))
	g.expect(frame.Ready, 0, "")
	return g
}

func (g *rawGuest) send(b []byte) {
	g.t.Helper()
	if _, err := g.nc.Write(b); err != nil {
		g.t.Fatal(err)
	}
}

// expect reads one frame, which must be of that type and stream and hold text.
func (g *rawGuest) expect(kind frame.Type, stream uint32, text string) {
	g.t.Helper()
	f, err := g.frames.Read()
	if err != nil {
		g.t.Fatalf("wait for frame of type %d: %v", kind, err)
	}
	if f.Type != kind || f.Stream != stream || !strings.Contains(string(f.Payload), text) {
		g.t.Fatalf("frame type %d stream %d %.100q, want type %d stream %d %q",
			f.Type, f.Stream, f.Payload, kind, stream, text)
	}
}

// call is a whole bare event as frames.
func call(stream uint32, body string) []byte {
	b := frame.Append(nil, frame.Request, stream,
		fmt.Appendf(nil, `{"id":"call-%d","kind":"event","deadline_ms":1,"received_ms":1}`, stream))
	for len(body) > 0 {
		n := min(len(body), frame.BodyMax)
		b = frame.Append(b, frame.Body, stream, []byte(body[:n]))
		body = body[n:]
	}
	return frame.Append(b, frame.End, stream, nil)
}

func TestWireTakesFramesHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	g := raw(t, "exports.handler = async (e) => e.length")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var stream uint32
	for round := range 60 {
		var b []byte
		sizes := make([]int, 1+random.IntN(5))
		for i := range sizes {
			sizes[i] = random.IntN([]int{1, 100, 5000, 200000}[round%4] + 1)
			b = append(b, call(stream+uint32(i)+1, `"`+strings.Repeat("x", sizes[i])+`"`)...)
		}
		for len(b) > 0 { // odd cuts, within heads too
			n := min(len(b), 1+random.IntN([]int{3, 30, 70000, 1 << 20}[random.IntN(4)]))
			if len(b) > 4096 && n < 1024 {
				n = 1024
			}
			g.send(b[:n])
			b = b[n:]
		}
		for _, size := range sizes {
			stream++
			for {
				f, err := g.frames.Read()
				if err != nil {
					t.Fatal(err)
				}
				if f.Type == frame.WindowMore {
					continue
				}
				if f.Type != frame.Response || f.Stream != stream {
					t.Fatalf("frame type %d stream %d %q, want the answer of %d", f.Type, f.Stream, f.Payload,
						stream)
				}
				break
			}
			g.expect(frame.Body, stream, fmt.Sprint(size))
			g.expect(frame.End, stream, "")
		}
	}
}

func TestWireIgnoresWhatIsLate(t *testing.T) {
	t.Parallel()
	g := raw(t, "exports.handler = async (e) => e")
	late := frame.Append(nil, frame.Body, 9, []byte("x"))
	late = frame.Append(late, frame.End, 9, nil)
	late = frame.Append(late, frame.Cancel, 9, nil)
	late = frame.AppendWindow(late, 9, 5)
	late = frame.Append(late, 99, 9, []byte("a type of the future"))
	g.send(append(late, call(1, "1")...))
	g.expect(frame.Response, 1, "200")
	g.expect(frame.Body, 1, "1")
	g.expect(frame.End, 1, "")
	g.send(append(late, call(2, "2")...))
	g.expect(frame.Response, 2, "200")
}

func TestWireEndsOnAFrameThatIsTooLong(t *testing.T) {
	t.Parallel()
	g := raw(t, "exports.handler = async (e) => e")
	g.send([]byte{0xff, 0xff, 0xff, byte(frame.Body), 0, 0, 0, 1})
	if code := g.ended(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

func TestWireCancelStillEndsTheStream(t *testing.T) {
	t.Parallel()
	g := raw(t,
		`exports.handler = (e) => new Promise((r) => setTimeout(r, 30, 'x'.repeat(1 << 20)))`)
	g.send(frame.Append(call(1, "1"), frame.Cancel, 1, nil))
	for {
		f, err := g.frames.Read()
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == frame.Body {
			t.Fatal("a body was sent for a call that nobody waits for")
		}
		if f.Type == frame.End || f.Type == frame.Error {
			return
		}
	}
}

func TestWireKeepsToTheWindow(t *testing.T) {
	t.Parallel()
	g := raw(t, `exports.handler = async (e) => 'x'.repeat(1 << 20)`)
	g.send(call(1, "1"))
	g.expect(frame.Response, 1, "")
	received := 0
	take := func(want int) {
		t.Helper()
		for received < want {
			f, err := g.frames.Read()
			if err != nil || f.Type != frame.Body {
				t.Fatalf("frame type %d, %v after %d bytes", f.Type, err, received)
			}
			received += len(f.Payload)
		}
		if received > want {
			t.Fatalf("%d bytes were sent, %d were allowed", received, want)
		}
	}
	take(frame.Window)
	g.send(call(2, "1")) // the guest is alive, and sends nothing more on the first
	g.expect(frame.Response, 2, "")
	for sent := 0; sent < frame.Window; {
		f, err := g.frames.Read()
		if err != nil || f.Stream != 2 {
			t.Fatalf("stream %d sent past its window, %v", f.Stream, err)
		}
		sent += len(f.Payload)
	}
	g.send(frame.AppendWindow(nil, 1, 100))
	take(frame.Window + 100)
	g.send(frame.AppendWindow(nil, 1, 1<<20))
	take(1<<20 + 2) // with the quotes of JSON
	g.expect(frame.End, 1, "")
}
