// SPDX-License-Identifier: Apache-2.0

// Package examples_test deploys every example through the real binary and calls it.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	_ "image/png" // the thumbnailer answers with one
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

// call is one request and what must come back.
type call struct {
	method string // GET when empty
	path   string // below the function, with the query
	header map[string]string
	body   string

	status   int // 200 when zero
	want     string
	contains string            // when the answer is not known to the byte
	wantHead map[string]string // headers that must have this value
	json     bool              // compare want as JSON
}

// asJSON is the header that makes a body text to handlers of Lambda.
var asJSON = map[string]string{"Content-Type": "application/json"}

// examples are the folders and the calls of each.
var examples = map[string][]call{
	"express-app": {
		{path: "/tasks", want: `[{"id":1,"title":"write the app"}]`, json: true},
		{path: "/tasks/1", want: `{"id":1,"title":"write the app"}`, json: true},
		{path: "/tasks/9", status: 404, want: `{"error":"no such task"}`, json: true},
		{path: "/", contains: "<h1>Tasks</h1>"},
		{method: "POST", path: "/greet", header: asJSON,
			body: `{"name":"Ada"}`, status: 201, want: `{"hello":"Ada"}`, json: true,
			wantHead: map[string]string{"X-Powered-By": "Express"}},
	},
	"express-exported": {
		{path: "/", want: "exported\n"},
		{path: "", want: "exported\n"},
		{method: "POST", path: "/upper", header: map[string]string{"Content-Type": "text/plain"},
			body: "hello", want: "HELLO"},
		{path: "/nowhere", status: 404, contains: "Cannot GET /nowhere"},
	},
	"flask-app": {
		{path: "/?name=Ada", contains: "<h1>Hello, Ada!</h1>"},
		{path: "/?name=%3Cscript%3E", contains: "Hello, &lt;script&gt;!"},
		{method: "POST", path: "/sum", header: asJSON,
			body: "[1, 2, 39]", want: `{"sum":42}`, json: true},
		{method: "POST", path: "/sum", body: "no JSON", status: 415},
	},
	"asgi-fastapi": {
		{path: "/items/7?q=x", want: `{"number":7,"q":"x"}`, json: true},
		{path: "/items/seven", status: 422, contains: "int_parsing"},
		{method: "POST", path: "/items", header: asJSON,
			body: `{"name":"pen","price":10}`, status: 201, want: `{"name":"pen","with_tax":12.0}`, json: true},
		{path: "/count", want: "0\n1\n2\n"},
	},
	"wsgi-plain": {
		{method: "POST", path: "/path?a=1&a=2", body: "abc",
			want:     "/function/wsgi-plain|/path|a=1&a=2\ncba",
			wantHead: map[string]string{"X-Method": "POST"}},
	},
	"go-web": {
		{path: "/", contains: "<h1>Served by Go</h1>"},
		{method: "POST", path: "/words", body: "three small words", want: `{"words":3}`, json: true},
		{method: "POST", path: "/", status: 405},
	},
	"lambda-python": {
		{method: "POST", path: "?a=1", body: `{"x":[1]}`,
			header: map[string]string{"Cookie": "c=d", "Content-Type": "application/json"},
			want: `{"message":"hello from lambda-python","remaining":true,"query":{"a":"1"},` +
				`"cookies":["c=d"],"body":{"x":[1]}}`, json: true},
		{path: "/fail", status: 502},
	},
	"lambda-node-async": {
		{path: "/some/path?name=Ada", want: `{"hello":"Ada","method":"GET","path":"/some/path"}`, json: true,
			wantHead: map[string]string{"Set-Cookie": "seen=yes; Path=/"}},
		{method: "DELETE", path: "/", want: `{"hello":"world","method":"DELETE","path":"/"}`, json: true},
	},
	"lambda-node-callback": {
		{method: "POST", header: asJSON, body: `{"number": 21}`, want: "doubled: 42"},
		{method: "POST", header: asJSON, body: `{"fail": true}`, status: 502},
	},
	"lambda-node-streaming": {
		{want: "one\ntwo\nthree\n", wantHead: map[string]string{"X-Style": "streaming"}},
	},
	"lambda-typescript": {
		{path: "?title=Hello%20World", want: "hello-world green"},
	},
	"fetch-worker": {
		{method: "PUT", path: "/json", header: map[string]string{"User-Agent": "probe"},
			want: `{"method":"PUT","agent":"probe"}`, json: true},
		{method: "POST", path: "/echo", body: "\x00\x01\xff bytes", want: "\x00\x01\xff bytes"},
		{path: "/away", status: 302, wantHead: map[string]string{"Location": "https://example.com/"}},
		{path: "/none", status: 404, want: "not found"},
	},
	"functions-framework-python": {
		{path: "?name=Ada", want: "Hello Ada!"},
		{method: "POST", header: asJSON,
			body: `{"name":"Grace"}`, want: "Hello Grace!"},
	},
	"functions-framework-node": {
		{path: "?name=Ada", want: "Hello Ada!"},
		{method: "POST", header: asJSON,
			body: `{"name":"Grace"}`, want: "Hello Grace!"},
	},
	"node-http": {
		{method: "POST", path: "/x?y=1", body: "abc",
			want:     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
			wantHead: map[string]string{"X-Url": "/x?y=1"}},
	},
	"shell": {
		{method: "POST", body: "b\na\nc\n", want: "a\nb\nc\n", wantHead: map[string]string{"X-Method": "POST"}},
		{method: "POST", path: "?reverse", body: "b\na\nc\n", want: "c\nb\na\n"},
	},
	"realtime": {
		{path: "/elsewhere", status: 404},
	},
	"thumbnailer": {
		{method: "POST", path: "?width=no", body: "x", status: 400, want: "width is not a number\n"},
		{method: "POST", body: "no picture", status: 400, want: "the body is not a picture\n"},
	},
}

// special are the examples whose answers need more than a comparison.
var special = map[string]func(t *testing.T, url string){
	"thumbnailer":           checkThumbnail,
	"realtime":              checkRealtime,
	"lambda-node-streaming": func(t *testing.T, url string) { checkStreams(t, url, "one\n") },
}

func TestExamples(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the examples are built with npm, pip and go")
	}
	for folder, calls := range examples {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			url := shared.deploy(t, folder)
			for _, c := range calls {
				c.check(t, url)
			}
			if check := special[folder]; check != nil {
				check(t, url)
			}
		})
	}
}

func TestEveryFolderIsTested(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "languages" && e.Name() != "events" && examples[e.Name()] == nil && !apps[e.Name()] {
			t.Errorf("example %s has no calls in the table", e.Name())
		}
	}
}

var redirectless = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// check makes the call and compares what comes back.
func (c call) check(t *testing.T, url string) {
	t.Helper()
	method := c.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	resp, err := redirectless.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, c.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read the answer: %v", method, c.path, err)
	}
	status := c.status
	if status == 0 {
		status = http.StatusOK
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d; the answer: %s", method, c.path, resp.StatusCode, status, body)
		return
	}
	if resp.Header.Get("X-Dayfly-Invocation") == "" {
		t.Errorf("%s %s: no X-Dayfly-Invocation", method, c.path)
	}
	for k, v := range c.wantHead {
		if got := resp.Header.Get(k); got != v {
			t.Errorf("%s %s: header %s is %q, want %q", method, c.path, k, got, v)
		}
	}
	c.compare(t, method, string(body))
}

func (c call) compare(t *testing.T, method, body string) {
	t.Helper()
	want, got := any(c.want), any(body)
	if c.json {
		want, got = decoded(t, c.want), decoded(t, body)
	}
	if diff := cmp.Diff(want, got); c.want != "" && diff != "" {
		t.Errorf("%s %s: answer (-want +got):\n%s", method, c.path, diff)
	}
	if !strings.Contains(body, c.contains) {
		t.Errorf("%s %s: the answer lacks %q: %s", method, c.path, c.contains, body)
	}
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%q is not JSON: %v", text, err)
	}
	return v
}

// checkThumbnail sends the photo and looks at the picture that comes back.
func checkThumbnail(t *testing.T, url string) {
	photo, err := os.ReadFile("thumbnailer/photo.png")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url+"?width=64", "image/png", bytes.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	picture, format, err := image.Decode(resp.Body)
	if err != nil || resp.Header.Get("Content-Type") != "image/png" || format != "png" {
		t.Fatalf("the answer is no PNG: %v (status %d)", err, resp.StatusCode)
	}
	if size := picture.Bounds().Size(); size != image.Pt(64, 48) {
		t.Errorf("the thumbnail is %v, want 64x48", size)
	}
	// The sun of the photo is light, the mountain at the lower edge dark.
	if r, g, _, _ := picture.At(48, 12).RGBA(); r < 0xe000 || g < 0xd000 {
		t.Errorf("the sun is %v, want light yellow", picture.At(48, 12))
	}
	if r, g, b, _ := picture.At(24, 46).RGBA(); r > 0x5000 || g > 0x6000 || b > 0x6000 {
		t.Errorf("the mountain is %v, want dark green", picture.At(24, 46))
	}
}

// checkStreams wants the first part of an answer while the rest, 400 ms of it, is
// still to come.
func checkStreams(t *testing.T, url, first string) {
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, len(first))
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != first {
		t.Fatalf("the answer starts with %q (%v), want %q", buf, err, first)
	}
	started := time.Now()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if rest := time.Since(started); rest < 150*time.Millisecond {
		t.Errorf("the rest came %v after the first part: the answer was held back", rest)
	}
}

func checkRealtime(t *testing.T, url string) {
	checkStreams(t, url+"/events", "id: 1\ndata: tick 1\n\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url+"/chat", nil)
	if err != nil {
		t.Fatalf("open the WebSocket: %v", err)
	}
	defer conn.CloseNow()
	expect := func(want string) {
		t.Helper()
		if _, got, err := conn.Read(ctx); err != nil || string(got) != want {
			t.Fatalf("the socket said %q (%v), want %q", got, err, want)
		}
	}
	expect("welcome")
	if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	expect("you said hello")
	big := strings.Repeat("x", 30_000)
	if err := conn.Write(ctx, websocket.MessageBinary, []byte(big)); err != nil {
		t.Fatal(err)
	}
	expect(big)
	if err := conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close the WebSocket: %v", err)
	}
}
