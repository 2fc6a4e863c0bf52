// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var installing sync.Mutex // one pip at a time

// install gives a task folder that holds testdata/packaged and the packages, which pip
// installs once into the user's cache folder.
func install(t *testing.T, set string, packages ...string) string {
	t.Helper()
	task := t.TempDir()
	if err := os.CopyFS(task, os.DirFS("testdata/packaged")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(task, ".dayfly"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cached(t, set, packages...), filepath.Join(task, ".dayfly",
		"python")); err != nil {
		t.Fatal(err)
	}
	return task
}

// cached gives the folder that holds the packages; without a network the test is skipped.
func cached(t *testing.T, set string, packages ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs packages that pip installs: run without -short")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no cache folder to install packages in: %v", err)
	}
	dir := filepath.Join(cache, "dayfly-test", "python-"+set)
	installing.Lock()
	defer installing.Unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	fresh := dir + ".new"
	_ = os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	args := append([]string{"-m", "pip", "install", "-q", "--no-warn-script-location",
		"--disable-pip-version-check", "--target", fresh}, packages...)
	if out, err := exec.CommandContext(ctx, system(t), args...).CombinedOutput(); err != nil {
		t.Skipf("pip cannot install %s: %v: %s", strings.Join(packages, " "), err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFlask(t *testing.T) {
	t.Parallel()
	task := install(t, "flask", "flask")
	for _, s := range []spec{{Entry: "flask_app.app"}, {Dialect: "wsgi", Entry: "flask_app.app",
		Concurrency: 3}} {
		s.Task = task
		g := serve(t, s)
		if g.ready["dialect"] != "wsgi" {
			t.Errorf("dialect = %v, want wsgi", g.ready["dialect"])
		}
		a := g.call(request{Prefix: "/function/demo"})
		if a.Status != 200 || a.Body != "index at /function/demo/item/7" {
			t.Errorf("index = %d %q %v", a.Status, a.Body, a.Error)
		}
		a = g.call(request{Method: "POST", Path: "/item/3", Query: "a=b", Prefix: "/function/demo",
			body:    `{"k":1}`,
			Headers: [][2]string{{"content-type", "application/json"}, {"content-length", "7"}}})
		want := map[string]any{"number": 3.0, "args": map[string]any{"a": "b"},
			"json": map[string]any{"k": 1.0},
			"form": map[string]any{}, "root": "/function/demo",
			"url": "http://localhost:8080/function/demo/item/3?a=b"}
		if diff := cmp.Diff(want, value(t, a.Body)); diff != "" {
			t.Errorf("item differs (-want +got):\n%s", diff)
		}
		form := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n" +
			strings.Repeat("u", 200000) + "\r\n--B--\r\n"
		stream := g.open(request{Method: "POST", Path: "/upload", Length: int64(len(form)),
			Headers: [][2]string{{"content-type", "multipart/form-data; boundary=B"}}})
		if a = g.upload(stream, []byte(form)); a.Body != "{\"name\":\"a.bin\",\"size\":200000}\n" {
			t.Errorf("upload = %q %v %q", a.Body, a.Error, a.Logs)
		}
		// A body of unknown length, as a chunked request has.
		stream = g.open(request{Method: "POST", Path: "/item/4", Length: -1,
			Headers: [][2]string{{"content-type", "application/x-www-form-urlencoded"}}})
		g.send(typeBody, stream, []byte("f=1"))
		g.send(typeEnd, stream, nil)
		if a = g.finish(stream); !strings.Contains(a.Body, `"form":{"f":"1"}`) {
			t.Errorf("chunked form = %q %v", a.Body, a.Error)
		}
		if a = g.call(request{Path: "/stream", Query: "q=x"}); a.Body != "0 x\n1 x\n2 x\n" ||
			len(a.Frames) != 5 {
			t.Errorf("stream = %q in frames %v", a.Body, a.Frames)
		}
		cookie, _, _ := strings.Cut(g.call(request{Path: "/count"}).header("set-cookie"), ";")
		if a = g.call(request{Path: "/count", Headers: [][2]string{{"cookie",
			cookie}}}); a.Body != "2" {
			t.Errorf("count with the session's cookie = %q, want 2", a.Body)
		}
		if a = g.call(request{Path: "/missing"}); a.Status != 404 || !strings.Contains(a.Body,
			"nothing here") {
			t.Errorf("missing = %d %q", a.Status, a.Body)
		}
		a = g.call(request{Path: "/crash"})
		logs := strings.Join(a.Logs, "\n")
		if a.Status != 500 || !strings.Contains(logs, "about to crash") || !strings.Contains(logs,
			"RuntimeError: crashed") {
			t.Errorf("crash = %d, logs %q", a.Status, a.Logs)
		}
		if a = g.call(request{Method: "HEAD", Path: "/missing"}); a.Status != 404 || a.Body != "" {
			t.Errorf("HEAD = %d %q", a.Status, a.Body)
		}
		g.stop()
	}
}

func TestFastAPI(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Entry: "fast_app.app", Task: install(t, "fastapi", "fastapi"),
		Concurrency: 8})
	if g.ready["dialect"] != "asgi" {
		t.Errorf("dialect = %v, want asgi", g.ready["dialect"])
	}
	a := g.call(request{Prefix: "/function/demo"})
	want := map[string]any{"made": "startup", "state": "state",
		"url": "http://localhost:8080/function/demo/items/7", "root": "/function/demo"}
	if diff := cmp.Diff(want, value(t, a.Body)); diff != "" || a.header("x-marked") != "yes" {
		t.Errorf("index differs (-want +got), headers %v:\n%s", a.Headers, diff)
	}
	a = g.call(request{Path: "/items/3", Query: "q=x", Prefix: "/function/demo"})
	if a.Body != `{"number":3,"q":"x"}` || cmp.Diff([]string{"1 in a thread 3"}, a.Logs) != "" {
		t.Errorf("item = %q, logs %q", a.Body, a.Logs)
	}
	if a = g.call(request{Path: "/items/x"}); a.Status != 422 {
		t.Errorf("item that is no number = %d %q", a.Status, a.Body)
	}
	a = g.call(request{Method: "POST", Path: "/items", body: `{"name":"n","price":1.5}`,
		Headers: [][2]string{{"content-type", "application/json"}}})
	if a.Status != 201 || a.Body != `{"name":"n","price":1.5}` ||
		cmp.Diff([]string{"1 background n"}, a.Logs) != "" {
		t.Errorf("created = %d %q, logs %q", a.Status, a.Body, a.Logs)
	}
	if a = g.call(request{Path: "/stream"}); a.Body != "data: 0\n\ndata: 1\n\ndata: 2\n\n" ||
		a.Error != nil {
		t.Errorf("stream = %q %v", a.Body, a.Error)
	}
	if a = g.call(request{Path: "/missing"}); a.Status != 418 ||
		a.Body != `{"detail":"short and stout"}` {
		t.Errorf("missing = %d %q", a.Status, a.Body)
	}
	a = g.call(request{Path: "/crash"})
	if a.Status != 500 || a.Failure["type"] != "RuntimeError" || a.Error != nil {
		t.Errorf("crash = %d %v %v, want its answer and the failure", a.Status, a.Failure, a.Error)
	}
	if a = g.call(request{Path: "/openapi.json"}); a.Status != 200 || !strings.Contains(a.Body,
		`"openapi":"3.`) {
		t.Errorf("openapi = %d %.100q", a.Status, a.Body)
	}
}

func TestFunctionsFramework(t *testing.T) {
	t.Parallel()
	packaged := spec{Dialect: "framework", Entry: "main.hello", Task: install(t, "framework",
		"functions-framework")}
	detected := packaged
	detected.Dialect = ""
	flask := spec{Dialect: "framework", Entry: "shimmed.hello", Task: install(t, "flask", "flask"),
		Concurrency: 2}
	for _, s := range []spec{packaged, detected, flask} {
		g := serve(t, s)
		if g.ready["dialect"] != "framework" {
			t.Errorf("dialect = %v, want framework", g.ready["dialect"])
		}
		for _, row := range []struct {
			path, query, want string
			status            int
		}{
			{"/", "name=you", "Hello you!", 200}, {"/any/path", "", "Hello World!", 200},
			{"/response", "", "made", 201}, {"/dict", "", "{\"got\":{\"a\":1}}\n", 200},
		} {
			a := g.call(request{Method: "POST", Path: row.path, Query: row.query, body: `{"a":1}`,
				Headers: [][2]string{{"content-type", "application/json"}}})
			if a.Status != row.status || a.Body != row.want {
				t.Errorf("%s: %s = %d %q %v, want %d %q", s.Entry, row.path, a.Status, a.Body,
					a.Error, row.status, row.want)
			}
		}
		if a := g.call(request{Path: "/cookie"}); a.header("set-cookie") != "a=b; Path=/" {
			t.Errorf("%s: cookie = %v", s.Entry, a.Headers)
		}
		if a := g.call(request{Path: "/abort"}); a.Status != 403 || a.Failure != nil {
			t.Errorf("%s: abort = %d %v", s.Entry, a.Status, a.Failure)
		}
		if a := g.call(request{Path: "/robots.txt"}); a.Status != 404 {
			t.Errorf("%s: robots.txt = %d", s.Entry, a.Status)
		}
		a := g.call(request{Path: "/raise"})
		if a.Status != 500 || a.header("x-google-status") != "crash" ||
			a.Failure["type"] != "LookupError" {
			t.Errorf("%s: crash = %d %v %v", s.Entry, a.Status, a.Headers, a.Failure)
		}
		if a = g.call(request{}); a.Status != 200 || a.Failure != nil {
			t.Errorf("%s: call after a crash = %d %v", s.Entry, a.Status, a.Failure)
		}
		g.stop()
	}
	// With the package its other signatures work as well.
	events := packaged
	events.Entry = "main.on_event"
	g := serve(t, events)
	a := g.call(request{Method: "POST", body: `{"x":1}`, Headers: [][2]string{{"content-type",
		"application/json"},
		{"ce-id", "1"}, {"ce-source", "s"}, {"ce-type", "t.made"}, {"ce-specversion", "1.0"}}})
	if a.Status != 200 || cmp.Diff([]string{"1 event t.made {'x': 1}"}, a.Logs) != "" {
		t.Errorf("cloud event = %d %q %v, logs %q", a.Status, a.Body, a.Error, a.Logs)
	}
}
