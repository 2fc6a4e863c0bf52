// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrameworkAnswers(t *testing.T) {
	t.Parallel()
	html, plain := "text/html; charset=utf-8", "text/plain; charset=utf-8"
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "framework", Entry: "functions.kinds", interpreter: python})
		for _, row := range []struct {
			path   string
			status int
			body   string
			header [][2]string
		}{
			{"text", 200, "text", [][2]string{{"content-type", html}}},
			{"bytes", 200, "\x00\xff", [][2]string{{"content-type", html}}},
			{"dict", 200, "{\"a\": [1]}\n", [][2]string{{"content-type", "application/json"}}},
			{"list", 200, "[1, \"b\"]\n", [][2]string{{"content-type", "application/json"}}},
			{"status", 201, "made", [][2]string{{"content-type", html}}},
			{"textstatus", 203, "t", [][2]string{{"content-type", html}}},
			{"headers", 200, "h", [][2]string{{"x-a", "b"}, {"content-type", html}}},
			{"all", 202, "all", [][2]string{{"x-a", "c"}, {"content-type", html}}},
			{"pairs", 200, "p", [][2]string{{"x-b", "1"}, {"x-b", "2"}, {"content-type", html}}},
			{"type", 200, "<a/>", [][2]string{{"content-type", "image/svg+xml"}}},
			{"empty", 204, "", [][2]string{{"content-type", html}}},
			{"pieces", 200, "012", [][2]string{{"content-type", html}}},
			{"robots.txt", 404, "Not Found", [][2]string{{"content-type", html}}},
			{"favicon.ico", 404, "Not Found", [][2]string{{"content-type", html}}},
		} {
			a := g.call(request{Path: "/" + row.path})
			if a.Status != row.status || a.Body != row.body || a.Error != nil {
				t.Errorf("%s: %s: answer = %d %q %v, want %d %q", python, row.path, a.Status,
					a.Body, a.Error, row.status, row.body)
			}
			if diff := cmp.Diff(row.header, a.Headers); diff != "" {
				t.Errorf("%s: %s: headers differ (-want +got):\n%s", python, row.path, diff)
			}
		}
		for path, want := range map[string]string{"raise": "LookupError", "set": "TypeError",
			"none": "TypeError", "badstatus": "ValueError"} {
			a := g.call(request{Path: "/" + path})
			if a.Status != 500 || a.header("x-google-status") != "crash" ||
				a.header("content-type") != plain ||
				a.Failure["type"] != want || a.Failure["kind"] != "exception" {
				t.Errorf("%s: %s: answer = %d %v %v, want a crash by %s", python, path, a.Status,
					a.Headers, a.Failure, want)
			}
			if len(a.Logs) == 0 || !strings.HasPrefix(a.Logs[0], "2 [ERROR] "+want) {
				t.Errorf("%s: %s: logs = %q", python, path, a.Logs)
			}
		}
		g.stop()
	}
}

func TestFrameworkRequest(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "framework", Entry: "functions.read"})
	a := g.call(request{Method: "POST", Path: "/a%20b", Prefix: "/function/demo", Query: "a=1&a=2",
		body: `{"k":1}`, Headers: [][2]string{{"content-type", "application/json"}, {"x-a", "v"},
			{"cookie", "c=d"}}})
	want := map[string]any{
		"method": "POST", "path": "/a b", "args": []any{"1", "2"}, "data": `{"k":1}`,
		"again": `{"k":1}`,
		"json":  map[string]any{"k": 1.0}, "is_json": true, "form": nil, "header": "v",
		"type": "application/json", "cookie": "d", "host": "localhost:8080", "length": 7.0,
		"url":  "http://localhost:8080/function/demo/a%20b?a=1&a=2",
		"base": "http://localhost:8080/function/demo/a%20b", "address": "192.0.2.7",
		"query": "a=1&a=2",
	}
	if diff := cmp.Diff(want, value(t, a.Body)); diff != "" {
		t.Errorf("request differs (-want +got):\n%s", diff)
	}
	a = g.call(request{Method: "POST", body: "f=x+y", Headers: [][2]string{{"content-type",
		"application/x-www-form-urlencoded"}}})
	if got := value(t, a.Body).(map[string]any); got["form"] != "x y" || got["json"] != nil {
		t.Errorf("form = %v, json = %v", got["form"], got["json"])
	}

	strict := serve(t, spec{Dialect: "framework", Entry: "functions.strict"})
	for _, row := range []struct {
		contentType, body string
		status            int
	}{{"application/json", `{"a":1}`, 200}, {"application/json", `{"a"`, 400}, {"text/plain",
		`{"a":1}`, 415}} {
		a := strict.call(request{Method: "POST", body: row.body,
			Headers: [][2]string{{"content-type", row.contentType}}})
		if a.Status != row.status {
			t.Errorf("%s %s: status = %d, want %d", row.contentType, row.body, a.Status, row.status)
		}
	}
}

func TestFrameworkUploads(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "framework", Entry: "functions.uploads"})
	send := func(kind, body string) *answer {
		return g.call(request{Method: "POST", body: body, Headers: [][2]string{{"content-type", kind}}})
	}
	part := func(disposition, more, data string) string {
		return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n" + more + "\r\n" + data + "\r\n"
	}
	a := send(`multipart/form-data; boundary="B"`, part(`name="a"`, "", "1")+part(`name="a"`, "", "é")+
		part(`name="file"; filename="a \"b\".bin"`, "Content-Type: image/png; x=y\r\n", "\x00\r\n--\xff")+
		part(`name=file; filename=c`, "", "")+"--B--\r\n")
	want := map[string]any{"form": map[string]any{"a": []any{"1", "é"}}, "name": `a "b".bin`,
		"type": "image/png", "data": []any{0.0, 13.0, 10.0, 45.0, 45.0, 255.0}, "length": 6.0,
		"files": 2.0, "values": "1"}
	if a.Status != 200 {
		t.Fatalf("upload = %d %q %v", a.Status, a.Body, a.Failure)
	}
	if diff := cmp.Diff(want, value(t, a.Body)); diff != "" {
		t.Errorf("upload differs (-want +got):\n%s", diff)
	}
	if a = send("text/plain", "x"); a.Status != 202 || a.Body != "none" || a.header("x-a") != "b" ||
		a.header("content-type") != "text/csv" {
		t.Errorf("an object like a response gave %d %q %v", a.Status, a.Body, a.Headers)
	}
	for name, body := range map[string]string{"empty": "", "no end": part(`name="a"`, "", "1"),
		"no head": "--B\r\nx\r\n--B--", "many": strings.Repeat("--B\r\n\r\n\r\n", 2000) + "--B--"} {
		if a = send("multipart/form-data; boundary=B", body); a.Status != 400 || a.Failure != nil {
			t.Errorf("%s: %d %.80q %v, want 400", name, a.Status, a.Body, a.Failure)
		}
	}
	if a = send("multipart/form-data", "x"); a.Status != 400 {
		t.Errorf("without a boundary: %d %q, want 400", a.Status, a.Body)
	}
}

func TestDetection(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"events.echo": "lambda", "events.coroutine": "lambda", "events.instance": "lambda",
		"gateway.environ": "wsgi", "loops.app": "asgi", "loops.double": "asgi",
		"loops.Double": "asgi",
		"loops.single": "asgi", "functions.hello": "framework", "functions.plain": "framework",
		"events.method": "lambda", "loops": "asgi", "loops.": "asgi",
		"events_decorated.on_event": "cloudevent", "events_decorated.person": "typed",
	} {
		g := serve(t, spec{Entry: entry})
		if got := g.ready["dialect"]; got != want {
			t.Errorf("dialect of %s = %v, want %s", entry, got, want)
		}
		g.stop()
	}
	_, failure := start(t, spec{Entry: "functions"})
	if failure["type"] != "Runtime.HandlerNotFound" {
		t.Errorf("failure of a module without a default export = %v", failure)
	}
	_, failure = start(t, spec{Dialect: "fetch", Entry: "events.echo"})
	if failure["type"] != "Runtime.UnknownDialect" {
		t.Errorf("failure of a dialect of Node = %v", failure)
	}
}
