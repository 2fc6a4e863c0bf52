// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWSGIEnviron(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.environ"})
	a := g.call(request{Method: "POST", Path: "/caf%C3%A9/%20x", Prefix: "/function/demo",
		Query: "a=%20",
		Host:  "demo.default.localhost:8080", body: "hello",
		Trace: trace,
		Headers: [][2]string{{"content-type", "text/plain"}, {"x-a", "1"}, {"x-a", "2"}, {"x_a",
			"sneaky"},
			{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-name", "é"}, {"content-length", "5"}}})
	want := map[string]any{
		"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/function/demo", "PATH_INFO": "/cafÃ©/ x",
		"QUERY_STRING": "a=%20", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "5",
		"SERVER_NAME": "demo.default.localhost", "SERVER_PORT": "8080",
		"SERVER_PROTOCOL": "HTTP/1.1",
		"REMOTE_ADDR":     "192.0.2.7", "HTTP_HOST": "demo.default.localhost:8080",
		"HTTP_X_A":    "1,2",
		"HTTP_COOKIE": "a=1; b=2", "HTTP_X_NAME": "Ã©",
		"HTTP_TRACEPARENT": trace,
		"REQUEST_URI":      "/function/demo/caf%C3%A9/%20x?a=%20",
		"RAW_URI":          "/function/demo/caf%C3%A9/%20x?a=%20",
		"wsgi.version":     []any{1.0, 0.0}, "wsgi.url_scheme": "http", "wsgi.multithread": false,
		"wsgi.multiprocess": true, "wsgi.run_once": false, "wsgi.input_terminated": true,
		"dayfly.invocation": "call-1",
	}
	if diff := cmp.Diff(want, value(t, a.Body)); diff != "" {
		t.Errorf("environ differs (-want +got):\n%s", diff)
	}
	a = g.call(request{Kind: "event", body: `{"a":1}`})
	got := value(t, a.Body).(map[string]any)
	if got["REQUEST_METHOD"] != "POST" || got["PATH_INFO"] != "/" ||
		got["CONTENT_TYPE"] != "application/json" || got["CONTENT_LENGTH"] != "7" {
		t.Errorf("environ of an event = %v", got)
	}
}

func TestWSGIAnswers(t *testing.T) {
	t.Parallel()
	headers := [][2]string{{"Content-Type", "text/plain"}, {"X-Latin", "café"}, {"X-Utf", "☃"}}
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.styles", interpreter: python})
		for _, row := range []struct {
			path   string
			status int
			body   string
			fails  string // type of the error
		}{
			{"plain", 200, "plain", ""}, {"late", 200, "late", ""}, {"write", 200,
				"written returned", ""},
			{"status", 404, "", ""}, {"pieces", 200, "ab", ""}, {"one", 200, "one", ""}, {"liar",
				200, "onetwothree", ""},
			{"empty", 200, "", ""}, {"tuple", 200, "tuple", ""}, {"file", 200, strings.Repeat("f",
				100000), ""},
			{"excinfo", 500, "replaced", ""}, {"excinfolate", 200, "sent", "ValueError"},
			{"errors", 200, "ok", ""}, {"raise", 0, "", "LookupError"}, {"raiselater", 200, "some",
				"LookupError"},
			{"none", 0, "", "Runtime.MalformedResponse"}, {"badstatus", 0, "", "ValueError"},
			{"badheader", 0, "", "ValueError"}, {"twice", 0, "", "AssertionError"}, {"text", 0, "",
				"TypeError"},
			{"nothing", 0, "", "Runtime.MalformedResponse"}, {"bytes", 0, "", "TypeError"},
		} {
			a := g.call(request{Path: "/" + row.path})
			kind := ""
			if a.Error != nil {
				kind = a.Error["type"].(string)
			}
			if a.Status != row.status || a.Body != row.body || kind != row.fails {
				t.Errorf("%s: %s: answer = %d %.50q %v, want %d %.50q %s", python, row.path,
					a.Status, a.Body, a.Error, row.status, row.body, row.fails)
			}
			if row.path == "plain" {
				if diff := cmp.Diff(headers, a.Headers); diff != "" {
					t.Errorf("headers differ (-want +got):\n%s", diff)
				}
			}
			if row.path == "errors" && cmp.Diff([]string{"2 complaint"}, a.Logs) != "" {
				t.Errorf("logs = %q, want the complaint", a.Logs)
			}
		}
		if a := g.call(request{Path: "/closed"}); a.Body != `["closed", "closed", "closed"]` {
			t.Errorf("%s: closed = %s, want three", python, a.Body)
		}
		if a := g.call(request{Method: "HEAD", Path: "/write"}); a.Status != 200 || a.Body != "" {
			t.Errorf("%s: HEAD = %d %q, want no body", python, a.Status, a.Body)
		}
		g.stop()
	}
}

func TestWSGIInput(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.reading"})
	for path, want := range map[string]string{
		"read": "ab\ncdef\n\ngh", "sized": "ab\n|cde|f\n\n|gh",
		"line":  `[b'ab\n', b'cd', b'ef\n', b'\n', b'gh']`,
		"lines": `[b'ab\n', b'cdef\n', b'\n', b'gh']`, "hint": `[[b'ab\n'], b'cdef\n\ngh']`,
		"iter": `[b'ab\n', b'cdef\n', b'\n', b'gh']`, "into": "ab\nc", "buffered": "ab\ncd",
		"echo":   "ab\ncdef\n\ngh",
		"unread": "unread",
	} {
		// The body comes in one piece, and in pieces of one byte.
		if a := g.call(request{Method: "POST", Path: "/" + path,
			body: "ab\ncdef\n\ngh"}); a.Body != want {
			t.Errorf("%s: body = %q %v, want %q", path, a.Body, a.Error, want)
		}
		stream := g.open(request{Method: "POST", Path: "/" + path, Length: -1})
		for _, b := range []byte("ab\ncdef\n\ngh") {
			g.send(typeBody, stream, []byte{b})
		}
		g.send(typeEnd, stream, nil)
		a := g.finish(stream)
		if path == "into" {
			want = "a"
		}
		if a.Body != want {
			t.Errorf("%s by bytes: body = %q %v, want %q", path, a.Body, a.Error, want)
		}
	}
	if a := g.call(request{Path: "/read"}); a.Body != "" {
		t.Errorf("no body = %q", a.Body)
	}
}

func TestConcurrentCallsOfThreads(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"wsgi", "lambda"} {
		entry := map[string]string{"wsgi": "gateway.meeting", "lambda": "events.meeting"}[dialect]
		g := serve(t, spec{Dialect: dialect, Entry: entry, Concurrency: 4})
		answers := map[uint32]*answer{}
		for i := range 4 {
			stream := g.open(request{Method: "POST", Path: fmt.Sprintf("/%d", i), body: "12345"})
			answers[stream] = &answer{}
			g.send(typeBody, stream, []byte("12345"))
			g.send(typeEnd, stream, nil)
		}
		for over := 0; over < 4; {
			f := g.read()
			a := answers[f.stream]
			if a == nil {
				t.Fatalf("frame %d %q on stream %d", f.kind, f.payload, f.stream)
			}
			if a.take(t, f) {
				over++
			}
			if f.kind == typeBody {
				g.send(typeWindow, f.stream, []byte{0, 0, byte(len(f.payload) >> 8),
					byte(len(f.payload))})
			}
		}
		for stream, a := range answers {
			path := fmt.Sprintf("/%d", stream-1)
			if dialect == "wsgi" {
				if len(a.Body) != 600000 || strings.Trim(a.Body, "05") != "" {
					t.Errorf("stream %d: body of %d bytes, want 600000", stream, len(a.Body))
				}
				if cmp.Diff([]string{"1 met " + path}, a.Logs) != "" {
					t.Errorf("stream %d: logs = %q", stream, a.Logs)
				}
				continue
			}
			if a.Body != "false" || len(a.Logs) != 3 || a.Logs[0] != "1 before "+path ||
				a.Logs[1] != "1 partial after "+path || !strings.HasSuffix(a.Logs[2],
				fmt.Sprintf("\tcall-%d\tlogged %s", stream, path)) {
				t.Errorf("stream %d: answer = %q, logs = %q", stream, a.Body, a.Logs)
			}
		}
		g.stop()
	}
}

func TestWSGICloseBelongsToTheCall(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.closing", Concurrency: concurrency})
		// The next call is there before the first one's close looks at its input.
		first := g.open(request{Method: "POST", Length: 5})
		for g.read().kind != typeBody {
		}
		g.send(typeBody, first, []byte("input"))
		g.send(typeEnd, first, nil)
		a := g.finish(first)
		if diff := cmp.Diff([]string{"1 closed after b'input'"}, a.Logs); diff != "" {
			t.Errorf("logs differ (-want +got):\n%s", diff)
		}
		if a = g.call(request{Method: "POST", body: "more"}); a.Body != "body" {
			t.Errorf("next call = %q %v", a.Body, a.Error)
		}
	}
}
