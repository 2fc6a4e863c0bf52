// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

func TestHTTPFunctions(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Functions$Http"})
	if m.ready.Dialect != dayfly.DialectFramework {
		t.Errorf("dialect = %q, want framework", m.ready.Dialect)
	}
	a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "PUT", Path: "/a%20b+c", RawQuery: "q=1&q=%C3%A9&r",
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-B": {"b"}, "X-C": {"1", "2"}}}, "line é\nmore")
	want := "PUT http://localhost:8080/a%20b+c?q=1&q=%C3%A9&r\n/a b+c q=1&q=%C3%A9&r {q=[1, \xe9], r=[]}\n" +
		"text/plain; charset=utf-8 utf-8 12\nb [1, 2]\nline \xe9\n"
	if a.status != 201 || a.body != want || a.header.Get("Content-Type") != "text/plain; charset=ISO-8859-1" ||
		!slices.Equal(a.header["X-A"], []string{"1", "2"}) {
		t.Errorf("answer = %d %v %q, want 201 %q", a.status, a.header, a.body, want)
	}
	form := "--b1\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nvalue é\r\n--b1\r\n" +
		"Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n" +
		"line\r\n--not b1\r\n--b1--\r\n"
	a = m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST",
		Header: http.Header{"Content-Type": {`multipart/form-data; boundary="b1"`}}}, form)
	if !strings.HasSuffix(a.body, "file=a.txt:line\r\n--not b1\ntext=none:value \xe9\n") {
		t.Errorf("form = %q", a.body)
	}
	for _, path := range []string{"/favicon.ico", "/robots.txt"} {
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: path}, ""); a.status != 404 || a.body != "" {
			t.Errorf("%s: %s, want an empty 404", path, a)
		}
	}
	if a := m.event(`{"a":1}`); !strings.HasPrefix(a.body, "POST http://localhost/\n/ none {}\napplication/json none -1\n") ||
		!strings.HasSuffix(a.body, "{\"a\":1}\n") {
		t.Errorf("event = %s", a)
	}
}

func TestHTTPFunctionsThatFail(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Functions$Http"})
	a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/crash"}, "")
	if a.status != 500 || a.header.Get("X-Google-Status") != "crash" || a.body != "Internal Server Error" ||
		a.failure == nil || a.failure.Type != "java.lang.IllegalStateException" || a.failure.Message != "crashed" {
		t.Errorf("crash = %d %v %q %+v", a.status, a.header, a.body, a.failure)
	}
	if lines := m.logged(); len(lines) == 0 || lines[0] != "call-1 stderr java.lang.IllegalStateException: crashed" {
		t.Errorf("lines = %q", lines)
	}
	a = m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/late"}, "")
	if a.body != "part" || a.failure == nil || a.failure.Message != "late" {
		t.Errorf("late failure = %d %q %+v", a.status, a.body, a.failure)
	}
}

func TestTypedFunctions(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Functions$Typed", dialect: "typed"})
	for body, want := range map[string]string{
		`{"name":"x","times":1}`: `200 {"name":"hello x","times":2}`,
		`{"times":1}`:            `204 `,
		`{"name":`:               `400 `,
	} {
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST"}, body); a.String() != want {
			t.Errorf("%s: %s, want %s", body, a, want)
		}
	}
}

const (
	pubsub = `{"context":{"eventId":"1","timestamp":"2020-05-06T07:33:34.556Z","eventType":"google.pubsub.topic.publish",` +
		`"resource":{"service":"pubsub.googleapis.com","name":"projects/p/topics/t","type":"x"}},` +
		`"data":{"data":"aGk=","attributes":null}}`
	storage = `{"eventId":"2","timestamp":"2020-05-06T07:33:34.556Z","eventType":"google.storage.object.finalize",` +
		`"resource":"projects/_/buckets/b/objects/folder/o#12","data":{"kind":"storage#object","size":"3"}}`
	structured = `{"specversion":"1.0","id":"3","type":"t.x","source":"/s","subject":"sub","ext":"e",` +
		`"time":"2020-01-02T03:04:05Z","datacontenttype":"application/json","data":{"a":null}}`
	uploaded = `{"specversion":"1.0","id":"4","type":"google.cloud.storage.object.v1.finalized",` +
		`"source":"//storage.googleapis.com/projects/_/buckets/b","subject":"objects/o","time":"2020-01-02T03:04:05Z",` +
		`"data":{"kind":"storage#object"}}`
)

func TestEventFunctions(t *testing.T) {
	notShort(t)
	t.Parallel()
	anyJDK(t)
	binary := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"5"}, "Ce-Type": {"t.y"}, "Ce-Source": {"/s%20x"},
		"Ce-Ext": {`"q\"%C3%A9"`}, "Content-Type": {"text/plain"}}
	binary.Set("Ce-Source", "/s")
	for name, row := range map[string]struct {
		entry  string
		header http.Header
		body   string
		want   []string
	}{
		"binary": {"app.Functions$Cloud", binary, "text", []string{"V1 5 t.y /s null text/plain null",
			`[datacontenttype, id, source, specversion, type] [ext] q"é`, "text"}},
		"structured": {"app.Functions$Cloud", http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}},
			structured, []string{"V1 3 t.x /s sub application/json 2020-01-02T03:04:05Z",
				"[datacontenttype, id, source, specversion, subject, time, type] [ext] e", `{"a":null}`}},
		"before, as a CloudEvent": {"app.Functions$Cloud", nil, pubsub, []string{
			"V1 1 google.cloud.pubsub.topic.v1.messagePublished //pubsub.googleapis.com/projects/p/topics/t null " +
				"application/json 2020-05-06T07:33:34.556Z",
			"[datacontenttype, id, source, specversion, time, type] [] null",
			`{"message":{"data":"aGk=","attributes":null,"messageId":"1","publishTime":"2020-05-06T07:33:34.556Z"}}`}},
		"storage, as a CloudEvent": {"app.Functions$Cloud", nil, storage, []string{
			"V1 2 google.cloud.storage.object.v1.finalized //storage.googleapis.com/projects/_/buckets/b " +
				"objects/folder/o application/json 2020-05-06T07:33:34.556Z",
			"[datacontenttype, id, source, specversion, subject, time, type] [] null", `{"kind":"storage#object","size":"3"}`}},
		"before, raw": {"app.Functions$Raw", nil, pubsub, []string{
			`1 google.pubsub.topic.publish 2020-05-06T07:33:34.556Z ` +
				`{"service":"pubsub.googleapis.com","name":"projects/p/topics/t","type":"x"}`,
			`{"data":"aGk=","attributes":null}`}},
		"CloudEvent, raw": {"app.Functions$Raw", http.Header{"Content-Type": {"application/cloudevents+json"}}, uploaded,
			[]string{`4 google.storage.object.finalize 2020-01-02T03:04:05Z {"service":"storage.googleapis.com",` +
				`"name":"projects/_/buckets/b/objects/o","type":"storage#object"}`, `{"kind":"storage#object"}`}},
		"a batch": {"app.Functions$Raw", http.Header{"Content-Type": {"application/cloudevents-batch+json"}},
			"[" + structured + "," + uploaded + "]", []string{`3 t.x 2020-01-02T03:04:05Z /s`, `{"a":null}`,
				`4 google.storage.object.finalize 2020-01-02T03:04:05Z {"service":"storage.googleapis.com",` +
					`"name":"projects/_/buckets/b/objects/o","type":"storage#object"}`, `{"kind":"storage#object"}`}},
		"before, typed": {"app.Functions$Background", nil, pubsub, []string{"aGk= google.pubsub.topic.publish"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := serve(t, spec{entry: row.entry})
			a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Header: row.header}, row.body)
			var got []string
			for _, line := range m.logged() {
				got = append(got, strings.TrimPrefix(line, "call-1 stdout "))
			}
			if diff := cmp.Diff(row.want, got); diff != "" || a.String() != "200 " {
				t.Errorf("%s; lines differ (-want +got):\n%s", a, diff)
			}
		})
	}
}

func TestEventsThatAreNone(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Functions$Cloud"})
	for _, body := range []string{"", "[]", "{}", `{"specversion":"1.0"}`, `{"context":1,"data":{}}`} {
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST"}, body); a.status != 400 {
			t.Errorf("%s: %s, want 400", body, a)
		}
	}
	if a := m.event(structured); a.status != 200 {
		t.Errorf("event: %s, want 200", a)
	}
	crash := strings.Replace(structured, "t.x", "crash", 1)
	if a := m.event(crash); a.status != 500 || a.failure == nil || a.header.Get("X-Google-Status") != "crash" {
		t.Errorf("crash: %s, want 500", a)
	}
}

func TestOpenFaaSHandlers(t *testing.T) {
	notShort(t)
	t.Parallel()
	m := serve(t, spec{entry: "app.Faas"})
	a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Path: "/user/5/x", RawQuery: "a=1&b=%20",
		Header: http.Header{"X-B": {"b"}}}, "body é")
	if want := "body é a=1&b=%20 {a=1, b= } {user=5, x=} b"; a.status != 202 || a.body != want ||
		a.header.Get("Content-Type") != "text/x-test" || a.header.Get("X-Path") != "/user/5/x" {
		t.Errorf("answer = %d %v %q, want 202 %q", a.status, a.header, a.body, want)
	}
	if m.ready.Dialect != dayfly.DialectOpenFaaS {
		t.Errorf("dialect = %q, want openfaas", m.ready.Dialect)
	}
}
