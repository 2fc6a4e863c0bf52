// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// request is the head of one call, with its body.
type request struct {
	Kind     string      `json:"kind"`
	Method   string      `json:"method,omitempty"`
	Path     string      `json:"path,omitempty"`
	Prefix   string      `json:"prefix"`
	Query    string      `json:"query"`
	Host     string      `json:"host,omitempty"`
	Headers  [][2]string `json:"headers"`
	Length   int64       `json:"length"`
	ID       string      `json:"id"`
	Deadline int64       `json:"deadline_ms"`
	Received int64       `json:"received_ms"`
	Proto    string      `json:"proto"`
	Scheme   string      `json:"scheme"`
	Remote   string      `json:"remote"`
	Trace    string      `json:"trace"`

	body string
}

const received = 1583348638390 // 4 March 2020, the epoch in AWS's own sample

// open sends the head of a call and gives its stream.
func (g *client) open(r request) uint32 {
	g.t.Helper()
	g.next++
	if r.Kind == "" {
		r.Kind = "http"
	}
	if r.Kind == "http" {
		r.Method, r.Path = or(r.Method, "GET"), or(r.Path, "/")
		r.Host, r.Remote = or(r.Host, "localhost:8080"), or(r.Remote, "192.0.2.7")
		r.Proto, r.Scheme = or(r.Proto, "HTTP/1.1"), or(r.Scheme, "http")
	}
	r.ID = fmt.Sprintf("call-%d", g.next)
	r.Received, r.Deadline = received, time.Now().Add(30*time.Second).UnixMilli()
	if r.body != "" {
		r.Length = int64(len(r.body))
	}
	if r.Headers == nil {
		r.Headers = [][2]string{}
	}
	data, err := json.Marshal(r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.send(typeRequest, g.next, data)
	return g.next
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// answer is what came back on one stream.
type answer struct {
	Status  int
	Headers [][2]string
	Failure map[string]any // of a response that tells of one
	Error   map[string]any // the error frame
	Body    string
	Logs    []string // "1 line" or "2 line"
	Frames  []int    // the types, logs left out
}

func (a *answer) header(name string) string {
	for _, h := range a.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// take reads one frame into the answer of its stream and tells whether it is over.
func (a *answer) take(t testing.TB, f wireFrame) bool {
	t.Helper()
	if f.kind == typeLog {
		if len(f.payload) > 16385 {
			t.Errorf("log line has %d bytes, want at most 16384", len(f.payload)-1)
		}
		a.Logs = append(a.Logs, fmt.Sprintf("%d %s", f.payload[0], f.payload[1:]))
		return false
	}
	a.Frames = append(a.Frames, f.kind)
	switch f.kind {
	case typeResponse:
		var head struct {
			Status  int
			Headers [][2]string
			Failure map[string]any
		}
		if err := json.Unmarshal(f.payload, &head); err != nil {
			t.Fatalf("response head: %v: %s", err, f.payload)
		}
		a.Status, a.Headers, a.Failure = head.Status, head.Headers, head.Failure
	case typeBody:
		if len(f.payload) > 65536 || len(f.payload) == 0 {
			t.Errorf("body frame has %d bytes, want 1 to 65536", len(f.payload))
		}
		a.Body += string(f.payload)
	case typeError:
		a.Error = object(t, f.payload)
	case typeEnd:
	default:
		return false
	}
	return f.kind == typeError || f.kind == typeEnd
}

// finish reads until the stream is over, granting what it reads.
func (g *client) finish(stream uint32) *answer {
	g.t.Helper()
	a := &answer{}
	for {
		f := g.read()
		if f.stream == 0 && f.kind == typeLog {
			g.logs = append(g.logs, string(f.payload[1:]))
			continue
		}
		if f.stream != stream {
			g.t.Fatalf("frame %d on stream %d, want stream %d", f.kind, f.stream, stream)
		}
		if a.take(g.t, f) {
			return a
		}
		if f.kind == typeBody {
			g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))))
		}
	}
}

// call makes one call with a body that fits the window.
func (g *client) call(r request) *answer {
	g.t.Helper()
	stream := g.open(r)
	for part := range slices.Chunk([]byte(r.body), 65536) {
		g.send(typeBody, stream, part)
	}
	g.send(typeEnd, stream, nil)
	return g.finish(stream)
}
