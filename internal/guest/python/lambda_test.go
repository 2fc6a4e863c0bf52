// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func value(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v: %q", err, text)
	}
	return v
}

func TestEventOfAnHTTPRequest(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.echo", Function: "thumbnail"})
	plain := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
		"headers": map[string]any{"host": "localhost:8080", "x-forwarded-for": "192.0.2.7",
			"x-forwarded-proto": "http", "x-forwarded-port": "8080"},
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "thumbnail", "domainName": "localhost",
			"domainPrefix": "localhost", "requestId": "ID", "routeKey": "$default",
			"stage": "$default", "time": "04/Mar/2020:19:03:58 +0000",
			"timeEpoch": float64(received),
			"http": map[string]any{"method": "GET", "path": "/", "protocol": "HTTP/1.1",
				"sourceIp": "192.0.2.7", "userAgent": ""},
		},
		"isBase64Encoded": false,
	}
	typed := func(contentType string) [][2]string { return [][2]string{{"content-type", contentType}} }
	headers := func(more map[string]any) map[string]any {
		h := maps.Clone(plain["headers"].(map[string]any))
		maps.Copy(h, more)
		return h
	}
	for _, row := range []struct {
		name    string
		request request
		want    map[string]any // keys that differ from plain
	}{
		{"nothing special", request{}, nil},
		{"query joins repeated names and decodes", request{Query: "a=1&a=2&b=x%20y+z&c"},
			map[string]any{"rawQueryString": "a=1&a=2&b=x%20y+z&c",
				"queryStringParameters": map[string]any{"a": "1,2", "b": "x y z", "c": ""}}},
		{"cookies leave the headers", request{Headers: [][2]string{{"cookie", "c1=v1; c2=v2"}, {"cookie", "c3=v3"}}},
			map[string]any{"cookies": []any{"c1=v1", "c2=v2", "c3=v3"}}},
		{"repeated headers are joined", request{Headers: [][2]string{{"x-a", "1"}, {"x-a", "2"}}},
			map[string]any{"headers": headers(map[string]any{"x-a": "1,2"})}},
		{"forwarded headers that are there stay", request{Headers: [][2]string{
			{"x-forwarded-for", "198.51.100.1"}, {"x-forwarded-proto", "https"}, {"x-forwarded-port", "443"}}},
			map[string]any{"headers": headers(map[string]any{"x-forwarded-for": "198.51.100.1",
				"x-forwarded-proto": "https", "x-forwarded-port": "443"})}},
		{"json body is text", request{body: `{"a":"é"}`, Headers: typed("application/json; charset=utf-8")},
			map[string]any{"body": `{"a":"é"}`, "headers": headers(map[string]any{"content-type": "application/json; charset=utf-8"})}},
		{"suffix +xml is text", request{body: "<a/>", Headers: typed("Image/SVG+XML")},
			map[string]any{"body": "<a/>", "headers": headers(map[string]any{"content-type": "Image/SVG+XML"})}},
		{"form is base64", request{body: "a=1", Headers: typed("application/x-www-form-urlencoded")},
			map[string]any{"body": "YT0x", "isBase64Encoded": true,
				"headers": headers(map[string]any{"content-type": "application/x-www-form-urlencoded"})}},
		{"no type is base64", request{body: "a"}, map[string]any{"body": "YQ==", "isBase64Encoded": true}},
		{"text that is no UTF-8 is base64", request{body: "\xff", Headers: typed("text/plain")},
			map[string]any{"body": "/w==", "isBase64Encoded": true,
				"headers": headers(map[string]any{"content-type": "text/plain"})}},
		{"compressed text is base64", request{body: "z", Headers: [][2]string{{"content-type", "text/plain"}, {"content-encoding", "gzip"}}},
			map[string]any{"body": "eg==", "isBase64Encoded": true,
				"headers": headers(map[string]any{"content-type": "text/plain", "content-encoding": "gzip"})}},
		{"trace continues", request{Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
			map[string]any{"headers": headers(map[string]any{
				"traceparent":     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
				"x-amzn-trace-id": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"})}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := g.call(row.request)
			got := value(t, a.Body).(map[string]any)
			want := maps.Clone(plain)
			maps.Copy(want, row.want)
			got["requestContext"].(map[string]any)["requestId"] = "ID"
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event differs (-want +got):\n%s", diff)
			}
		})
	}

	a := g.call(request{Method: "PUT", Path: "/pa2%Fth/1", Prefix: "/function/thumbnail",
		Host: "thumb.default.example.org", Scheme: "https",
		Headers: [][2]string{{"user-agent", "agent/1"}}})
	got := value(t, a.Body).(map[string]any)
	rc := got["requestContext"].(map[string]any)
	wantHTTP := map[string]any{"method": "PUT", "path": "/pa2%Fth/1", "protocol": "HTTP/1.1",
		"sourceIp": "192.0.2.7", "userAgent": "agent/1"}
	if diff := cmp.Diff(wantHTTP, rc["http"]); diff != "" {
		t.Errorf("requestContext.http differs (-want +got):\n%s", diff)
	}
	if got["rawPath"] != "/pa2%Fth/1" || rc["domainName"] != "thumb.default.example.org" ||
		rc["domainPrefix"] != "thumb" ||
		got["headers"].(map[string]any)["x-forwarded-port"] != "443" {
		t.Errorf("event = %v", got)
	}
}

const jsonType = "application/json"

func TestAnswersOfAHandler(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.answers"})
	for _, row := range []struct {
		path   string
		status int
		body   string
		header [][2]string
	}{
		{"/object", 201, "made", [][2]string{{"x-count", "3"}, {"x-flag", "true"}, {"x-float", "1.5"}, {"content-type", jsonType}}},
		{"/cookies", 200, "x", [][2]string{{"content-type", jsonType}, {"set-cookie", "a=1; Path=/"}, {"set-cookie", "b=2"}}},
		{"/binary", 200, "\x89PNG\x00\xff", [][2]string{{"content-type", "image/png"}}},
		{"/nested", 200, `{"a":[1,2]}`, [][2]string{{"content-type", jsonType}}},
		{"/nobody", 204, "", [][2]string{{"content-type", jsonType}}},
		{"/textstatus", 202, "", [][2]string{{"content-type", jsonType}}},
		{"/floatstatus", 203, "", [][2]string{{"content-type", jsonType}}},
		{"/type", 200, "<p>", [][2]string{{"content-type", "text/html"}}},
		{"/length", 200, "abc", [][2]string{{"content-type", jsonType}}},
		{"/dict", 200, `{"hello":"world"}`, [][2]string{{"content-type", jsonType}}},
		{"/list", 200, `["hello",3,true]`, [][2]string{{"content-type", jsonType}}},
		{"/number", 200, "3", [][2]string{{"content-type", jsonType}}},
		{"/float", 200, "3.1", [][2]string{{"content-type", jsonType}}},
		{"/bool", 200, "true", [][2]string{{"content-type", jsonType}}},
		{"/none", 200, "null", [][2]string{{"content-type", jsonType}}},
		{"/string", 200, "hello", [][2]string{{"content-type", jsonType}}},
		{"/unicode", 200, `{"a":"é☃"}`, [][2]string{{"content-type", jsonType}}},
		{"/bytes", 200, "\x00\x01raw", [][2]string{{"content-type", "application/octet-stream"}}},
		{"/decimal", 200, `{"d":1.10,"n":[NaN]}`, [][2]string{{"content-type", jsonType}}},
		{"/bytesbody", 200, "plain", [][2]string{{"content-type", jsonType}}},
		{"/intkeys", 200, `{"1":"a","null":"b"}`, [][2]string{{"content-type", jsonType}}},
	} {
		t.Run(row.path[1:], func(t *testing.T) {
			a := g.call(request{Path: row.path})
			if a.Status != row.status || a.Body != row.body || a.Error != nil {
				t.Errorf("answer = %d %q %v, want %d %q", a.Status, a.Body, a.Error, row.status, row.body)
			}
			if diff := cmp.Diff(row.header, a.Headers); diff != "" {
				t.Errorf("headers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMalformedAnswersAreBadResponses(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.broken"})
	for path, want := range map[string]string{
		"/status":      "statusCode is 'abc': it must be a whole number",
		"/statusbool":  "statusCode is a bool: it must be a number",
		"/statusrange": "statusCode is 99: it must be from 200 to 599",
		"/status101":   "statusCode is 101: it must be from 200 to 599",
		"/statusnone":  "statusCode is a NoneType: it must be a number",
		"/statusinf":   "statusCode is inf: it must be a whole number",
		"/headers":     "headers is a list: it must be an object",
		"/headerlist":  "header a is a list: it must be a string",
		"/headername":  "header name 'a b' is not valid",
		"/headersplit": "header a holds a line break",
		"/cookies":     "cookies is a str: it must be a list",
		"/base64":      "body cannot be decoded: ",
		"/set":         "Unable to marshal response: Object of type set is not JSON serializable",
		"/bodyset":     "Unable to marshal response: Object of type set is not JSON serializable",
		"/extra":       "Unable to marshal response: Object of type object is not JSON serializable",
		"/surrogate":   "Unable to marshal response: 'utf-8' codec can't encode",
		"/bytesinside": "Unable to marshal response: 'utf-8' codec can't decode",
		"/circle":      "Unable to marshal response: Circular reference detected",
	} {
		t.Run(path[1:], func(t *testing.T) {
			a := g.call(request{Path: path})
			if a.Error["kind"] != "bad_response" || a.Status != 0 {
				t.Fatalf("answer = %d, error %v, want kind bad_response", a.Status, a.Error)
			}
			if message := a.Error["message"].(string); !strings.HasPrefix(message, want) {
				t.Errorf("message = %q, want %q", message, want)
			}
		})
	}
	if a := g.call(request{Path: "/nope"}); a.Error["type"] != "KeyError" {
		t.Errorf("error = %v, want the KeyError of an unknown path: the instance goes on", a.Error)
	}
}

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
				t.Errorf("%s: event %s: answer = %d %q %v, want %q", python, event, a.Status, a.Body, a.Error, want)
			}
		}
		a := g.call(request{Kind: "event", body: `{"a":`})
		if a.Error["type"] != "Runtime.UnmarshalError" ||
			!strings.HasPrefix(a.Error["message"].(string), "Unable to unmarshal input: Expecting value: line 1") {
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
			if a.Error["kind"] != "exception" || a.Error["type"] != want[0] || !strings.HasPrefix(message, want[1]) {
				t.Errorf("%s: %s: error = %.200v, want %v", python, path, a.Error, want)
			}
			if len(message) > 262144 {
				t.Errorf("%s: %s: message has %d bytes, want at most 262144", python, path, len(message))
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
	if len(stack) != 1 || !strings.HasPrefix(stack[0].(string), "events.py:") || !strings.HasSuffix(stack[0].(string), " in raising") {
		t.Errorf("stack = %v, want one entry like events.py:3 in raising", stack)
	}
	payload, _ := base64.StdEncoding.DecodeString(a.Error["payload"].(string))
	if !strings.HasPrefix(string(payload), `{"errorMessage": "boom \u00e9", "errorType": "ValueError", "requestId": "call-1", "stackTrace": ["  File \"`) ||
		!strings.HasSuffix(string(payload), `in raising\n    raise ValueError(\"boom \u00e9\")\n"]}`) {
		t.Errorf("payload = %s", payload)
	}
	if len(a.Logs) != 4 || a.Logs[0] != "2 [ERROR] ValueError: boom é" ||
		a.Logs[1] != "2 Traceback (most recent call last):" || !strings.HasPrefix(a.Logs[2], "2 "+source) {
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
		{"no dot", "events", "Runtime.MalformedHandlerName", "Bad handler 'events': not enough values to unpack (expected 2, got 1)"},
		{"no module", "absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'"},
		{"module imports what is missing", "broken/imports.handler", "Runtime.ImportModuleError", "Unable to import module 'broken/imports': No module named 'not_there'"},
		{"built-in module", "sys.handler", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"},
		{"no handler", "events.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'events'"},
		{"not callable", "events.not_callable", "Runtime.HandlerNotFound", "'not_callable' of module 'events' is a int: it cannot be called"},
		{"syntax error", "broken/syntax.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken/syntax': "},
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
				!slices.ContainsFunc(g.logs, func(l string) bool { return strings.HasPrefix(l, "[ERROR] "+row.kind) }) {
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
				t.Errorf("%s: %s: answer = %q %v, want %q; logs %q", python, entry, a.Body, a.Error, want, a.Logs)
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
