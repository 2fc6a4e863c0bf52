// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
)

// upstream sends one stream's body as its window allows, from a goroutine of its own.
type upstream struct {
	id     uint32
	body   []byte
	grants chan int // closed when the stream is over
	echoed bytes.Buffer
}

// run sends the body. Frames of several streams must not mix: mu guards the writes.
func (u *upstream) run(g *client, mu *sync.Mutex) {
	credit, body := 262144, u.body
	for len(body) > 0 {
		for credit == 0 {
			more, open := <-u.grants
			if !open {
				return
			}
			credit += more
		}
		n := min(len(body), 65536, credit)
		mu.Lock()
		_, err := g.conn.Write(encode(typeBody, u.id, body[:n]))
		mu.Unlock()
		if err != nil {
			return
		}
		body, credit = body[n:], credit-n
	}
	mu.Lock()
	defer mu.Unlock()
	_, _ = g.conn.Write(encode(typeEnd, u.id, nil))
}

// TestManyStreamsEchoAtOnce keeps both windows of several streams busy at once.
func TestManyStreamsEchoAtOnce(t *testing.T) {
	t.Parallel()
	const streams, size = 6, 1 << 20
	for _, s := range []spec{
		{Dialect: "wsgi", Entry: "gateway.reading", Concurrency: streams},
		{Dialect: "asgi", Entry: "loops.app", Concurrency: streams},
	} {
		g := serve(t, s)
		var mu sync.Mutex
		var writers sync.WaitGroup
		open := map[uint32]*upstream{}
		for i := range streams {
			id := g.open(request{Method: "POST", Path: "/echo", Length: -1})
			open[id] = &upstream{id: id, body: bytes.Repeat([]byte{byte('a' + i)}, size),
				grants: make(chan int, size)}
		}
		for _, u := range open {
			writers.Go(func() { u.run(g, &mu) })
		}
		// Whoever reads must never wait for a write: the guest may be waiting for it.
		windows := make(chan []byte, streams*size/1024)
		writers.Go(func() {
			for data := range windows {
				mu.Lock()
				_, _ = g.conn.Write(data)
				mu.Unlock()
			}
		})
		for over := 0; over < streams; {
			f := g.read()
			u := open[f.stream]
			switch f.kind {
			case typeWindow:
				u.grants <- int(binary.BigEndian.Uint32(f.payload))
			case typeBody:
				u.echoed.Write(f.payload)
				windows <- encode(typeWindow, f.stream,
					binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))))
			case typeError:
				t.Fatalf("%s: stream %d failed: %s", s.Dialect, f.stream, f.payload)
			case typeEnd:
				over++
				close(u.grants)
				if !bytes.Equal(u.echoed.Bytes(), u.body) {
					t.Errorf("%s: stream %d echoed %d bytes, want its own %d", s.Dialect,
						f.stream, u.echoed.Len(), size)
				}
			}
		}
		close(windows)
		writers.Wait()
		g.stop()
	}
}
