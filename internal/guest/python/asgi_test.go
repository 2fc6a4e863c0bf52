// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASGIScope(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	a := g.call(request{Path: "/scope", Query: "a=%20", Headers: [][2]string{{"x-a", "1"}, {"x-a",
		"é"}}})
	got := value(t, a.Body).(map[string]any)
	delete(got["extensions"].(map[string]any)["dayfly"].(map[string]any), "deadline_ms")
	want := map[string]any{
		"type": "http", "asgi": map[string]any{"version": "3.0", "spec_version": "2.3"},
		"http_version": "1.1", "method": "GET", "scheme": "http", "path": "/scope",
		"raw_path":     "/scope",
		"query_string": "a=%20", "root_path": "",
		"headers": []any{[]any{"host", "localhost:8080"}, []any{"x-a", "1"}, []any{"x-a", "Ã©"}},
		"client":  []any{"192.0.2.7", 0.0}, "server": []any{"localhost", 8080.0},
		"state":      map[string]any{"made": "at startup"},
		"extensions": map[string]any{"dayfly": map[string]any{"invocation": "call-1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scope differs (-want +got):\n%s", diff)
	}
	a = g.call(request{Path: "/caf%C3%A9", Prefix: "/function/demo"})
	if got := a.header("x-path"); got != "/café" {
		t.Errorf("path below a prefix = %q, want it without, as the application knows of none", got)
	}
}

func TestASGIAnswers(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "asgi", Entry: "loops.app", interpreter: python})
		for _, row := range []struct {
			path   string
			status int
			body   string
			fails  string
		}{
			{"/any", 200, "ok", ""}, {"/large", 200, strings.Repeat("z", 1000000), ""},
			{"/pieces", 200, "one two", ""}, {"/head-first", 202, "later", ""}, {"/task", 200, "ok",
				""},
			{"/raise", 0, "", "LookupError"}, {"/raise-later", 200, "some", "LookupError"},
			{"/nothing", 0, "", "Runtime.MalformedResponse"}, {"/incomplete", -1, "",
				"Runtime.MalformedResponse"},
			{"/status", 0, "", "Runtime.MalformedResponse"}, {"/split", 0, "", "ValueError"},
			{"/unknown", 0, "", "RuntimeError"}, {"/twice", 200, "once", ""},
		} {
			a := g.call(request{Path: row.path})
			kind := ""
			if a.Error != nil {
				kind = a.Error["type"].(string)
			}
			if (a.Status != row.status && row.status >= 0) || a.Body != row.body ||
				kind != row.fails {
				t.Errorf("%s: %s: answer = %d %.50q %v, want %d %.50q %s", python, row.path,
					a.Status, a.Body, a.Error, row.status, row.body, row.fails)
			}
			if row.path == "/task" && cmp.Diff([]string{"1 from a task"}, a.Logs) != "" {
				t.Errorf("%s: logs = %q, want the task's line", python, a.Logs)
			}
			if row.path == "/pieces" && a.header("a") != "é" {
				t.Errorf("%s: header = %q, want é", python, a.header("a"))
			}
		}
		if a := g.call(request{Method: "HEAD", Path: "/pieces"}); a.Status != 200 || a.Body != "" {
			t.Errorf("%s: HEAD = %d %q, want no body", python, a.Status, a.Body)
		}
		a := g.call(request{Method: "POST", Path: "/echo", body: strings.Repeat("e", 150000)})
		if len(a.Body) != 150000 {
			t.Errorf("%s: echo of 150000 bytes = %d bytes %v", python, len(a.Body), a.Error)
		}
		g.stop()
	}
}

func TestASGIHeadTravelsBeforeALateBody(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	if a := g.call(request{Path: "/any"}); cmp.Diff([]int{typeResponse, typeBody, typeEnd},
		a.Frames) != "" {
		t.Errorf("frames = %v, want head, body and end", a.Frames)
	}
	stream := g.open(request{Path: "/head-first"})
	if f := g.read(); f.kind != typeResponse {
		t.Errorf("first frame = %d, want the head before the body is there", f.kind)
	}
	g.finish(stream)
}

func TestASGIConcurrentTasks(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app", Concurrency: 4})
	answers := map[uint32]*answer{}
	for i := range 4 {
		answers[g.open(request{Path: "/meet", Query: fmt.Sprint(i)})] = &answer{}
	}
	for over := 0; over < 4; {
		f := g.read()
		if answers[f.stream].take(t, f) {
			over++
		}
	}
	for stream, a := range answers {
		want := []string{fmt.Sprintf("1 before %d", stream-1), fmt.Sprintf("1 after %d", stream-1)}
		if a.Body != fmt.Sprint(stream-1) || cmp.Diff(want, a.Logs) != "" {
			t.Errorf("stream %d: body = %q, logs = %q, want %q", stream, a.Body, a.Logs, want)
		}
	}
}

func TestASGIDisconnect(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	stream := g.open(request{Path: "/disconnect"})
	g.send(typeEnd, stream, nil)
	for g.read().kind != typeBody {
	}
	g.send(typeCancel, stream, nil)
	g.finish(stream)

	stream = g.open(request{Path: "/endless"})
	g.send(typeEnd, stream, nil)
	for got := 0; got < 262144; {
		if f := g.read(); f.kind == typeBody {
			got += len(f.payload)
		}
	}
	g.send(typeCancel, stream, nil)
	g.finish(stream)
	a := g.call(request{Path: "/log"})
	want := `[["startup", "http.disconnect", "listened"], {"made": "at startup"}]`
	if a.Body != want {
		t.Errorf("log = %s, want %s", a.Body, want)
	}
}

func TestASGIForms(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"loops.double": "double http", "loops.Double": "class http", "loops.single": "object http",
		"loops.no_lifespan": "no lifespan",
	} {
		for _, dialect := range []string{"asgi", ""} {
			g := serve(t, spec{Dialect: dialect, Entry: entry})
			if a := g.call(request{}); a.Body != want {
				t.Errorf("%s as %q: body = %q %v, want %q", entry, dialect, a.Body, a.Error, want)
			}
			g.stop()
		}
	}
	_, failure := start(t, spec{Dialect: "asgi", Entry: "loops.failing"})
	if failure["kind"] != "init" || failure["message"] != "the database is away" {
		t.Errorf("failure = %v, want the lifespan's message", failure)
	}
}

func TestASGIAnswerDoesNotWaitForWhatFollows(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app", Concurrency: 2})
	first := g.open(request{Path: "/after"})
	if f := g.read(); f.kind != typeResponse {
		t.Fatalf("first frame = %d, want the head", f.kind)
	}
	if f := g.read(); f.kind != typeBody || string(f.payload) != "answer" {
		t.Fatalf("second frame = %d %q, want the body", f.kind, f.payload)
	}
	// Only now may the application go on: its end comes after its background work.
	second := g.open(request{Path: "/go-on"})
	answers := map[uint32]*answer{first: {}, second: {}}
	for over := 0; over < 2; {
		f := g.read()
		if answers[f.stream].take(t, f) {
			over++
		}
	}
	want := []string{"1 background, http.disconnect"}
	if diff := cmp.Diff(want, answers[first].Logs); diff != "" {
		t.Errorf("logs differ (-want +got):\n%s", diff)
	}
	a := g.call(request{Path: "/raise-after"})
	if a.Status != 500 || a.Body != "sorry" || a.Error != nil ||
		a.Failure["type"] != "LookupError" {
		t.Errorf("answer before an exception = %d %q %v %v", a.Status, a.Body, a.Error, a.Failure)
	}
	a = g.call(request{Path: "/raise-long-after"})
	if a.Status != 200 || a.Body != "fine" || a.Error != nil || len(a.Logs) == 0 {
		t.Errorf("answer before a late exception = %d %q %v %q", a.Status, a.Body, a.Error, a.Logs)
	}
}
