// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	taken       = `202 {"status":"OK"}`
	integration = "application/vnd.awslambda.http-integration-response"
	mode        = "Lambda-Runtime-Function-Response-Mode"
	nuls        = "\x00\x00\x00\x00\x00\x00\x00\x00"
)

func TestNextTellsOfTheInvocation(t *testing.T) {
	t.Parallel()
	w, next := byHand(t, nil)
	inv := invocation(dayfly.RequestEvent, `{"a": 1}`)
	got := w.call(inv)
	resp := wait(t, next, "event")
	want := map[string]string{
		"Lambda-Runtime-Aws-Request-Id":       string(inv.ID),
		"Lambda-Runtime-Deadline-Ms":          "1900000000123",
		"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:000000000000:function:fn",
		"Lambda-Runtime-Trace-Id":             "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
		"Lambda-Runtime-Client-Context":       "",
		"Content-Type":                        "application/json",
	}
	for name, value := range want {
		if resp.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, resp.Header.Get(name), value)
		}
	}
	if said := text(resp); said != `200 {"a": 1}` {
		t.Errorf("next = %s, want the event as it is", said)
	}
	if said := w.answer(string(inv.ID), "response", `{"b" : 2}`, "Content-Type", "application/json"); said != taken {
		t.Errorf("response = %s", said)
	}
	go w.next()
	if o := wait(t, got, "answer"); o.text != `200 application/json {"b" : 2}` {
		t.Errorf("caller got %s, want the answer as it is", o.text)
	}
}

func TestAnswersReachTheCaller(t *testing.T) {
	t.Parallel()
	const event, web = dayfly.RequestEvent, dayfly.RequestHTTP
	const j = "application/json"
	large := strings.Repeat("x", 6291557)
	for name, row := range map[string]struct {
		kind   dayfly.RequestKind
		what   string
		body   string
		header []string
		said   string // to the program
		want   string
	}{
		"bytes of an event":   {event, "response", "\xff", []string{"Content-Type", "application/unknown"}, taken, "200 application/unknown \xff"},
		"result over HTTP":    {web, "response", `{"statusCode":201,"body":"hi"}`, []string{"Content-Type", j}, taken, "201 application/json hi"},
		"bytes over HTTP":     {web, "response", "\xff", []string{"Content-Type", "application/unknown"}, taken, "200 application/octet-stream \xff"},
		"result of no type":   {web, "response", `"hi"`, nil, taken, "200 application/json hi"},
		"malformed over HTTP": {web, "response", `{"statusCode":1}`, []string{"Content-Type", j}, taken, `bad_response Runtime.MalformedResponse {"errorType":"Runtime.MalformedResponse","errorMessage":"statusCode must be a whole number between 200 and 599, got 1"}`},
		"not JSON over HTTP":  {web, "response", `SUCCESS`, nil, taken, `bad_response Runtime.MalformedResponse {"errorType":"Runtime.MalformedResponse","errorMessage":"the result is not JSON: SUCCESS"}`},
		"streamed over HTTP":  {web, "response", "bytes", []string{mode, "streaming", "Content-Type", "text/x"}, taken, "200 text/x bytes"},
		"streamed event":      {event, "response", large, []string{mode, "streaming", "Content-Type", "application/octet-stream"}, taken, "200 application/octet-stream, 6291557 bytes"},
		"prelude":             {web, "response", `{"statusCode":418,"headers":{"content-type":"a/b"}}` + nuls + "tea", []string{mode, "streaming", "Content-Type", integration}, taken, "418 a/b tea"},
		"prelude of an event": {event, "response", `{}` + nuls + "tea", []string{mode, "streaming", "Content-Type", integration}, taken, "200 " + integration + " {}" + nuls + "tea"},
		"broken prelude":      {web, "response", `{"statusCode":418}`, []string{mode, "streaming", "Content-Type", integration}, taken, `bad_response Runtime.MalformedResponse {"errorType":"Runtime.MalformedResponse","errorMessage":"the answer ended within its prelude"}`},
		"unknown mode":        {event, "response", "x", []string{mode, "burst"}, `400 {"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}`, `bad_response Runtime.InvalidResponseModeHeader {"errorType":"Runtime.InvalidResponseModeHeader","errorMessage":""}`},
		"too large":           {event, "response", large, nil, `413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`, `response_too_large Function.ResponseSizeTooLarge {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`},
		"just not too large":  {event, "response", large[1:], []string{"Content-Type", j}, taken, "200 application/json, 6291556 bytes"},
		"head too large": {web, "response", `{"statusCode":200,"headers":{"x":"` + strings.Repeat("y", 2<<20) + `"}}`, nil, taken,
			`bad_response Runtime.MalformedResponse {"errorType":"Runtime.MalformedResponse","errorMessage":"the head is larger than 1048576 bytes"}`},
		"error":                {event, "error", `{"errorMessage":"boom","errorType":"E", "trace":["l1"]}`, []string{"Lambda-Runtime-Function-Error-Type", "Function.MyError"}, taken, `exception E {"errorMessage":"boom","errorType":"E", "trace":["l1"]}`},
		"error over HTTP":      {web, "error", `{"errorMessage":"boom"}`, []string{"Lambda-Runtime-Function-Error-Type", "Function.MyError"}, taken, `exception Function.MyError {"errorMessage":"boom"}`},
		"error of odd type":    {event, "error", `x`, []string{"Lambda-Runtime-Function-Error-Type", "Function.my_error"}, taken, `exception Function.Unknown x`},
		"error of no type":     {event, "error", ``, nil, taken, `exception Runtime.Unknown {"errorType":"Runtime.Unknown","errorMessage":""}`},
		"error with its cause": {event, "error", `{"errorMessage":"m","errorType":"T","stackTrace":["s"],"errorCause":{"x":1}}`, []string{"Content-Type", "application/vnd.aws.lambda.error.cause+json"}, taken, `exception T {"errorMessage":"m","errorType":"T","stackTrace":["s"]}`},
		"broken cause":         {event, "error", `{`, []string{"Content-Type", "application/vnd.aws.lambda.error.cause+json"}, taken, `exception Runtime.Unknown "Invalid error body"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, next := byHand(t, nil)
			inv := invocation(row.kind, "{}")
			got := w.call(inv)
			_ = wait(t, next, "event").Body.Close()
			if said := w.answer(string(inv.ID), row.what, row.body, row.header...); said != row.said {
				t.Errorf("program was told %s\nwant %s", said, row.said)
			}
			go w.next()
			if o := wait(t, got, "answer"); o.text != row.want {
				t.Errorf("caller got %.300q\nwant %q", o.text, row.want)
			}
		})
	}
}

func TestTheStateMachineIsKept(t *testing.T) {
	t.Parallel()
	const unknown = `400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`
	refused := func(said, from, to string) bool {
		return said == `403 {"errorMessage":"State transition from `+from+` to `+to+
			` failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`
	}
	w, next := byHand(t, nil)
	if said := w.answer("nobody", "response", "1"); said != unknown {
		t.Errorf("answer to nobody = %s", said)
	}
	if said := text(w.do("POST", "/2018-06-01/runtime/init/error", "{}", nil)); !refused(said, "Ready", "InitError") {
		t.Errorf("init error when ready = %s", said)
	}
	inv := invocation(dayfly.RequestEvent, "{}")
	got := w.call(inv)
	_ = wait(t, next, "event").Body.Close()
	if said := text(w.next()); !refused(said, "Running", "Ready") {
		t.Errorf("next while running = %s", said)
	}
	if said := w.answer(string(inv.ID), "response", "1"); said != taken {
		t.Errorf("answer = %s", said)
	}
	if said := w.answer(string(inv.ID), "response", "2"); !refused(said, "ResponseSent", "InvocationResponse") {
		t.Errorf("second answer = %s", said)
	}
	if said := w.answer(string(inv.ID), "error", "2"); !refused(said, "ResponseSent", "InvocationErrorResponse") {
		t.Errorf("error after the answer = %s", said)
	}
	go func() { next <- w.next() }()
	if o := wait(t, got, "answer"); !strings.HasSuffix(o.text, " 1") {
		t.Errorf("caller got %s, want the first answer", o.text)
	}
	if said := w.answer(string(inv.ID), "response", "3"); said != unknown {
		t.Errorf("answer after the next = %s", said)
	}
	if said := text(w.do("GET", "/2018-06-01/ping", "", nil)); said != "200 pong" {
		t.Errorf("ping = %s", said)
	}
	if resp := w.do("GET", "/nonsense", "", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path = %d", resp.StatusCode)
	}
	again := invocation(dayfly.RequestEvent, "{}")
	got = w.call(again)
	_ = wait(t, next, "second event").Body.Close()
	_ = w.answer(string(again.ID), "response", "4")
	go w.next()
	if o := wait(t, got, "second answer"); !strings.HasSuffix(o.text, " 4") {
		t.Errorf("second caller got %s", o.text)
	}
}

func TestTheInstanceIsBusyUntilTheNextNext(t *testing.T) {
	t.Parallel()
	w, next := byHand(t, nil)
	inv := invocation(dayfly.RequestHTTP, "")
	done := make(chan time.Time, 1)
	result := make(chan *dayfly.Result, 1)
	go func() {
		r, err := w.conn.Exchange(t.Context(), inv, func() { done <- time.Now() })
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	_ = wait(t, next, "event").Body.Close()
	_ = w.answer(string(inv.ID), "response", `{"statusCode":200,"body":"whole"}`)
	r := wait(t, result, "answer's head")
	body := make([]byte, 5)
	if n, err := r.Body.Read(body); n != 5 || err != nil || r.Header.Get("Content-Length") != "5" {
		t.Errorf("before the next: %q, %v, length %s; want the whole answer", body[:n], err, r.Header.Get("Content-Length"))
	}
	asked := time.Now()
	go w.next()
	if n, err := r.Body.Read(body); n != 0 || err == nil {
		t.Errorf("after the next: %d bytes, %v", n, err)
	}
	if at := wait(t, done, "end of the call"); at.Before(asked) {
		t.Error("the instance was free before the program asked for more")
	}
}

func TestManyEventsAtOnce(t *testing.T) {
	t.Parallel()
	w, next := byHand(t, func(h *frame.SpecialiseHead) { h.Concurrency = 3 })
	var calls []chan outcome
	var ids []string
	for i := range 3 {
		if i > 0 {
			go func() { next <- w.next() }()
		}
		inv := invocation(dayfly.RequestEvent, "{}")
		calls, ids = append(calls, w.call(inv)), append(ids, string(inv.ID))
		resp := wait(t, next, "event")
		if got := resp.Header.Get("Lambda-Runtime-Aws-Request-Id"); got != ids[i] {
			t.Fatalf("event %d is %s, want %s", i, got, ids[i])
		}
	}
	for _, i := range []int{1, 2, 0} { // in any order, and without a next
		if said := w.answer(ids[i], "response", ids[i]); said != taken {
			t.Errorf("answer %d = %s", i, said)
		}
		if o := wait(t, calls[i], "answer"); !strings.HasSuffix(o.text, ids[i]) {
			t.Errorf("caller %d got %s", i, o.text)
		}
		if said := w.answer(ids[i], "response", "2"); !strings.HasPrefix(said, "400") {
			t.Errorf("second answer = %s", said)
		}
	}
}

func TestATruncatedResponseFails(t *testing.T) {
	t.Parallel()
	w, next := byHand(t, nil)
	inv := invocation(dayfly.RequestEvent, "{}")
	got := w.call(inv)
	_ = wait(t, next, "event").Body.Close()
	conn := w.dial()
	_, _ = conn.Write([]byte("POST /2018-06-01/runtime/invocation/" + string(inv.ID) +
		"/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"))
	_ = conn.Close()
	const want = `bad_response Runtime.TruncatedResponse {"errorType":"Runtime.TruncatedResponse","errorMessage":""}`
	if o := wait(t, got, "failure"); o.text != want {
		t.Errorf("caller got %s\nwant %s", o.text, want)
	}
}

func TestTrailersTellOfAFailureInTheStream(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"streaming": `200 application/octet-stream part, then E {"errorMessage":"m","errorType":"E"}`,
		"":          `exception E {"errorMessage":"m","errorType":"E"}`,
	} {
		w, next := byHand(t, nil)
		inv := invocation(dayfly.RequestEvent, "{}")
		got := w.call(inv)
		_ = wait(t, next, "event").Body.Close()
		conn := w.dial()
		head := "POST /2018-06-01/runtime/invocation/" + string(inv.ID) + "/response HTTP/1.1\r\nHost: x\r\n" +
			"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n" +
			"Transfer-Encoding: chunked\r\n"
		if kind != "" {
			head += mode + ": " + kind + "\r\n"
		}
		_, _ = conn.Write([]byte(head + "\r\n4\r\npart\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Panic\r\n" +
			"Lambda-Runtime-Function-Error-Body: eyJlcnJvck1lc3NhZ2UiOiJtIiwiZXJyb3JUeXBlIjoiRSJ9\r\n\r\n"))
		if o := wait(t, got, "failure"); o.text != want && !strings.HasPrefix(o.text, "exception E") {
			t.Errorf("mode %q: caller got %s\nwant %s", kind, o.text, want)
		}
		_ = conn.Close()
	}
}

func TestAnEventThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := byHand(t, nil)
	large := strings.Repeat("x", 6291557)
	if got, _ := w.exchange(t.Context(), invocation(dayfly.RequestHTTP, large)); !strings.HasPrefix(got, "413 ") {
		t.Errorf("request of %d bytes = %.100s, want 413", len(large), got)
	}
	if got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, large)); !strings.HasPrefix(got, "exception RequestEntityTooLarge") {
		t.Errorf("event of %d bytes = %.100s", len(large), got)
	}
}
