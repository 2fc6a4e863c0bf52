// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFetchAnswers(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "worker", files{"worker.mjs": fixture(t, "worker.mjs")})
	const form = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n" +
		"\r\ntext\r\n--X--\r\n"
	const shown = `,"host":"hello.example.org:8080","prefix":"/function/hello","multi":"1, 2",` +
		`"env":"hi","text":`
	const malformed = "bad_response Runtime.MalformedResponse: "
	big := strings.Repeat("0123456789abcdef", 200<<10) // more than twelve windows
	cases := []struct {
		method, target, body, contentType string
		status                            int
		want, header, failure             string
	}{
		{method: "POST", target: "/show?a=1", body: "hey", status: 200,
			header: "Content-Type: application/json",
			want:   `{"url":"http://hello.example.org:8080/show?a=1","method":"POST"` + shown + `"hey"}`},
		{target: "/show", status: 200, header: "Content-Type: application/json",
			want: `{"url":"http://hello.example.org:8080/show","method":"GET"` + shown + `""}`},
		{method: "POST", target: "/json", body: `[1]`, status: 200, want: `{"got":[1]}`},
		{target: "/cookies", status: 201, want: "x", header: "Set-Cookie: a=1,b=2"},
		{target: "/empty", status: 204},
		{target: "/redirect", status: 307, header: "Location: http://example.org/"},
		{target: "/bytes", status: 200, want: "\x00\xff\x01"},
		{target: "/blob", status: 200, want: "blob", header: "Content-Type: text/x"},
		{method: "POST", target: "/form", body: form, contentType: "multipart/form-data; boundary=X",
			status: 200, want: "a.txt text"},
		{method: "POST", target: "/echo", body: big, status: 200, want: big,
			header: "Content-Type: x/y"},
		{method: "POST", target: "/count", body: big, status: 200, want: "3276800"},
		{method: "POST", target: "/ignore", body: big, status: 200, want: "early"},
		{method: "POST", target: "/cancelbody", body: big, status: 200, want: "canceled"},
		{target: "/later", status: 200, want: "now"},
		{target: "/noted", status: 200, want: "noted"},
		{target: "/laterfails", status: 200, want: "now"},
		{target: "/duck", status: 200, want: "duck", header: "X-D: 1"},
		{method: "POST", target: "/clone", body: "twice", status: 200, want: "twicetrue"},
		{target: "/missing", status: 404, want: "no route"},
		{method: "HEAD", target: "/bytes", status: 200},
		{method: "TRACE", target: "/bytes", status: 405},
		{target: "/throws", failure: "exception RangeError: boom"},
		{target: "/rejects", failure: "exception object: null"},
		{target: "/string",
			failure: malformed + "the handler must return a Response, got string"},
		{target: "/nothing",
			failure: malformed + "the handler must return a Response, got undefined"},
		{target: "/used",
			failure: malformed + "the body of the Response was used already"},
		{target: "/error", failure: malformed + "status 0 cannot be sent"},
		{target: "/midway", failure: "exception RangeError: midway", want: "part"},
		{target: "/badchunk", failure: "exception TypeError: "},
	}
	for _, c := range cases {
		if c.method == "" {
			c.method = http.MethodGet
		}
		headers := []string{"X-M", "1", "X-M", "2"}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		a := p.do(p.request(c.method, c.target, c.body, headers...))
		got := failureText(a.failure)
		if (got == "") != (c.failure == "") || !strings.HasPrefix(got, c.failure) || a.err != nil {
			t.Errorf("%s: failure %q %v, want %q", c.target, got, a.err, c.failure)
		}
		if a.body != c.want || c.status != 0 && a.status != c.status {
			t.Errorf("%s %s: status %d, %d bytes %.200q", c.method, c.target, a.status, len(a.body),
				a.body)
		}
		name, value, _ := strings.Cut(c.header, ": ")
		if got := strings.Join(a.header.Values(name), ","); got != value {
			t.Errorf("%s: header %s = %q, want %q", c.target, name, got, value)
		}
	}
	p.logged("in the background")
	p.logged("RangeError: boom")
}

func TestFetchGetsBareEvents(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w", files{"w.mjs": `export default async (r) =>
		Response.json([r.method, r.url, r.headers.get('content-type'), await r.json()]);`})
	want := `["POST","http://hello.localhost/","application/json",{"a":1}]`
	if a := p.do(p.event(`{"a":1}`)); a.body != want {
		t.Errorf("answer = %s %s, want %s", a.body, failureText(a.failure), want)
	}
}

func TestFetchContinuesTheInvocationsTrace(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w",
		files{"w.mjs": `export default (r) => new Response(r.headers.get('traceparent'));`})
	const callers = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	const ours = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01"
	inv := p.request("GET", "/", "", "Traceparent", callers)
	inv.Request.TraceParent = ours
	if a := p.do(inv); a.body != ours {
		t.Errorf("the function got traceparent %q, want %q", a.body, ours)
	}
}

func TestFetchOddRequests(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w",
		files{"w.mjs": `export default (r) => new Response(r.headers.get('x-odd'),
		{ headers: { 'x-odd': r.headers.get('x-odd') ?? '', 'x-url': r.url } });`})
	const odd = "é€ ünï"
	if a := p.do(p.request("GET", "/", "", "X-Odd", odd)); a.header.Get("X-Odd") != odd {
		t.Errorf("header came back as %q %v", a.header.Get("X-Odd"), failureText(a.failure))
	}
	inv := p.request("OPTIONS", "*", "")
	if a := p.do(inv); a.status != 200 || a.header.Get("X-Url") != "http://hello.example.org:8080/*" {
		t.Errorf("OPTIONS * = %+v %s", a, failureText(a.failure))
	}
	inv = p.request("GET", "/", "")
	inv.Request.Host = "ho st"
	if a := p.do(inv); a.status != 400 || a.failure != nil {
		t.Errorf("a host that is none = %+v %s, want 400", a, failureText(a.failure))
	}
}

func TestFetchSpellings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		entry, want string
		files       files
	}{
		"object": {"w", "GET",
			files{"w.mjs": "export default { async fetch(r) { return new Response(r.method) } }"}},
		"default function": {"w", "GET",
			files{"w.mjs": "export default function (r) { return new Response(r.method) }"}},
		"named fetch": {"w", "GET",
			files{"w.mjs": "export function fetch(r) { return new Response(r.method) }"}},
		"entry fetch": {"w.fetch", "GET",
			files{"w.js": "exports.fetch = (r) => new Response(r.method)"}},
		"methods": {"w", "got",
			files{"w.mjs": "export const GET = () => new Response('got');" +
				"export const POST = () => new Response('post')"}},
		"listener": {"w", "GET",
			files{"w.js": "addEventListener('fetch', (e) => { e.waitUntil(Promise.resolve()); " +
				"e.respondWith(new Response(e.request.method)) })"}},
		"worker class": {"w", "GET hi",
			files{"w.mjs": "export default class { constructor(ctx, env) { this.env = env } " +
				"fetch(r) { return new Response(r.method + ' ' + this.env.GREETING) } }"}},
		"this is kept": {"w", "state",
			files{"w.mjs": "export default { s: 'state', fetch() { return new Response(this.s) } }"}},
		"CommonJS default": {"w", "GET",
			files{"w.js": "Object.defineProperty(exports, '__esModule', {value: true}); " +
				"exports.default = { fetch: (r) => new Response(r.method) }"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := instance(t, "fetch", c.entry, c.files)
			if a := p.get("/"); a.body != c.want {
				t.Errorf("answer = %q %s, want %q", a.body, failureText(a.failure), c.want)
			}
			if name != "methods" {
				return
			}
			if a := p.do(p.request("PUT", "/",
				"")); a.status != 405 || a.header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
				t.Errorf("PUT = %+v, want 405 and what is allowed", a)
			}
			if a := p.do(p.request("HEAD", "/", "")); a.status != 200 || a.body != "" {
				t.Errorf("HEAD = %+v", a)
			}
		})
	}
}

func TestFetchStreamsAsItGoes(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w", files{"w.mjs": `
		export default (r) => new Response(new ReadableStream({ async start(c) {
			c.enqueue(new TextEncoder().encode('first'));
			for await (const chunk of r.body) c.enqueue(chunk);
			c.close();
		} }));`})
	reader, writer := io.Pipe()
	inv := p.request(http.MethodPost, "/", "")
	inv.Request.Body, inv.Request.ContentLength = reader, -1
	result, err := p.open(p.context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, len(want))
		if _, err := io.ReadFull(result.Body, buf); err != nil || string(buf) != want {
			t.Fatalf("read %q, %v, want %q", buf, err, want)
		}
	}
	expect("first") // before anything of the request's body was sent
	for _, word := range []string{"second", "third"} {
		_, _ = writer.Write([]byte(word))
		expect(word)
	}
	_ = writer.Close()
	if rest, err := io.ReadAll(result.Body); err != nil || len(rest) > 0 {
		t.Errorf("end = %q, %v", rest, err)
	}
}

func TestFetchCancelReachesTheHandler(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "worker", files{"worker.mjs": fixture(t, "worker.mjs")})
	for target, want := range map[string]string{"/aborted": "aborted AbortError",
		"/endless": "stopped"} {
		ctx, cancel := context.WithCancel(p.context())
		if target == "/aborted" {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		result, err := p.open(ctx, p.request(http.MethodGet, target, ""))
		if err == nil {
			if _, err := io.ReadFull(result.Body, make([]byte, 1<<20)); err != nil {
				t.Errorf("%s: %v", target, err)
			}
			_ = result.Body.Close()
		}
		cancel()
		p.poll(target, want, func() string { return p.get("/noted").body })
	}
}

func TestFetchHoldsBackForASlowClient(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w", files{"w.mjs": `
		let sent = 0;
		const pull = (c) => {
			if (sent >= 64 << 20) return c.close();
			sent += 65536; c.enqueue(new Uint8Array(65536));
		};
		export default (r) => new Response(r.url.endsWith('/sent') ? String(sent)
			: new ReadableStream({ pull }));`})
	result, err := p.open(p.context(), p.request(http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	if a := p.get("/sent"); len(a.body) > 6 {
		t.Errorf("%s bytes were made for a client that read none", a.body)
	}
	if n, err := io.Copy(io.Discard, result.Body); n != 64<<20 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	_ = result.Body.Close()
}

func TestFetchAnswersBeforeWaitUntilSettles(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "w",
		files{"w.mjs": `let go; const until = new Promise((r) => { go = r; });
		export default (r, e, ctx) => { if (r.url.endsWith('/go')) { go(); return new Response('gone');
		  }
		ctx.waitUntil(until); return new Response('whole'); };`})
	result, err := p.open(p.context(), p.request(http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	if got := result.Header.Get("Content-Length"); got != "5" {
		t.Errorf("content-length = %q, want 5", got)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(result.Body, buf); err != nil || string(buf) != "whole" {
		t.Fatalf("read %q, %v", buf, err)
	}
	if a := p.get("/go"); a.body != "gone" {
		t.Errorf("go = %q %v", a.body, a.err)
	}
	if rest, err := io.ReadAll(result.Body); err != nil || len(rest) > 0 {
		t.Errorf("end = %q, %v", rest, err)
	}
}
