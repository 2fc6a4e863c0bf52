// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServeBareFunctions(t *testing.T) {
	t.Parallel()
	p := instance(t, "node-http", "app", files{"app.js": fixture(t, "serve.js")})
	if a := p.get("/hello?a=1"); a.body != "hello GET /hello?a=1 hello.example.org:8080 true" {
		t.Errorf("hello = %q %v", a.body, a.err)
	}
	big := strings.Repeat("body", 1<<20)
	a := p.do(p.request("POST", "/echo", big))
	if a.body != big || len(a.header.Values("X-A")) != 2 {
		t.Errorf("echo gave %d bytes, header %v", len(a.body), a.header)
	}
	for path, want := range map[string]string{
		"/throws": "exception RangeError: sync", "/rejects": "exception TypeError: async",
	} {
		a := p.get(path)
		if failureText(a.failure) != want || a.status != 500 || a.body != "Internal Server Error" {
			t.Errorf("%s = %+v %s, want a 500 and %s", path, a, failureText(a.failure), want)
		}
		if !strings.Contains(string(a.failure.Payload), `"errorMessage":`) {
			t.Errorf("%s: payload %q", path, a.failure.Payload)
		}
	}
	if a := p.get("/midway"); a.err == nil || a.body != "part" {
		t.Errorf("midway = %+v, want an answer that is cut", a)
	}
	inv := p.request("GET", "/log", "")
	p.do(inv)
	want := []string{string(inv.ID) + "|stdout|one", string(inv.ID) + "|stderr|two"}
	var got []string
	for _, line := range p.logged("|two") {
		if strings.HasPrefix(line, string(inv.ID)) {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestServeWhateverListens(t *testing.T) {
	t.Parallel()
	many(t)
	const ok = "(q, s) => s.end('ok')"
	cases := map[string]string{
		"function":            "module.exports = " + ok,
		"promise of function": "module.exports = Promise.resolve(" + ok + ")",
		"named app":           "exports.app = " + ok,
		"server":              "module.exports = require('http').createServer(" + ok + ")",
		"server that listens": "module.exports = require('http')" +
			".createServer(" + ok + ").listen(80, '0.0.0.0')",
		"listens, not exports": "require('http').createServer(" + ok + ").listen({ port: 80 })",
		"listens with callback": "let up; const s = require('http').createServer((q, s) => s.end(up)); " +
			"s.listen(80, () => { up = s.address().address === '127.0.0.1' ? 'ok' : 'elsewhere' })",
		"listens later": "setTimeout(() => require('http')" +
			".createServer(" + ok + ").listen(80), 20)",
		"listens and exports app": "const app = " + ok +
			"; require('http').createServer(app).listen(80); module.exports = app",
		"two servers": "const http = require('http'); http.createServer(" + ok + ").listen(80); " +
			"http.createServer((q, s) => s.end('metrics')).listen(0)",
		"object with handle": "module.exports = { handle: " + ok + " }",
	}
	for name, code := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := instance(t, "node-http", "app", files{"app.js": code})
			if a := p.get("/"); a.body != "ok" {
				t.Errorf("answer = %q %v", a.body, a.err)
			}
		})
	}
}

func TestServeNothing(t *testing.T) {
	t.Parallel()
	p := boot(t)
	_, err := p.conn.Specialise(p.context(), head(task(t, files{"app.js": "exports.port = 3"}),
		"node-http", "app"))
	if err == nil || !strings.Contains(err.Error(),
		"Runtime.HandlerNotFound: the module exports no (req, res) function") {
		t.Errorf("error = %v", err)
	}
}

func TestServeCrashTellsTheCaller(t *testing.T) {
	t.Parallel()
	p := instance(t, "node-http", "app", files{"app.js": `
module.exports = (q, s) => { setTimeout(() => { throw new RangeError('from a timer'); }, 1); };`})
	a := p.get("/")
	if failureText(a.failure) != "exception RangeError: from a timer" || a.status != 500 {
		t.Errorf("answer = %+v %s", a, failureText(a.failure))
	}
	if code := p.ended(); code != 129 {
		t.Errorf("exit code %d, want 129", code)
	}
}

func TestServeOverlappingCallsKeepTheirLogs(t *testing.T) {
	t.Parallel()
	p := boot(t)
	h := head(task(t, files{"app.js": `
let waiting = [];
module.exports = async (q, s) => {
  await new Promise((r) => { waiting.push(r);
    if (waiting.length === 2) waiting.forEach((f) => f()); });
  console.log('mine', q.url); s.end();
};`}), "node-http", "app")
	h.Concurrency = 2
	p.specialise(h)
	first, second := p.request("GET", "/first", ""), p.request("GET", "/second", "")
	done := make(chan answer, 1)
	go func() { done <- p.do(first) }()
	p.do(second)
	<-done
	p.logged(string(first.ID) + "|stdout|mine /first")
	p.logged(string(second.ID) + "|stdout|mine /second")
}

func TestServeUpgrades(t *testing.T) {
	t.Parallel()
	p := instance(t, "node-http", "app", files{"app.js": `
const server = require('http').createServer((q, s) => s.end('plain'));
server.on('upgrade', (req, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
  socket.pipe(socket);
});
module.exports = server;`})
	inv := p.request("GET", "/", "", "Upgrade", "echo", "Connection", "Upgrade")
	result, err := p.open(p.context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	both, ok := result.Body.(io.ReadWriteCloser)
	if !ok || result.Status != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, %T", result.Status, result.Body)
	}
	for _, word := range []string{"ping", "pong"} {
		_, _ = both.Write([]byte(word))
		buf := make([]byte, 4)
		if _, err := io.ReadFull(both, buf); err != nil || string(buf) != word {
			t.Fatalf("read %q, %v", buf, err)
		}
	}
}

func TestFrameworkRequestsAndResponses(t *testing.T) {
	t.Parallel()
	p := instance(t, "framework", "index.hello", files{"index.js": fixture(t, "gcf.js")})
	frameworkCases(t, p)
}

// frameworkCases hold with and without an Express of the function's own.
func frameworkCases(t *testing.T, p *process) {
	t.Helper()
	const kind = "application/json"
	cases := []struct {
		method, target, contentType, body string
		status                            int
		want, header                      string
	}{
		{"POST", "/json?a=1&b=2&b=3", kind, `{"n":1}`, 201,
			`{"query":{"a":"1","b":["2","3"]},"body":{"n":1},"raw":"{\"n\":1}"}`,
			"Content-Type: application/json; charset=utf-8"},
		{"POST", "/json", "application/x-www-form-urlencoded", "x=1&y=a+b", 201,
			`{"query":{},"body":{"x":"1","y":"a b"},"raw":"x=1&y=a+b"}`, ""},
		{"POST", "/json", "text/plain", "words", 201, `{"query":{},"body":"words","raw":"words"}`, ""},
		{"POST", "/json", "application/octet-stream", "ab", 201,
			`{"query":{},"body":{"type":"Buffer","data":[97,98]},"raw":"ab"}`, ""},
		{"GET", "/json", "", "", 201, `{"query":{},"body":{}}`, ""},
		{"POST", "/json", kind, `{broken`, 400, "*", ""},
		{"GET", "/send", "", "", 200, "text", "X-A: b"},
		{"GET", "/send", "", "", 200, "text", "Content-Type: text/plain; charset=utf-8"},
		{"GET", "/object", "", "", 200, `{"a":1}`, "Content-Type: application/json; charset=utf-8"},
		{"GET", "/status", "", "", 404, "Not Found", ""},
		{"GET", "/redirect", "", "", 302, "*", "Location: /other"},
		{"GET", "/cookie", "", "", 200, "",
			"Set-Cookie: a=b%20c; Max-Age=1; Path=/; Expires=*; HttpOnly"},
		{"POST", "/get", kind, "{}", 200, "q 203.0.113.9 POST https shop.example.org json", ""},
		{"GET", "/deep/path", "", "", 200, "hello /deep/path",
			"Content-Type: text/html; charset=utf-8"},
		{"GET", "/robots.txt", "", "", 404, "*", ""},
		{"GET", "/favicon.ico", "", "", 404, "*", ""},
	}
	for _, c := range cases {
		headers := []string{"X-Q", "q", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https",
			"X-Forwarded-Host", "shop.example.org"}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		a := p.do(p.request(c.method, c.target, c.body, headers...))
		if a.status != c.status || c.want != "*" && a.body != c.want {
			t.Errorf("%s %s: %d %q %v, want %d %q", c.method, c.target, a.status, a.body, a.err, c.status,
				c.want)
		}
		name, value, _ := strings.Cut(c.header, ": ")
		before, after, _ := strings.Cut(value, "*")
		if got := a.header.Get(name); !strings.HasPrefix(got, before) || !strings.HasSuffix(got,
			after) {
			t.Errorf("%s: header %s = %q, want %q", c.target, name, got, value)
		}
	}
	for path, want := range map[string]string{
		"/throw": "exception RangeError: crash", "/reject": "exception TypeError: later",
	} {
		a := p.get(path)
		crash := a.header.Get("X-Google-Status") == "crash"
		if failureText(a.failure) != want || a.status != 500 || !crash {
			t.Errorf("%s = %+v %s, want a 500 that says crash, and %s", path, a, failureText(a.failure),
				want)
		}
	}
	inv := p.request("GET", "/log", "")
	p.do(inv)
	p.logged(string(inv.ID) + "|stdout|logged")
}

func TestFrameworkPlainExport(t *testing.T) {
	t.Parallel()
	p := instance(t, "framework", "index.plain", files{"index.js": fixture(t, "gcf.js")})
	if a := p.get("/?name=x"); a.body != "plain x" {
		t.Errorf("answer = %q %v", a.body, a.err)
	}
}
