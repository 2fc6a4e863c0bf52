// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row is one call and what must come back.
type row struct {
	name   string
	call   request
	status int
	body   string
	header [2]string // one that must be there
	log    string    // one line that must be there
	fails  string    // the type of the failure
}

func (r row) check(t *testing.T, g *client) {
	t.Helper()
	a := g.call(r.call)
	if a.Status != r.status || a.Body != r.body || a.Error != nil {
		t.Errorf("%s: answer = %d %q %v, want %d %q; logs %q", r.name, a.Status, a.Body, a.Error,
			r.status, r.body, a.Logs)
	}
	if r.header[0] != "" && a.header(r.header[0]) != r.header[1] {
		t.Errorf("%s: headers = %v, want %v", r.name, a.Headers, r.header)
	}
	if r.log != "" && !strings.Contains(strings.Join(a.Logs, "\n"), r.log) {
		t.Errorf("%s: logs = %q, want %q", r.name, a.Logs, r.log)
	}
	failed := ""
	if a.Failure != nil {
		failed = a.Failure["type"].(string)
	}
	if failed != r.fails {
		t.Errorf("%s: failure = %q, want %q", r.name, failed, r.fails)
	}
}

// post is a request with a body of JSON and more headers.
func post(body string, headers ...[2]string) request {
	return request{Method: "POST", body: body,
		Headers: append([][2]string{{"content-type", "application/json"}}, headers...)}
}

const structured = "application/cloudevents+json; charset=UTF-8"

func binaryMode(kind string) [][2]string {
	return [][2]string{{"ce-id", "1"}, {"ce-source", "/s%20%C3%A9"}, {"ce-type", kind},
		{"ce-specversion", "1.0"}}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	typed := func(kind, body string) request {
		return request{Method: "POST", body: body, Headers: [][2]string{{"content-type", kind}}}
	}
	pubsub := `{"message":{"data":"aGk=","attributes":{"k":"v"},"messageId":"7",` +
		`"publishTime":"2020-01-01T00:00:00Z"},"subscription":"projects/p/subscriptions/s"}`
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "cloudevent", Entry: "events_decorated.on_event",
			interpreter: python})
		for _, r := range []row{
			{name: "binary", call: post(`{"a":1}`, binaryMode("t")...), status: 200, body: "OK",
				log: "t {'a': 1} ['datacontenttype', 'id', 'source', 'specversion', 'type']"},
			{name: "structured", call: typed(structured,
				`{"specversion":"1.0","id":"1","source":"s","type":"t","data":[1]}`), status: 200,
				body: "OK", log: "t [1]"},
			{name: "base64 data", call: typed(structured,
				`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"AAE="}`),
				status: 200, body: "OK", log: `t b'\x00\x01'`},
			{name: "batch", call: typed("application/cloudevents-batch+json",
				`[{"specversion":"1.0","id":"1","source":"s","type":"one"},`+
					`{"specversion":"1.0","id":"1","source":"s","type":"two"}]`), status: 200,
				body: "OK", log: "1 one None ['id', 'source', 'specversion', 'type']\n1 two None"},
			{name: "batch that is none", call: typed("application/cloudevents-batch+json", `{}`),
				status: 400, body: "Bad Request: a batch is a list of at most 1000 events"},
			{name: "unknown format", call: typed("application/cloudevents+avro", `x`), status: 415,
				body: "Unsupported Media Type"},
			{name: "missing attributes", call: typed(structured, `{"specversion":"1.0","id":"1"}`),
				status: 400, body: "Bad Request: Missing required attributes: source, type"},
			{name: "unknown version", call: typed(structured, `{"specversion":"9"}`), status: 400,
				body: "Bad Request: Found invalid specversion 9"},
			{name: "invalid UTF-8 in a header", call: post(`{}`, append(binaryMode("t"),
				[2]string{"ce-subject", "%C0%A0"})...), status: 400,
				body: `Bad Request: a ce- header is no UTF-8: '%C0%A0'`},
			{name: "an event returned", call: post(`{}`, binaryMode("answer")...), status: 200,
				body: `{"b": 2}`, header: [2]string{"ce-type", "made%20%22%C3%A9%22"}},
			{name: "exception", call: post(`{}`, binaryMode("raise")...), status: 500,
				body: "Internal Server Error", header: [2]string{"x-google-status", "crash"},
				fails: "LookupError"},
			{name: "Pub/Sub push", call: request{Method: "POST",
				Path: "/projects/p/topics/t", body: pubsub,
				Headers: [][2]string{{"content-type", "application/json"}}}, status: 200, body: "OK",
				log: "google.cloud.pubsub.topic.v1.messagePublished {'message': {'@type': " +
					"'type.googleapis.com/google.pubsub.v1.PubsubMessage', 'data': 'aGk='"},
			{name: "background event", call: post(`{"context":{"eventId":"1","timestamp":"T",` +
				`"eventType":"google.storage.object.finalize","resource":{"service":` +
				`"storage.googleapis.com","name":"projects/_/buckets/b/objects/o"}},` +
				`"data":{"k":1}}`), status: 200, body: "OK",
				log: "google.cloud.storage.object.v1.finalized {'k': 1}"},
			{name: "abuse protection", call: request{Method: "OPTIONS", Headers: [][2]string{
				{"webhook-request-origin", "example.com"}, {"webhook-request-rate", "120"}}},
				status: 200, header: [2]string{"webhook-allowed-rate", "120"}},
			{name: "other methods", call: request{}, status: 405, body: "Method Not Allowed",
				header: [2]string{"allow", "POST, OPTIONS"}},
			{name: "no event", call: post("x"), status: 400, body: "Bad Request: Failed to read " +
				"specversion from both headers and data: the body is not JSON; as a background " +
				"event: Expecting value: line 1 column 1 (char 0)"},
			{name: "an event call", call: request{Kind: "event",
				body: `{"specversion":"1.0","id":"1","source":"s","type":"t"}`}, status: 200,
				body: "OK", log: "t None"},
		} {
			r.check(t, g)
		}
		g.stop()
	}
}

func TestBackgroundEvents(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "event", Entry: "events_decorated.on_background"})
	for _, r := range []row{
		{name: "as it is", call: post(`{"context":{"eventId":"1","timestamp":"T",` +
			`"eventType":"e","resource":"r"},"data":{"a":1}}`), status: 200, body: "OK",
			log: "{'a': 1} 1 T e r"},
		{name: "the oldest form", call: post(`{"eventId":"1","timestamp":"T","eventType":"e",` +
			`"resource":"r","data":"d"}`), status: 200, body: "OK", log: "d 1 T e r"},
		{name: "Pub/Sub push", call: post(`{"message":{"data":"aGk=","messageId":"7",` +
			`"publishTime":"P"},"subscription":"s"}`), status: 200, body: "OK",
			log: "'data': 'aGk=', 'attributes': {}} 7 P google.pubsub.topic.publish {'service': " +
				"'pubsub.googleapis.com'"},
		{name: "CloudEvent of storage", call: post(`{"kind":"storage#object"}`,
			[2]string{"ce-id", "9"}, [2]string{"ce-specversion", "1.0"}, [2]string{"ce-time", "T"},
			[2]string{"ce-type", "google.cloud.storage.object.v1.finalized"},
			[2]string{"ce-source", "//storage.googleapis.com/projects/_/buckets/b"},
			[2]string{"ce-subject", "objects/o"}), status: 200, body: "OK",
			log: "9 T google.storage.object.finalize {'name': 'projects/_/buckets/b/objects/o', " +
				"'service': 'storage.googleapis.com', 'type': 'storage#object'}"},
		{name: "CloudEvent of Firestore", call: post(`{}`,
			[2]string{"ce-id", "9"}, [2]string{"ce-specversion", "1.0"}, [2]string{"ce-time", "T"},
			[2]string{"ce-type", "google.cloud.firestore.document.v1.written"},
			[2]string{"ce-source", "//firestore.googleapis.com/projects/p/databases/(default)"},
			[2]string{"ce-subject", "documents/d"}), status: 200, body: "OK",
			log: "9 T providers/cloud.firestore/eventTypes/document.write " +
				"projects/p/databases/(default)/documents/d"},
		{name: "CloudEvent of others", call: post(`{"a":1}`, binaryMode("t")...), status: 200,
			body: "OK", log: "{'a': 1} 1  t /s é"},
		{name: "no event", call: post(`[]`), status: 400,
			body: "Bad Request: the body is no JSON object"},
	} {
		r.check(t, g)
	}
}

func TestTypedFunctions(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"events_decorated.person", "events_decorated.annotated"} {
		g := serve(t, spec{Dialect: "typed", Entry: entry})
		for _, r := range []row{
			{name: "made", call: post(`{"name":"ann"}`), status: 200, body: `{"name": "ANN"}`,
				header: [2]string{"content-type", "application/json"}},
			{name: "no such value", call: post(`{"x":1}`), status: 400,
				body: "Bad Request: the body is no Person: 'name'"},
			{name: "no JSON", call: post(`x`), status: 400, body: "Bad Request: the body is not " +
				"JSON: Expecting value: line 1 column 1 (char 0)"},
		} {
			r.name = entry + ": " + r.name
			r.check(t, g)
		}
		g.stop()
	}
}

func TestOpenFaaS(t *testing.T) {
	t.Parallel()
	task := filepath.Join(testdata(t), "dialects")
	plain := [2]string{"content-type", "text/plain; charset=utf-8"}
	g := serve(t, spec{Dialect: "openfaas", Entry: "handler.handle", Task: task})
	for _, r := range []row{
		{name: "text", call: request{Method: "POST", Query: "q=1", body: "hi",
			Headers: [][2]string{{"x-a", "b"}}}, status: 200, body: "printed POST q=1 b\nHI\n",
			header: plain, log: "2 an error"},
		{name: "nothing", call: request{body: "nothing"}, status: 200, body: ""},
		{name: "exception", call: request{body: "raise"}, status: 500, body: "exit status 1",
			fails: "LookupError"},
		{name: "the caller's type", call: post("{}"), status: 200, body: "printed POST  \n{}\n",
			header: [2]string{"content-type", "application/json"}},
	} {
		r.check(t, g)
	}
	g.stop()
	g = serve(t, spec{Dialect: "openfaas", Entry: "handler.over_http", Task: task})
	html := [2]string{"content-type", "text/html; charset=utf-8"}
	for _, r := range []row{
		{name: "none", call: request{Path: "/none"}, status: 200},
		{name: "text", call: request{Path: "/text"}, status: 200, body: "text", header: html},
		{name: "pair", call: request{Path: "/pair"}, status: 201, body: "made"},
		{name: "status", call: request{Path: "/status"}, status: 204},
		{name: "typed", call: request{Path: "/typed"}, status: 200, body: "\x00",
			header: [2]string{"content-type", "application/octet-stream"}},
		{name: "all", call: request{Path: "/all", Method: "PUT", Query: "q=x", body: "in",
			Headers: [][2]string{{"x-a", "1"}}}, status: 202,
			body:   "{\"b\": \"in\", \"q\": \"x\", \"h\": \"1\", \"m\": \"PUT\"}\n",
			header: [2]string{"x-b", "c"}},
		{name: "exception", call: request{Path: "/raise"}, status: 500,
			body: "Internal Server Error", fails: "LookupError"},
	} {
		r.check(t, g)
	}
}

func TestOpenWhisk(t *testing.T) {
	t.Parallel()
	task := filepath.Join(testdata(t), "dialects")
	g := serve(t, spec{Dialect: "openwhisk", Entry: "handler.main", Task: task})
	for _, r := range []row{
		{name: "merged", call: request{Method: "POST", Path: "/p", Query: "a=1&b=2", body: `{"b":3}`,
			Headers: [][2]string{{"content-type", "application/json"}, {"x-a", "y"}}}, status: 200,
			body: `{"a":"1","b":3,"__ow_method":"post","__ow_headers":"y","__ow_path":"/p"}`},
		{name: "web", call: request{Query: "what=web"}, status: 201, body: "made",
			header: [2]string{"x-a", "b"}},
		{name: "empty", call: request{Query: "what=empty"}, status: 200},
		{name: "picture", call: request{Query: "what=picture"}, status: 200, body: "\x00\x01"},
		{name: "error", call: request{Query: "what=error"}, status: 400, body: `{"error":"wrong"}`,
			fails: "ApplicationError"},
		{name: "error with fields", call: request{Query: "what=fields"}, status: 418, body: "short",
			fails: "ApplicationError"},
		{name: "no dictionary", call: request{Query: "what=text"}, status: 502,
			body:  `{"error": "The action did not return a dictionary."}`,
			fails: "Runtime.MalformedResponse"},
		{name: "exception", call: request{Query: "what=raise"}, status: 502,
			body: `{"error": "An error has occurred while invoking the action (see logs for ` +
				`details): no"}`, fails: "LookupError"},
		{name: "an event", call: request{Kind: "event", body: `{"what":"web"}`}, status: 200,
			body: `{"statusCode":201,"headers":{"x-a":"b","set-cookie":["a=1","b=2"]},` +
				`"body":"made"}`},
	} {
		r.check(t, g)
	}
	g.stop()
	g = serve(t, spec{Dialect: "openwhisk", Entry: "handler.with_context", Task: task})
	row{name: "context", status: 200, body: `{"id":"call-1","left":true}`}.check(t, g)
	g.stop()
	g = serve(t, spec{Dialect: "openwhisk", Entry: "__main__.main",
		Task: filepath.Join(testdata(t), "whisk")})
	row{name: "archive", status: 200, body: `{"name":"stranger","module":"__main__"}`}.check(t, g)
	g.stop()
	g = serve(t, spec{Dialect: "openwhisk", Entry: "whisk/__main__.main"})
	row{name: "below", status: 200, body: `{"name":"stranger","module":"__main__"}`}.check(t, g)
}

func TestAzure(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "azure", Entry: "function_app.app",
		Task: filepath.Join(testdata(t), "azure_v2")})
	checkAzure(t, g)
	g = serve(t, spec{Dialect: "azure", Entry: "Item.__init__.main",
		Task: filepath.Join(testdata(t), "azure_v1")})
	form := request{Method: "POST", Path: "/v1/Named", body: "a=b%20c",
		Headers: [][2]string{{"content-type", form}}}
	for _, r := range []row{
		{name: "v1", call: request{Path: "/v1/items/7"}, status: 202, body: "item 7"},
		{name: "v1 optional", call: request{Path: "/v1/items"}, status: 202, body: "item none"},
		{name: "v1 method", call: request{Method: "POST", Path: "/v1/items"}, status: 404},
		{name: "v1 out", call: form, status: 200, body: "out b c"},
		{name: "v1 prefix", call: request{Path: "/api/items"}, status: 404},
	} {
		r.check(t, g)
	}
}

// checkAzure calls testdata/azure_v2, with the package or without.
func checkAzure(t *testing.T, g *client) {
	t.Helper()
	for _, r := range []row{
		{name: "query", call: request{Path: "/api/hello", Query: "name=ann",
			Headers: [][2]string{{"x-a", "b"}}}, status: 200, body: "Hello, ann",
			header: [2]string{"x-seen", "b"}},
		{name: "json", call: request{Method: "POST", Path: "/api/HELLO/", body: `{"name":"bob"}`},
			status: 200, body: "Hello, bob",
			header: [2]string{"content-type", "text/plain; charset=utf-8"}},
		{name: "status", call: request{Path: "/api/hello"}, status: 400, body: "who?"},
		{name: "parameter", call: request{Path: "/api/items/7"}, status: 200, body: "GET 7 items"},
		{name: "constraint", call: request{Path: "/api/items/x"}, status: 200, body: "x|-",
			header: [2]string{"content-type", "text/html; charset=utf-8"}},
		{name: "rest", call: request{Path: "/api/items/x/y/z%20w"}, status: 200, body: "x|y/z w"},
		{name: "method", call: request{Method: "POST", Path: "/api/items/7"}, status: 200,
			body: "7|-"},
		{name: "exception", call: request{Path: "/api/raises"}, status: 500, fails: "LookupError"},
		{name: "nothing", call: request{Path: "/api/nothing"}, status: 204},
		{name: "blueprint", call: request{Method: "POST", Path: "/api/more", body: "abc"},
			status: 200, body: "cba"},
		{name: "blueprint's method", call: request{Path: "/api/more"}, status: 404},
		{name: "no route", call: request{Path: "/api/tick"}, status: 404},
	} {
		r.check(t, g)
	}
}

func TestVercel(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "vercel", Entry: "api/index.handler",
		Task: filepath.Join(testdata(t), "vercel")})
	for _, r := range []row{
		{name: "class", call: request{Path: "/api", Query: "a=b", Headers: [][2]string{{"x-a", "c"}}},
			status: 200, body: "GET /api?a=b", header: [2]string{"x-seen", "c"}},
		{name: "body", call: request{Method: "POST", Path: "/api/index", body: "up"}, status: 201,
			body: "UP"},
		{name: "method", call: request{Method: "PUT", Path: "/api"}, status: 501,
			body: "http.server's own page, which differs by version"},
		{name: "WSGI", call: request{Path: "/api/item/7", Query: "a=b"}, status: 200,
			body: "/api/item/7 a=b&id=7"},
		{name: "ASGI", call: request{Path: "/api/all/x/y", body: "z"}, status: 200,
			body: "/api/all/x/y z"},
		{name: "rewrite", call: request{Path: "/old/thing"}, status: 200,
			body: "/old/thing id=rewritten"},
		{name: "route", call: request{Path: "/any/thing"}, status: 200, body: "GET /any/thing"},
		{name: "none", call: request{Path: "/else"}, status: 404,
			body: "The page could not be found\n\nNOT_FOUND\n"},
	} {
		if r.name == "method" {
			if a := g.call(r.call); a.Status != 501 || !strings.Contains(a.Body, "Unsupported method") {
				t.Errorf("%s: %d %q", r.name, a.Status, a.Body)
			}
			continue
		}
		r.check(t, g)
	}
}

func TestOtherPayloads(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "answers.handler", Payload: "1.0"})
	for _, r := range []row{
		{name: "event", call: request{Path: "/a%20b/", Query: "a=1&a=2&b=x%20y"}, status: 200,
			body: "/{proxy+} /a%20b/ {'a': '2', 'b': 'x y'} {'a': ['1', '2'], 'b': ['x y']} " +
				"{'proxy': 'a%20b'} None"},
		{name: "multi", call: post(`{"statusCode":"201","headers":{"a":"1","b":"2"},` +
			`"multiValueHeaders":{"a":["1","3"]},"body":"x"}`), status: 201, body: "x"},
		{name: "no status", call: post(`{"headers":{}}`), status: 200},
		{name: "base64", call: post(`{"body":"AAE=","isBase64Encoded":true}`), status: 200,
			body: "\x00\x01"},
	} {
		r.check(t, g)
	}
	for _, r := range []row{ // the host tells callers what behind that gateway they see
		{name: "another key", call: post(`{"statusCode":200,"cookies":[]}`), fails: "Runtime.MalformedResponse"},
		{name: "a string", call: post(`"x"`), fails: "Runtime.MalformedResponse"},
		{name: "empty", call: post(`{}`), fails: "Runtime.MalformedResponse"},
		{name: "bad status", call: post(`{"statusCode":"x"}`), fails: "Runtime.MalformedResponse"},
		{name: "multi header that is no list", call: post(`{"statusCode":200,"multiValueHeaders":{"a":"b"}}`),
			fails: "Runtime.MalformedResponse"},
		{name: "exception", call: post(`{"raise":1}`), fails: "LookupError"},
	} {
		if a := g.call(r.call); a.Error == nil || a.Error["type"] != r.fails {
			t.Errorf("%s: answer = %d %q %v, want the failure %s", r.name, a.Status, a.Body, a.Error, r.fails)
		}
	}
	a := g.call(post(`{"headers":{"A":"1","b":"2"},"multiValueHeaders":{"a":["1","3"]}}`))
	want := [][2]string{{"a", "1"}, {"a", "3"}, {"b", "2"}, {"content-type", "application/json"}}
	if diff := cmp.Diff(want, a.Headers); diff != "" {
		t.Errorf("merged headers differ (-want +got):\n%s", diff)
	}
	g.stop()
	g = serve(t, spec{Dialect: "lambda", Entry: "answers.handler", Payload: "alb"})
	row{name: "alb", call: request{Path: "/p", Query: "a=x%20y&a=2"}, status: 200,
		body: "None /p {'a': '2'} None None "}.check(t, g)
	if a := g.call(post(`{"headers":{}}`)); a.Error == nil || a.Error["type"] != "Runtime.MalformedResponse" {
		t.Errorf("alb without a status = %d %q %v", a.Status, a.Body, a.Error)
	}
	g.stop()
	g = serve(t, spec{Dialect: "lambda", Entry: "answers.handler", Payload: "alb-multi"})
	row{name: "alb-multi", call: request{Query: "a=x%20y&a=2"}, status: 200,
		body: "None / None {'a': ['x%20y', '2']} None "}.check(t, g)
}
