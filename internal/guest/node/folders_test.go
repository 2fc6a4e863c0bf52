// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	p := instance(t, "fetch", "worker", archive(t, "workers"))
	batch := `{"specversion":"1.0","id":"1","source":"/q","type":"dev.dayfly.queue.batch","data":{"queue":"clicks",` +
		`"messages":[{"id":"a","body":1},{"id":"b","body":2},{"id":"c","body":3}]}}`
	structured := []string{"content-type", "application/cloudevents+json"}
	checkAll(t, p, []dialectCall{
		{name: "fetch sees vars", target: "/", want: "hi dev Cloudflare-Workers"},
		{name: "globals", target: "/globals", want: "undefined undefined function"},
		{name: "what is not there", target: "/pair",
			failure: "exception Runtime.NotSupported: WebSocketPair is not there on this platform"},
		{name: "scheduled at wrangler's address", target: "/cdn-cgi/handler/scheduled?cron=*+*+*+*+*", want: "ok"},
		{name: "what scheduled saw", target: "/last", want: "* * * * * number"},
		{name: "scheduled at the old address", target: "/__scheduled?cron=1+*+*+*+*", want: "Ran scheduled event"},
		{name: "scheduled by an event", event: true, want: `{"retry":false}`,
			body: `{"specversion":"1.0","id":"1","source":"/c","type":"dev.dayfly.cron","time":"2020-01-01T00:00:00Z","data":{"cron":"5 * * * *"}}`},
		{name: "what it saw", target: "/last", want: "5 * * * * 1577836800000"},
		{name: "queue over HTTP", target: "/", headers: structured, body: batch,
			want: `{"batchItemFailures":[{"itemIdentifier":"b","delaySeconds":9}]}`},
		{name: "queue by an event", event: true, body: batch,
			want: `{"batchItemFailures":[{"itemIdentifier":"b","delaySeconds":9}]}`},
		{name: "queue throws after an ack", event: true, body: strings.Replace(batch, "clicks", "throws", 1),
			want: `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`},
		{name: "queue throws at once", event: true, body: strings.Replace(batch, "clicks", "dies", 1),
			failure: "exception Error: at once"},
		{name: "other events are requests", target: "/echo", headers: structured, body: `{"type":"x"}`, want: `{"type":"x"}`},
	})
	class := instance(t, "fetch", "class", archive(t, "workers"))
	checkAll(t, class, []dialectCall{
		{name: "class", target: "/", want: "class hi dev"},
		{name: "scheduled of a class", target: "/__scheduled?cron=x", want: "Ran scheduled event"},
		{name: "waitUntil of the module", target: "/wait", want: "waiting"},
	})
	class.logged("waited")
}

func TestDenoAndBunFunctions(t *testing.T) {
	t.Parallel()
	source := archive(t, "runtimes")
	deno := instance(t, "fetch", "deno", source)
	checkAll(t, deno, []dialectCall{
		{name: "serve", target: "/x", want: "Deno /x hi 192.0.2.1"},
		{name: "a file that is not there", target: "/file", want: "NotFound true"},
		{name: "what is not there", target: "/kv", status: 500, want: "Deno.openKv is not there on this platform: " +
			"use what the web's standards or Node have"},
	})
	waits := instance(t, "fetch", "waits", source)
	checkAll(t, waits, []dialectCall{{name: "a module that waits for its server", target: "/", want: "waits"}})
	bun := instance(t, "fetch", "bun", with(source, ".dayfly/node.json", `{"globals":["bun"]}`))
	checkAll(t, bun, []dialectCall{
		{name: "routes", target: "/users/7", want: "user 7"},
		{name: "static", target: "/static", want: "static"},
		{name: "static again", target: "/static", want: "static"},
		{name: "by method", target: "/posts", body: "x", want: "posted"},
		{name: "fetch", target: "/else", want: "else hi"},
		{name: "error", target: "/error", status: 500, want: "caught boom"},
	})
}

func TestImportsOfOtherRuntimesAreExplained(t *testing.T) {
	t.Parallel()
	p := boot(t)
	h := head(task(t, files{"app.mjs": "import { Hono } from 'npm:hono';\nexport default new Hono();"}), "fetch", "app")
	_, err := p.conn.Specialise(p.context(), h)
	if err == nil || !strings.Contains(err.Error(), "imports that begin with npm:") {
		t.Errorf("Specialise = %v, want an explanation", err)
	}
}

// with gives a copy of files with one more.
func with(source files, name, text string) files {
	made := files{name: text}
	for k, v := range source {
		if k != name {
			made[k] = v
		}
	}
	return made
}

func TestVercel(t *testing.T) {
	t.Parallel()
	p := instance(t, "vercel", "api", archive(t, "vercel"))
	checkAll(t, p, []dialectCall{
		{name: "helpers", target: "/api/hello?name=Ada&x=1&x=2", headers: []string{"cookie", "a=b%20c"},
			want: `{"query":{"name":"Ada","x":["1","2"]},"cookies":{"a":"b c"}}`},
		{name: "JSON body", target: "/api/hello", body: `{"n":1}`, headers: []string{"content-type", jsonType},
			want: `{"query":{},"body":{"n":1},"cookies":{}}`},
		{name: "bad JSON", target: "/api/hello", body: `{`, headers: []string{"content-type", jsonType}, status: 400, has: "Invalid JSON"},
		{name: "body as a stream", target: "/api/stream", body: "abc", want: "3 abc"},
		{name: "parameter", target: "/api/users/7?a=1", want: `{"a":"1","id":"7"}`},
		{name: "plain before parameter", target: "/api/users/me", want: "me"},
		{name: "rest", target: "/api/docs/a/b", want: `{"slug":["a","b"]}`},
		{name: "index", target: "/api", want: "index"},
		{name: "web GET", target: "/api/web?q=1", want: "GET /api/web?q=1"},
		{name: "web POST", target: "/api/web", body: "body", status: 201, want: "body", header: [2]string{"Set-Cookie", "a=1|b=2"}},
		{name: "method that is not there", method: "DELETE", target: "/api/web", status: 405, header: [2]string{"Allow", "GET, HEAD, POST, OPTIONS"}},
		{name: "fetch", target: "/api/fetch", want: "fetched"},
		{name: "edge", target: "/api/edge", want: "edge"},
		{name: "redirect helper", target: "/api/go", status: 307, header: [2]string{"Location", "/there"}},
		{name: "redirect rule", target: "/old/1?x=2", status: 308, header: [2]string{"Location", "/api/users/1?x=2"}},
		{name: "rewrite", target: "/u/9", want: `{"id":"9"}`},
		{name: "rewrite everything", target: "/p/a/b", want: `{"slug":["a","b"]}`},
		{name: "an application behind a rewrite", target: "/app/x?y=1", want: "app /app/x?y=1"},
		{name: "headers", target: "/api/edge", want: "edge", header: [2]string{"X-Rule", "yes"}},
		{name: "not there", target: "/nothing", status: 404, has: "NOT_FOUND"},
		{name: "private files", target: "/api/_lib", status: 404, has: "NOT_FOUND"},
		{name: "throws", target: "/api/throws", status: 500, want: "Internal Server Error", failure: "exception Error: boom"},
		{name: "broken module", target: "/api/broken", status: 500, want: "Internal Server Error",
			failure: "exception Runtime.UserCodeSyntaxError"},
	})
}

func TestNetlify(t *testing.T) {
	t.Parallel()
	p := instance(t, "netlify", "netlify/functions", archive(t, "netlify"))
	checkAll(t, p, []dialectCall{
		{name: "modern", target: "/.netlify/functions/modern", want: "modern hi 192.0.2.1", header: [2]string{"Set-Cookie", "seen=1; path=/"}},
		{name: "own path", target: "/items/7", want: "item 7"},
		{name: "own path, other method", method: "DELETE", target: "/items/7", status: 404, has: "Not Found"},
		{name: "older", target: "/.netlify/functions/older?a=1&a=2", body: "x=y",
			headers: []string{"content-type", "application/x-www-form-urlencoded"},
			want:    `{"path":"/.netlify/functions/older","method":"POST","query":{"a":"1, 2"},"body":"x=y","base64":false}`},
		{name: "binary body", target: "/.netlify/functions/older", body: "\x00", headers: []string{"content-type", "image/png"},
			want: `{"path":"/.netlify/functions/older","method":"POST","query":{},"body":"AA==","base64":true}`},
		{name: "redirect rule", target: "/api/older", want: `{"path":"/api/older","method":"GET","query":{},"body":null,"base64":false}`},
		{name: "moved", target: "/moved", status: 301, header: [2]string{"Location", "http://hello.example.org:8080/items/1"}},
		{name: "background", target: "/.netlify/functions/slow-background", body: "work", status: 202},
		{name: "unknown", target: "/.netlify/functions/nothing", status: 404, has: "/.netlify/functions/older"},
		{name: "no status", target: "/.netlify/functions/bad", failure: "Runtime.MalformedResponse"},
	})
	p.logged("did work")
}

func TestAzure(t *testing.T) {
	t.Parallel()
	p := instance(t, "azure", "host", archive(t, "azure-v4"))
	checkAll(t, p, []dialectCall{
		{name: "text", target: "/api/hello?name=Ada", want: "Hello Ada"},
		{name: "JSON", target: "/api/items/7", want: `{"id":"7"}`, header: [2]string{"Content-Type", jsonType}},
		{name: "constraint", target: "/api/items/x", status: 404},
		{name: "optional", target: "/api/maybe", want: "none"},
		{name: "rest", target: "/api/all/a/b", want: "a/b"},
		{name: "method", method: "DELETE", target: "/api/hello", status: 405},
		{name: "body", target: "/api/hello", body: "Bob", want: "Hello Bob"},
		{name: "nothing", target: "/api/nothing", status: 204},
		{name: "response", target: "/api/response", status: 202, want: "made", header: [2]string{"Set-Cookie", "a=1; Path=/; HttpOnly"}},
		{name: "throws", target: "/api/throws", failure: "exception Error: boom"},
	})
	p.logged("logged by hello")
	old := instance(t, "azure", "host", archive(t, "azure-v3"))
	checkAll(t, old, []dialectCall{
		{name: "context.res", target: "/HttpTrigger?name=Ada", want: `{"hello":"Ada"}`,
			header: [2]string{"Content-Type", "application/json; charset=utf-8"}},
		{name: "parsed body", target: "/HttpTrigger", body: `{"name":"Bob"}`, headers: []string{"content-type", jsonType}, want: `{"hello":"Bob"}`},
		{name: "done", target: "/done/7", status: 201, want: "7"},
		{name: "$return", target: "/returns", status: 202, want: "returned"},
		{name: "express style", method: http.MethodGet, target: "/express", status: 203, want: `{"x":1}`},
		{name: "method", method: "DELETE", target: "/HttpTrigger", status: 405},
		{name: "untouched", target: "/HttpTrigger?none=1", status: 204},
	})
}
