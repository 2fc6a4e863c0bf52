// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func defaults() envelope.Defaults {
	return envelope.Defaults{Source: "/projects/shop/queues/clicks", Now: noon}
}

func head(lines ...string) http.Header {
	header := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
	}
	return header
}

func TestEventsAreRead(t *testing.T) {
	t.Parallel()
	required := []string{"ce-specversion: 1.0", "ce-id: 7", "ce-source: /here", "ce-type: a.b"}
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		want   []dayfly.Event
	}{
		"binary": {
			head(append(required, "content-type: application/json", "ce-subject: caf%C3%A9%20%22x%22",
				"ce-time: 2026-05-04T14:00:00.5+02:00", "ce-partitionkey: k")...), `{"a":1}`,
			[]dayfly.Event{{ID: "7", Source: "/here", Type: "a.b", Subject: `café "x"`,
				Time: noon.Add(500 * time.Millisecond), ContentType: "application/json",
				Extensions: map[string]string{"partitionkey": "k"}, Data: []byte(`{"a":1}`)}},
		},
		"binary, quoted header": {
			head(append(required, `ce-subject: "a \"b\" %41"`)...), "",
			[]dayfly.Event{{ID: "7", Source: "/here", Type: "a.b", Subject: `a "b" A`, Data: []byte{}}},
		},
		"structured, JSON data stays as written": {
			head("content-type: Application/CloudEvents+JSON; charset=UTF-8"),
			`{"specversion":"1.0","id":"7","source":"/here","type":"a.b","n":5,"b":true,"x":null,` +
				`"data":{ "z":1, "a": 1e3 }}`,
			[]dayfly.Event{{ID: "7", Source: "/here", Type: "a.b",
				Extensions: map[string]string{"n": "5", "b": "true"}, Data: []byte(`{ "z":1, "a": 1e3 }`)}},
		},
		"structured, text": {
			head("content-type: application/cloudevents+json"),
			`{"specversion":"1.0","id":"7","source":"/here","type":"a.b","datacontenttype":"text/plain","data":"h\u00e9"}`,
			[]dayfly.Event{{ID: "7", Source: "/here", Type: "a.b", ContentType: "text/plain", Data: []byte("hé")}},
		},
		"structured, bytes": {
			head("content-type: application/cloudevents+json"),
			`{"specversion":"1.0","id":"7","source":"/here","type":"a.b","data_base64":"AP8="}`,
			[]dayfly.Event{{ID: "7", Source: "/here", Type: "a.b", Data: []byte{0, 255}}},
		},
		"batch": {
			head("content-type: application/cloudevents-batch+json"),
			`[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"2","source":"/s","type":"t"}]`,
			[]dayfly.Event{{ID: "1", Source: "/s", Type: "t"}, {ID: "2", Source: "/s", Type: "t"}},
		},
		"empty batch": {head("content-type: application/cloudevents-batch+json"), ` [ ] `, nil},
		"plain body": {
			head("content-type: text/csv", "ce-type: row", "ce-id: 9"), "a,b",
			[]dayfly.Event{{ID: "9", Source: "/projects/shop/queues/clicks", Type: "row", Time: noon,
				ContentType: "text/csv", Data: []byte("a,b")}},
		},
		"curl's content type does not hide JSON": {
			head("content-type: application/x-www-form-urlencoded", "ce-id: 9"), `{"a":1}`,
			[]dayfly.Event{{ID: "9", Source: "/projects/shop/queues/clicks", Type: "dev.dayfly.message",
				Time: noon, ContentType: "application/json", Data: []byte(`{"a":1}`)}},
		},
		"text without a type": {
			head("ce-id: 9"), `hello`,
			[]dayfly.Event{{ID: "9", Source: "/projects/shop/queues/clicks", Type: "dev.dayfly.message",
				Time: noon, ContentType: "text/plain; charset=utf-8", Data: []byte(`hello`)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := envelope.Read(tt.header, []byte(tt.body), defaults())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPlainBodyGetsAnIdentityOfItsOwn(t *testing.T) {
	t.Parallel()
	one, err := envelope.Read(http.Header{}, []byte("x"), defaults())
	if err != nil {
		t.Fatal(err)
	}
	two, err := envelope.Read(http.Header{}, []byte("x"), defaults())
	if err != nil || one[0].ID == "" || one[0].ID == two[0].ID {
		t.Errorf("ids %q and %q, err %v", one[0].ID, two[0].ID, err)
	}
}

func TestBadEventsAreRefusedByTheAttribute(t *testing.T) {
	t.Parallel()
	structured := head("content-type: application/cloudevents+json")
	batch := head("content-type: application/cloudevents-batch+json")
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		want   string
	}{
		"no id":           {head("ce-specversion: 1.0", "ce-source: /s", "ce-type: t"), "", "has no id"},
		"version":         {head("ce-specversion: 2.0"), "", "specversion"},
		"name":            {head("ce-my-name: 1"), "", `"my-name"`},
		"twice":           {head("ce-id: 1", "ce-id: 2"), "", "ce-id stands there 2 times"},
		"UTF-8":           {head("ce-subject: %C0%A0"), "", "ce-subject"},
		"control":         {head("ce-subject: a%0Ab"), "", "subject holds a control"},
		"time":            {head("ce-time: noon"), "", "time is"},
		"source":          {head("ce-source: http://[x"), "", "source"},
		"long":            {head("ce-subject: " + strings.Repeat("x", 5000)), "", "subject is 5000 bytes"},
		"format":          {head("content-type: application/cloudevents+avro"), "", "avro"},
		"charset":         {head("content-type: application/cloudevents+json; charset=latin1"), "", "charset"},
		"no object":       {structured, `[]`, "JSON object"},
		"null":            {structured, `null`, "JSON object"},
		"no version":      {structured, `{"id":"1","source":"/s","type":"t"}`, "specversion"},
		"nested":          {structured, `{"specversion":"1.0","id":{},"source":"/s","type":"t"}`, `"id"`},
		"bytes twice":     {structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":""}`, "both"},
		"base64":          {structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"?"}`, "base64"},
		"upper-case name": {structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","Up":"1"}`, `"Up"`},
		"batch of one":    {batch, `{}`, "list"},
		"bad in batch":    {batch, `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{}]`, "CloudEvent 2 of"},
		"cut batch":       {batch, `[`, "ends early"},
		"more than batch": {batch, `[] []`, "follows"},
		"many":            {batch, "[" + strings.Repeat(`{"specversion":"1.0","id":"1","source":"/s","type":"t"},`, 10000) + "1]", "at most 10000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := envelope.Read(tt.header, []byte(tt.body), defaults())
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want an invalid one with %q", err, tt.want)
			}
		})
	}
}

func FuzzWhatIsReadIsWrittenTheSame(f *testing.F) {
	f.Add("", "x", "caf%C3%A9")
	f.Add("application/json", `{"a":1}`, `"q"`)
	f.Add("application/cloudevents+json",
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2026-05-04T12:00:00Z","data":"x","k":true}`, "")
	f.Add("application/cloudevents-batch+json",
		`[{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/xml","data":"<a/>"}]`, "")
	f.Fuzz(func(t *testing.T, kind, body, subject string) {
		header := http.Header{}
		if kind != "" {
			header.Set("Content-Type", kind)
		}
		if subject != "" {
			header["Ce-Subject"] = []string{subject}
		}
		events, err := envelope.Read(header, []byte(body), defaults())
		if err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Fatalf("error %v of kind %s", err, dayfly.KindOf(err))
			}
			return
		}
		for i := range events {
			checkRoundTrip(t, &events[i])
		}
	})
}

func checkRoundTrip(t *testing.T, want *dayfly.Event) {
	t.Helper()
	if err := envelope.Check(want); err != nil {
		t.Fatalf("Check of what was read: %v", err)
	}
	header := http.Header{}
	body := envelope.WriteBinary(header, want)
	if !strings.HasPrefix(strings.ToLower(want.ContentType), "application/cloudevents") {
		again, err := envelope.Read(header, body, defaults())
		if err != nil || len(again) != 1 {
			t.Fatalf("binary of %+v: %v", want, err)
		}
		compare(t, want, &again[0])
	}
	whole := envelope.WriteStructured(want)
	again, err := envelope.ReadStructured(whole)
	if err != nil {
		t.Fatalf("structured of %+v, %s: %v", want, whole, err)
	}
	compare(t, want, &again)
}

func compare(t *testing.T, want, got *dayfly.Event) {
	t.Helper()
	w, g := *want, *got
	if !w.Time.Equal(g.Time) {
		t.Errorf("time %s became %s", w.Time, g.Time)
	}
	w.Time, g.Time = time.Time{}, time.Time{}
	if len(w.Data) == 0 {
		w.Data = nil
	}
	if len(g.Data) == 0 {
		g.Data = nil
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
