// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// dialectCall is one request to a guest and what must come back.
type dialectCall struct {
	name    string
	method  string // GET, or POST with a body
	target  string
	event   bool // the body is a bare event
	body    string
	headers []string // name, value, …
	status  int      // 200 when zero
	want    string   // the whole body, unless contains is set
	has     string
	header  [2]string // one header of the answer
	failure string
}

// archive gives the files of one txtar of testdata.
func archive(t *testing.T, name string) files {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	made := files{}
	for _, f := range a.Files {
		made[f.Name] = string(f.Data)
	}
	return made
}

// check makes the call and compares.
func (c dialectCall) check(t *testing.T, p *process) {
	t.Helper()
	method := c.method
	if method == "" {
		method = http.MethodGet
		if c.body != "" {
			method = http.MethodPost
		}
	}
	inv := p.request(method, c.target, c.body, c.headers...)
	if c.event {
		inv = p.event(c.body)
	}
	a := p.do(inv)
	if a.err != nil {
		t.Fatalf("%s: %v", c.name, a.err)
	}
	if got := failureText(a.failure); !strings.Contains(got, c.failure) || (c.failure == "" && got != "") {
		t.Errorf("%s: failure %q, want %q", c.name, got, c.failure)
	}
	status := c.status
	if status == 0 {
		status = http.StatusOK
	}
	if c.failure != "" && c.status == 0 {
		return
	}
	if a.status != status {
		t.Errorf("%s: status %d, want %d; body %q", c.name, a.status, status, a.body)
	}
	switch {
	case c.has != "" && !strings.Contains(a.body, c.has):
		t.Errorf("%s: body %q, want it to hold %q", c.name, a.body, c.has)
	case c.has == "" && a.body != c.want:
		t.Errorf("%s: body %q, want %q", c.name, a.body, c.want)
	}
	if c.header[0] != "" && strings.Join(a.header.Values(c.header[0]), "|") != c.header[1] {
		t.Errorf("%s: header %s is %q, want %q", c.name, c.header[0], a.header.Values(c.header[0]), c.header[1])
	}
}

func checkAll(t *testing.T, p *process, calls []dialectCall) {
	t.Helper()
	for _, c := range calls {
		c.check(t, p)
	}
}

const jsonType = "application/json"

func TestOpenFaaS(t *testing.T) {
	t.Parallel()
	p := instance(t, "openfaas", "fn/handler", archive(t, "openfaas"))
	checkAll(t, p, []dialectCall{
		{name: "succeed", target: "/a?x=1&y=2", want: `{"method":"GET","path":"/a","query":{"x":"1","y":"2"},"body":{}}`,
			header: [2]string{"Content-Type", jsonType}},
		{name: "JSON body", target: "/a", body: `{"k":[1]}`, headers: []string{"content-type", jsonType},
			want: `{"method":"POST","path":"/a","query":{},"body":{"k":[1]}}`},
		{name: "status and headers", target: "/made", status: 201, want: "made",
			header: [2]string{"X-Made", "yes"}},
		{name: "returned", target: "/returned", want: "plain"},
		{name: "callback", target: "/callback", want: "called"},
		{name: "fail", target: "/fail", status: 500, want: "no such thing"},
		{name: "fail with status", target: "/teapot", status: 418, want: "short"},
		{name: "throws", target: "/throws", status: 500, want: "boom", failure: "exception RangeError: boom"},
		{name: "bad JSON", target: "/a", body: `{`, headers: []string{"content-type", jsonType}, status: 400,
			has: "Bad Request"},
		{name: "health", target: "/_/health", want: "OK"},
	})
}

func TestOpenWhisk(t *testing.T) {
	t.Parallel()
	source := archive(t, "openwhisk")
	p := instance(t, "openwhisk", "action.main", source)
	checkAll(t, p, []dialectCall{
		{name: "query and body merged", target: "/p?a=1&b=2", body: `{"b":3}`, headers: []string{"content-type", jsonType},
			want: `{"a":"1","b":3,"method":"post","path":"/p"}`, header: [2]string{"Content-Type", jsonType}},
		{name: "form", target: "/?a=1", body: `c=x+y`, headers: []string{"content-type", "application/x-www-form-urlencoded"},
			want: `{"a":"1","c":"x y","method":"post","path":""}`},
		{name: "web answer", target: "/?kind=web", status: 203, want: "<b>hi</b>",
			header: [2]string{"Content-Type", "text/html; charset=utf-8"}},
		{name: "object body", target: "/?kind=object", want: `{"x":1}`, header: [2]string{"Content-Type", jsonType}},
		{name: "binary body", target: "/?kind=png", want: "\x89PNG", header: [2]string{"Content-Type", "image/png"}},
		{name: "cookies", target: "/?kind=cookies", status: 204, header: [2]string{"Set-Cookie", "a=1|b=2"}},
		{name: "application error", target: "/?kind=error", status: 400, want: `{"error":"not today"}`,
			failure: "exception ApplicationError: not today"},
		{name: "application error with status", target: "/?kind=denied", status: 403, want: "denied",
			header: [2]string{"Content-Type", "text/html; charset=utf-8"}, failure: "ApplicationError"},
		{name: "throws", target: "/?kind=throws", failure: "exception Error: boom"},
		{name: "no dictionary", target: "/?kind=text", failure: "bad_response Runtime.MalformedResponse: The action did not return a dictionary."},
		{name: "event", event: true, body: `{"a":1}`, want: `{"a":1}`},
		{name: "text body", target: "/?kind=body", body: "plain", headers: []string{"content-type", "text/plain"}, want: "plain",
			header: [2]string{"Content-Type", "text/html; charset=utf-8"}},
	})
	exported := instance(t, "openwhisk", "exported.main", source)
	checkAll(t, exported, []dialectCall{{name: "exported", target: "/?name=Ada", want: `{"greeting":"Hello Ada"}`}})
	raw := instance(t, "openwhisk", "raw.main", files{
		"raw.js":            source["raw.js"],
		".dayfly/node.json": `{"openwhisk":{"raw":true}}`,
	})
	checkAll(t, raw, []dialectCall{{name: "raw", target: "/?a=1", body: `{"x":1}`, headers: []string{"content-type", jsonType},
		want: `{"q":"a=1","b":"{\"x\":1}"}`}})
}

var binaryEvent = []string{
	"ce-id", "1", "ce-source", "//test", "ce-specversion", "1.0", "ce-type", "test.made",
	"ce-subject", "a%20b", "ce-custom", "ext", "content-type", jsonType,
}

func TestCloudEventFunctions(t *testing.T) {
	t.Parallel()
	p := instance(t, "cloudevent", "index.onEvent", archive(t, "cloudevent"))
	structured := []string{"content-type", "application/cloudevents+json; charset=UTF-8"}
	checkAll(t, p, []dialectCall{
		{name: "binary", target: "/", body: `{"n":1}`, headers: binaryEvent,
			want: `{"id":"1","type":"test.made","subject":"a b","custom":"ext","data":{"n":1}}`},
		{name: "structured", target: "/", headers: structured,
			body: `{"specversion":"1.0","id":"2","type":"t","source":"s","data":{"n":2}}`,
			want: `{"id":"2","type":"t","data":{"n":2}}`},
		{name: "data in base64", target: "/", headers: structured,
			body: `{"specversion":"1.0","id":"2","type":"t","source":"s","datacontenttype":"application/json","data_base64":"eyJuIjozfQ=="}`,
			want: `{"id":"2","type":"t","data":{"n":3}}`},
		{name: "batch", target: "/", headers: []string{"content-type", "application/cloudevents-batch+json"},
			body: `[{"specversion":"1.0","id":"1","type":"t","source":"s"},{"specversion":"1.0","id":"2","type":"t","source":"s"}]`,
			want: `[{"id":"1","type":"t"},{"id":"2","type":"t"}]`},
		{name: "empty batch", target: "/", headers: []string{"content-type", "application/cloudevents-batch+json"},
			body: `[]`, status: 204},
		{name: "an event in return", target: "/", headers: structured, status: 200,
			body: `{"specversion":"1.0","id":"2","type":"reply","source":"s","data":{"n":2}}`,
			want: `{"answer":2}`, header: [2]string{"Ce-Type", "reply.made"}},
		{name: "header of the event in return", target: "/", headers: structured,
			body: `{"specversion":"1.0","id":"2","type":"reply","source":"s","data":{"n":2}}`,
			want: `{"answer":2}`, header: [2]string{"Ce-Subject", "%C3%BC%20%25"}},
		{name: "nothing in return", target: "/", headers: structured, status: 204,
			body: `{"specversion":"1.0","id":"2","type":"nothing","source":"s"}`},
		{name: "throws", target: "/", headers: structured, status: 500, want: "Internal Server Error",
			body:   `{"specversion":"1.0","id":"2","type":"throws","source":"s"}`,
			header: [2]string{"X-Google-Status", "crash"}, failure: "exception TypeError: boom"},
		{name: "no event", target: "/", body: `{}`, headers: []string{"content-type", jsonType}, status: 400,
			has: "holds no CloudEvent"},
		{name: "no type", target: "/", headers: structured, body: `{"specversion":"1.0","id":"2","source":"s"}`,
			status: 400, want: "the CloudEvent has no type"},
		{name: "no JSON", target: "/", headers: structured, body: `{`, status: 400, has: "is no JSON"},
		{name: "a format that is not JSON", target: "/", body: "x", status: 415, has: "read as JSON",
			headers: []string{"content-type", "application/cloudevents+avro"}},
		{name: "header that is no UTF-8", target: "/", body: "{}", status: 400, has: "UTF-8",
			headers: append([]string{"ce-bad", "%C0%A0"}, binaryEvent...)},
		{name: "GET", target: "/", status: 405, want: "Method Not Allowed"},
		{name: "permission", method: "OPTIONS", target: "/", headers: []string{"WebHook-Request-Origin", "sender.example"},
			header: [2]string{"Webhook-Allowed-Origin", "sender.example"}},
		{name: "legacy", target: "/", headers: []string{"content-type", jsonType},
			body: `{"context":{"eventId":"7","timestamp":"2020-01-01T00:00:00Z","eventType":"google.storage.object.finalize",` +
				`"resource":{"service":"storage.googleapis.com","name":"projects/_/buckets/b/objects/o"}},"data":{"n":7}}`,
			want: `{"id":"7","type":"google.cloud.storage.object.v1.finalized","subject":"objects/o","data":{"n":7}}`},
		{name: "Pub/Sub push", target: "/", headers: []string{"content-type", jsonType},
			body: `{"message":{"data":"aGk=","messageId":"9","publishTime":"2020-01-01T00:00:00Z"},"subscription":"projects/p/subscriptions/s"}`,
			has:  `"type":"google.cloud.pubsub.topic.v1.messagePublished"`},
		{name: "a bare event", event: true, body: `{"specversion":"1.0","id":"2","type":"t","source":"s","data":5}`,
			want: `{"id":"2","type":"t","data":5}`},
	})
}

func TestBackgroundFunctions(t *testing.T) {
	t.Parallel()
	p := instance(t, "event", "index.onData", archive(t, "cloudevent"))
	checkAll(t, p, []dialectCall{
		{name: "legacy", target: "/", headers: []string{"content-type", jsonType},
			body: `{"context":{"eventId":"7","timestamp":"t","eventType":"google.storage.object.finalize",` +
				`"resource":{"service":"storage.googleapis.com","name":"n","type":"x"}},"data":{"n":7}}`,
			want: `{"data":{"n":7},"id":"7","type":"google.storage.object.finalize","resource":{"service":"storage.googleapis.com","name":"n","type":"x"}}`},
		{name: "older form", target: "/", headers: []string{"content-type", jsonType},
			body: `{"eventId":"7","eventType":"e","resource":"r","data":{"n":7}}`,
			want: `{"data":{"n":7},"id":"7","type":"e","resource":"r"}`},
		{name: "Pub/Sub push", target: "/projects/p/topics/t", headers: []string{"content-type", jsonType},
			body: `{"message":{"data":"aGk=","messageId":"9","publishTime":"t"},"subscription":"projects/p/subscriptions/s"}`,
			want: `{"data":{"@type":"type.googleapis.com/google.pubsub.v1.PubsubMessage","data":"aGk=","attributes":{}},"id":"9",` +
				`"type":"google.pubsub.topic.publish","resource":{"service":"pubsub.googleapis.com",` +
				`"type":"type.googleapis.com/google.pubsub.v1.PubsubMessage","name":"projects/p/topics/t"}}`},
		{name: "CloudEvent", target: "/", body: `{"n":1}`, headers: []string{
			"ce-id", "1", "ce-source", "//storage.googleapis.com/projects/_/buckets/b", "ce-specversion", "1.0",
			"ce-type", "google.cloud.storage.object.v1.finalized", "ce-subject", "objects/o", "content-type", jsonType},
			want: `{"data":{"n":1},"id":"1","type":"google.storage.object.finalize",` +
				`"resource":{"service":"storage.googleapis.com","name":"projects/_/buckets/b/objects/o"}}`},
		{name: "no event", target: "/", body: `x`, status: 400, has: "background event"},
	})
	callback := instance(t, "event", "index.onDataCallback", archive(t, "cloudevent"))
	checkAll(t, callback, []dialectCall{
		{name: "callback", target: "/", headers: []string{"content-type", jsonType},
			body: `{"context":{"eventId":"7","eventType":"e"},"data":{"n":7}}`, want: `{"n":7}`},
		{name: "callback with an error", target: "/", headers: []string{"content-type", jsonType}, status: 500,
			body: `{"context":{"eventId":"7","eventType":"e"},"data":null}`, want: "Internal Server Error",
			failure: "exception Error: no data"},
	})
}

func TestTypedFunctions(t *testing.T) {
	t.Parallel()
	p := instance(t, "typed", "index.greet", archive(t, "cloudevent"))
	checkAll(t, p, []dialectCall{
		{name: "typed", target: "/", body: `{"name":"Ada"}`, want: `{"message":"Hello Ada"}`,
			header: [2]string{"Content-Type", jsonType}},
		{name: "no JSON", target: "/", body: `{`, status: 400, has: "Failed to parse malformatted JSON"},
		{name: "throws", target: "/", body: `{}`, status: 500, want: "Internal Server Error", failure: "exception Error: no name"},
	})
}

func TestEventFunctionsAreFoundByTheFramework(t *testing.T) {
	t.Parallel()
	p := instance(t, "framework", "index.onEvent", archive(t, "cloudevent"))
	checkAll(t, p, []dialectCall{{name: "binary", target: "/", body: `{"n":1}`, headers: binaryEvent,
		want: `{"id":"1","type":"test.made","subject":"a b","custom":"ext","data":{"n":1}}`}})
}
