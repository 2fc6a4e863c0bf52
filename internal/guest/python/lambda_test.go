// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.event_answers", interpreter: python})
		modern := strings.Contains(python, "3.12") || strings.Contains(python, "3.13")
		accented := `{"a": "\u00e9\u2603"}`
		if modern {
			accented = `{"a": "é☃"}`
		}
		for event, want := range map[string]string{
			`"dict"`: `{"hello": "world"}`, `"string"`: `"hello"`, `"none"`: "null",
			`"unicode"`: accented, `"decimal"`: `{"d": 1.10, "n": [NaN]}`,
			`"bytes"`:   "\x00\x01raw",
			`"cookies"`: `{"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": "x"}`,
		} {
			a := g.call(request{Kind: "event", body: event})
			if a.Status != 200 || a.Body != want {
				t.Errorf("%s: event %s: answer = %d %q %v, want %q", python, event, a.Status,
					a.Body, a.Error, want)
			}
		}
		a := g.call(request{Kind: "event", body: `{"a":`})
		if a.Error["type"] != "Runtime.UnmarshalError" ||
			!strings.HasPrefix(a.Error["message"].(string),
				"Unable to unmarshal input: Expecting value: line 1") {
			t.Errorf("%s: error = %v, want Runtime.UnmarshalError", python, a.Error)
		}
		g.stop()
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.context",
		Env: map[string]string{"AWS_REGION": "eu-west-1"}})
	a := g.call(request{})
	got := value(t, a.Body)
	want := map[string]any{
		"fields": []any{"call-1", "/aws/lambda/demo", "demo.default@3", "demo", "256", "3",
			"arn:aws:lambda:eu-west-1:000000000000:function:demo", nil, nil},
		"identity": []any{nil, nil}, "left": true, "repr": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("context differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1 told"}, a.Logs); diff != "" {
		t.Errorf("logs differ (-want +got):\n%s", diff)
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.raising", interpreter: python})
		for path, want := range map[string][2]string{
			"value": {"ValueError", "boom é"}, "empty": {"ValueError", ""},
			"unprintable": {"Unprintable", "<unprintable Unprintable object>"},
			"base":        {"Abrupt", "base"}, "interrupt": {"KeyboardInterrupt", ""},
			"recursion": {"RecursionError", "maximum recursion depth exceeded"},
			"memory":    {"MemoryError", ""}, "huge": {"ValueError", "xxxxxxxx"},
			"control": {"ValueError", "\x00\x00\x00"}, "surrogate": {"ValueError", "\ufffd"},
			"chained": {"RuntimeError", "outer"}, "named": {"Odd\nName", "x"},
			"cancelled": {"CancelledError", ""}, "stop": {"StopIteration", "s"},
			"generator": {"GeneratorExit", ""},
		} {
			a := g.call(request{Path: "/" + path})
			message, _ := a.Error["message"].(string)
			if a.Error["kind"] != "exception" || a.Error["type"] != want[0] ||
				!strings.HasPrefix(message, want[1]) {
				t.Errorf("%s: %s: error = %.200v, want %v", python, path, a.Error, want)
			}
			if len(message) > 262144 {
				t.Errorf("%s: %s: message has %d bytes, want at most 262144", python, path,
					len(message))
			}
			payload, err := base64.StdEncoding.DecodeString(a.Error["payload"].(string))
			if err != nil || object(t, payload)["requestId"] == "" {
				t.Errorf("%s: %s: payload = %.200q, %v", python, path, payload, err)
			}
		}
		if a := g.call(request{Path: "/fine"}); a.Body != "fine" {
			t.Errorf("%s: answer after exceptions = %q %v, want fine", python, a.Body, a.Error)
		}
		g.stop()
	}
}

func TestExceptionIsToldInFull(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.raising"})
	a := g.call(request{Path: "/value"})
	source := `  File "` + testdata(t) + `/events.py", line `
	stack := a.Error["stack"].([]any)
	if len(stack) != 1 || !strings.HasPrefix(stack[0].(string), "events.py:") ||
		!strings.HasSuffix(stack[0].(string), " in raising") {
		t.Errorf("stack = %v, want one entry like events.py:3 in raising", stack)
	}
	payload, _ := base64.StdEncoding.DecodeString(a.Error["payload"].(string))
	if !strings.HasPrefix(string(payload),
		`{"errorMessage": "boom \u00e9", "errorType": "ValueError", "requestId": "call-1", "stackTrace": ["  File \"`) ||
		!strings.HasSuffix(string(payload),
			`in raising\n    raise ValueError(\"boom \u00e9\")\n"]}`) {
		t.Errorf("payload = %s", payload)
	}
	if len(a.Logs) != 4 || a.Logs[0] != "2 [ERROR] ValueError: boom é" ||
		a.Logs[1] != "2 Traceback (most recent call last):" || !strings.HasPrefix(a.Logs[2],
		"2 "+source) {
		t.Errorf("logs = %q", a.Logs)
	}
	group := g.call(request{Path: "/group"})
	if kind := group.Error["type"]; kind != "BaseExceptionGroup" && kind != "NameError" {
		t.Errorf("error of a group = %v", group.Error)
	}
}

func TestInitFailures(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, entry, kind, message string
	}{
		{"no dot", "events", "Runtime.MalformedHandlerName",
			"Bad handler 'events': not enough values to unpack (expected 2, got 1)"},
		{"no module", "absent.handler", "Runtime.ImportModuleError",
			"Unable to import module 'absent': No module named 'absent'"},
		{"module imports what is missing", "broken/imports.handler", "Runtime.ImportModuleError",
			"Unable to import module 'broken/imports': No module named 'not_there'"},
		{"built-in module", "sys.handler", "Runtime.BuiltInModuleConflict",
			"Cannot use built-in module sys as a handler module"},
		{"no handler", "events.absent", "Runtime.HandlerNotFound",
			"Handler 'absent' missing on module 'events'"},
		{"not callable", "events.not_callable", "Runtime.HandlerNotFound",
			"'not_callable' of module 'events' is a int: it cannot be called"},
		{"syntax error", "broken/syntax.handler", "Runtime.UserCodeSyntaxError",
			"Syntax error in module 'broken/syntax': "},
		{"raises", "broken/raises.handler", "ValueError", "at import"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g, failure := start(t, spec{Dialect: "lambda", Entry: row.entry})
			if failure["kind"] != "init" || failure["type"] != row.kind ||
				!strings.HasPrefix(fmt.Sprint(failure["message"]), row.message) {
				t.Fatalf("failure = %v, want %s %q", failure, row.kind, row.message)
			}
			payload, _ := base64.StdEncoding.DecodeString(failure["payload"].(string))
			if got := object(t, payload); got["requestId"] != "" || got["errorType"] != row.kind {
				t.Errorf("payload = %s", payload)
			}
			if len(g.logs) == 0 || !strings.HasPrefix(g.logs[len(g.logs)-1], "") ||
				!slices.ContainsFunc(g.logs, func(l string) bool {
					return strings.HasPrefix(l,
						"[ERROR] "+row.kind)
				}) {
				t.Errorf("logs = %q, want an [ERROR] line", g.logs)
			}
			<-g.exited
			if code := g.cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code = %d, want 1", code)
			}
		})
	}
}

func TestHandlerStyles(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		for entry, want := range map[string]string{
			"events.coroutine": "async /", "events.generator": "one two three",
			"events.async_generator": "ab", "events.streamed_body": "01234",
			"events.method": "method", "events.instance": "instance",
			"events:instance": "instance", "nested/deep/module.handler": "deep",
			"nested.deep.module.handler": "deep", "events.multi": "[1,2]",
			"events.spawned": "spawned",
		} {
			g := serve(t, spec{Dialect: "lambda", Entry: entry, interpreter: python})
			if a := g.call(request{}); a.Body != want || a.Error != nil {
				t.Errorf("%s: %s: answer = %q %v, want %q; logs %q", python, entry, a.Body, a.Error,
					want, a.Logs)
			}
			g.stop()
		}
	}
}

func TestStreamedAnswersFail(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.failing_stream"})
	a := g.call(request{Path: "/raise"})
	if a.Status != 200 || a.Body != "first" || a.Error["type"] != "ValueError" {
		t.Errorf("answer = %d %q %v, want a piece and then the error", a.Status, a.Body, a.Error)
	}
	a = g.call(request{Path: "/wrong"})
	if a.Error["kind"] != "bad_response" {
		t.Errorf("error = %v, want bad_response", a.Error)
	}
	// An endless answer ends at cancel; the generator is closed.
	stream := g.open(request{Path: "/endless"})
	g.send(typeEnd, stream, nil)
	for got := 0; got < 262144; {
		if f := g.read(); f.kind == typeBody {
			got += len(f.payload)
		}
	}
	g.send(typeCancel, stream, nil)
	g.finish(stream)
	if a = g.call(request{Path: "/closed"}); a.Body != `["/raise","/wrong","/endless"]` {
		t.Errorf("closed generators = %s", a.Body)
	}
}
