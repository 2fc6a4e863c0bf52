// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

func TestLambdaStyles(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "styles.js")})
	cases := []struct{ path, body, failure string }{
		{path: "async", body: `{"id":true}`},
		{path: "sync", body: `null`},
		{path: "callback", body: `{"cb":1}`},
		{path: "held", body: `{"held":1}`},
		{path: "islate", body: `{"late":1}`},
		{path: "succeed", body: `{"ok":1}`},
		{path: "done", body: `{"done":1}`},
		{path: "donefail", failure: "exception RangeError: no"},
		{path: "fail", failure: "exception string: text"},
		{path: "failempty", failure: "exception string: handled"},
		{path: "cberror", failure: "exception TypeError: cb"},
		{path: "twice", body: `1`},
		{path: "throws", failure: "exception SyntaxError: boom"},
		{path: "rejects", failure: "exception URIError: later"},
		{path: "undef", body: `null`},
		{path: "nothrow", failure: "exception string: handled"},
		{path: "string", failure: "exception string: a string"},
		{path: "object", failure: "exception object: { code: 7 }"},
		{path: "getter",
			failure: "exception handled: callback called with Error argument, but there was " +
				"a problem while retrieving one or more of its message, name, and stack"},
		{path: "circular", failure: "bad_response Error: Unable to stringify response body"},
		{path: "bigint", failure: "bad_response Error: Unable to stringify response body"},
		{path: "symbol", body: `null`},
		{path: "thenable", body: `{"thenable":true}`},
		{path: "never",
			failure: "exception Runtime.NodeJsExit: The Lambda runtime client detected an " +
				"unexpected Node.js exit. This is most likely due to a Promise that was never settled."},
		{path: "unheld", body: `now`},
		{path: "async", body: `{"id":true}`},
	}
	for _, c := range cases {
		start := time.Now()
		a := p.get("/" + c.path)
		if a.err != nil {
			t.Fatalf("%s: %v", c.path, a.err)
		}
		if got := failureText(a.failure); got != c.failure {
			t.Errorf("%s: failure %q, want %q", c.path, got, c.failure)
		}
		if c.failure == "" && a.body != c.body {
			t.Errorf("%s: body %q, want %q", c.path, a.body, c.body)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v: the answer waited for the event loop", c.path, took)
		}
	}
}

func failureText(f *dayfly.Failure) string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("%s %s: %s", f.Kind, f.Type, f.Message)
}

func TestLambdaErrorPayloadIsAWSs(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "styles.js")})
	a := p.get("/throws")
	var payload struct {
		ErrorType, ErrorMessage string
		Trace                   []string
	}
	if err := json.Unmarshal(a.failure.Payload, &payload); err != nil {
		t.Fatalf("payload %q: %v", a.failure.Payload, err)
	}
	if payload.ErrorType != "SyntaxError" || payload.ErrorMessage != "boom" {
		t.Errorf("payload = %+v", payload)
	}
	if len(payload.Trace) < 2 || payload.Trace[0] != "SyntaxError: boom" ||
		!strings.Contains(payload.Trace[1], "app.js") {
		t.Errorf("trace = %q, want the message, then a line of app.js", payload.Trace)
	}
	if strings.Contains(string(a.failure.Payload), "lambda.cjs") {
		t.Errorf("trace shows the guest's own files: %q", payload.Trace)
	}
	if len(a.failure.Stack) == 0 || strings.HasPrefix(a.failure.Stack[0], "at ") {
		t.Errorf("stack = %q, want places without at", a.failure.Stack)
	}
	for _, line := range p.logged("Invoke Error") {
		if !strings.Contains(line, "ERROR\tInvoke Error \t{\"errorType\":\"SyntaxError\"") {
			t.Errorf("log line %q is not AWS's", line)
		}
	}
	if a := p.get("/huge"); len(a.failure.Message) > 100<<10 || len(a.failure.Message) < 1<<10 {
		t.Errorf("message of a huge error has %d bytes", len(a.failure.Message))
	}
}

func TestLambdaSeesItsEnvironment(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "styles.js")})
	var got struct {
		Env  map[string]string
		Cwd  string
		Argv int
	}
	if err := json.Unmarshal([]byte(p.get("/env").body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"GREETING": "hi", "PATH": "/usr/bin:/bin"}
	if diff := cmp.Diff(want, got.Env); diff != "" {
		t.Errorf("process.env (-want +got):\n%s", diff)
	}
	if !strings.Contains(got.Cwd, "TestLambdaSeesItsEnvironment") || got.Argv != 2 {
		t.Errorf("cwd %q, %d arguments", got.Cwd, got.Argv)
	}
	inv := p.request(http.MethodGet, "/trace", "")
	inv.Request.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	body := `{"id":"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",` +
		`"h":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}`
	if a := p.do(inv); a.body != body {
		t.Errorf("trace = %s, want %s", a.body, body)
	}
}

func TestLambdaContext(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "styles.js")})
	var got struct {
		C    map[string]any
		Left float64
	}
	inv := p.request(http.MethodGet, "/context", "")
	if err := json.Unmarshal([]byte(p.do(inv).body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Left < 1000 || got.Left > 30000 {
		t.Errorf("remaining time = %v ms", got.Left)
	}
	name, _ := got.C["logStreamName"].(string)
	if !strings.HasSuffix(name, "/[3]hello.default@3") {
		t.Errorf("logStreamName = %q", name)
	}
	delete(got.C, "logStreamName")
	want := map[string]any{
		"callbackWaitsForEmptyEventLoop": true, "functionVersion": "3", "functionName": "hello",
		"memoryLimitInMB": "256", "logGroupName": "/aws/lambda/hello", "awsRequestId": string(inv.ID),
		"invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:hello",
	}
	if diff := cmp.Diff(want, got.C); diff != "" {
		t.Errorf("context (-want +got):\n%s", diff)
	}
}

func TestLambdaBareEvents(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.event", files{"app.js": fixture(t, "styles.js")})
	for _, event := range []string{`{"a":[1,2]}`, `"text"`, `3`, `null`, `{"s":"ünï\u0000"}`} {
		if a := p.do(p.event(event)); a.body != `{"got":`+event+`}` || a.status != 200 {
			t.Errorf("event %s: %+v", event, a)
		}
	}
	if a := p.do(p.event(`{broken`)); a.failure == nil || a.failure.Type != "Runtime.UnmarshalError" {
		t.Errorf("broken event: %+v", a)
	}
	large := `"` + strings.Repeat("é", 3<<20) + `"`
	if a := p.do(p.event(large)); a.body != `{"got":`+large+`}` {
		t.Errorf("large event: %d bytes back, %v %v", len(a.body), a.failure, a.err)
	}
}

func TestLambdaLogsBelongToTheirCall(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", map[string]string{"app.js": `
console.log('loading');
exports.handler = async (e, c) => {
  console.log('plain %s', 'text'); console.error(new Error('two\nlines').message);
  process.stdout.write('no '); process.stdout.write('newline');
  process.stderr.write(Buffer.from('bytes\n'));
  setImmediate(() => console.warn('after'));
  console.log('z'.repeat(40000));
};`})
	inv := p.request(http.MethodGet, "/", "")
	if a := p.do(inv); a.failure != nil {
		t.Fatal(a.failure)
	}
	lines := p.logged("after")
	id := string(inv.ID)
	var got []string
	long := 0
	for _, line := range lines {
		line = strings.ReplaceAll(line, id, "ID")
		if strings.Contains(line, "zz") {
			long += strings.Count(line, "z")
			continue
		}
		owner, rest, _ := strings.Cut(line, "|")
		if i := strings.IndexByte(rest, '\t'); i > 0 { // drop the time
			stream, _, _ := strings.Cut(rest, "|")
			rest = stream + "|" + rest[i+1:]
		}
		got = append(got, owner+"|"+rest)
	}
	want := []string{
		"|stdout|undefined\tINFO\tloading",
		"ID|stdout|ID\tINFO\tplain text",
		"ID|stdout|ID\tERROR\ttwo\rlines",
		"ID|stderr|bytes",
		"|stdout|undefined\tWARN\tafter",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if long != 40000 {
		t.Errorf("long line arrived with %d of 40000 characters", long)
	}
}

func TestLambdaCallsOverlap(t *testing.T) {
	t.Parallel()
	p := boot(t)
	h := head(task(t, map[string]string{"app.mjs": `
let waiting = [];
export const handler = async (event, context) => {
  await new Promise((r) => { waiting.push(r);
    if (waiting.length === 3) waiting.forEach((f) => f()); });
  await null;
  console.log('mine ' + event.rawPath);
  return { path: event.rawPath };
};`}), "lambda", "app.handler")
	h.Concurrency = 8
	p.specialise(h)
	answers := make(chan string, 3)
	ids := make(chan string, 3)
	for i := range 3 {
		go func() {
			inv := p.request(http.MethodGet, fmt.Sprintf("/%d", i), "")
			a := p.do(inv)
			ids <- fmt.Sprintf("%s|stdout", inv.ID)
			answers <- fmt.Sprintf("%d %s", i, a.body)
		}()
	}
	for range 3 {
		a := <-answers
		i, body, _ := strings.Cut(a, " ")
		if body != `{"path":"/`+i+`"}` {
			t.Errorf("call %s got %s", i, body)
		}
		id := <-ids
		found := false
		for _, line := range p.logged(id) {
			found = found || strings.HasPrefix(line, id) && strings.Contains(line, "mine")
		}
		if !found {
			t.Errorf("no line of call %s", id)
		}
	}
}

func TestLambdaStreams(t *testing.T) {
	t.Parallel()
	p := instance(t, "lambda", "app.handler", files{"app.js": fixture(t, "streams.js")})
	cases := []struct {
		path, body, failure, header string
		status                      int
	}{
		{path: "plain", body: "one two", status: 200, header: "Content-Type: application/octet-stream"},
		{path: "head", body: "made", status: 201, header: "Set-Cookie: a=1,b=2"},
		{path: "forgot", body: "left open", status: 200},
		{path: "empty", status: 204},
		{path: "typed", body: "a,b", status: 200, header: "Content-Type: text/csv"},
		{path: "pipe", body: "xyz", status: 200},
		{path: "prelude", body: "tail", status: 202, header: "X-B: c"},
		{path: "badprelude", failure: "bad_response Runtime.MalformedResponse: the response ended"},
		{path: "early", failure: "exception RangeError: before"},
		{path: "mid", body: "part", status: 200, failure: "exception RangeError: middle"},
		{path: "never", body: "part", failure: "exception Runtime.NodeJsExit: The Lambda runtime"},
		{path: "big", body: strings.Repeat("a", 8<<20), status: 200},
	}
	for _, c := range cases {
		a := p.get("/" + c.path)
		got := failureText(a.failure)
		if (got == "") != (c.failure == "") || !strings.HasPrefix(got, c.failure) {
			t.Errorf("%s: failure %q, want %q", c.path, got, c.failure)
		}
		if a.body != c.body || c.status != 0 && a.status != c.status {
			t.Errorf("%s: status %d, %d bytes %.80q", c.path, a.status, len(a.body), a.body)
		}
		name, value, _ := strings.Cut(c.header, ": ")
		if got := strings.Join(a.header.Values(name), ","); got != value {
			t.Errorf("%s: header %s = %q, want %q", c.path, name, got, value)
		}
	}
}
