// SPDX-License-Identifier: Apache-2.0

package frame_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

func TestReaderGivesWhatWasAppended(t *testing.T) {
	t.Parallel()
	var wire []byte
	wire = frame.Append(wire, frame.Hello, 0, []byte(`{}`))
	wire = frame.Append(wire, frame.Body, 7, bytes.Repeat([]byte("x"), frame.BodyMax))
	wire = frame.AppendWindow(wire, 7, 1234)
	wire = frame.Append(wire, frame.End, 7, nil)
	r := frame.NewReader(iotestOneByte{bytes.NewReader(wire)})
	for _, want := range []struct {
		kind   frame.Type
		stream uint32
		n      int
	}{{frame.Hello, 0, 2}, {frame.Body, 7, frame.BodyMax}, {frame.WindowMore, 7, 4}, {frame.End, 7, 0}} {
		f, err := r.Read()
		if err != nil || f.Type != want.kind || f.Stream != want.stream || len(f.Payload) != want.n {
			t.Fatalf("Read() = type %d stream %d %d bytes, %v; want %+v", f.Type, f.Stream, len(f.Payload), err, want)
		}
		if want.kind == frame.WindowMore {
			if n, err := frame.ParseWindow(f.Payload); n != 1234 || err != nil {
				t.Errorf("ParseWindow() = %d, %v; want 1234", n, err)
			}
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Errorf("Read() at the end = %v, want EOF", err)
	}
}

// iotestOneByte gives one byte a read, as the worst of sockets may.
type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string][]byte{
		"unknown type":      frame.Append(nil, 99, 1, nil),
		"type zero":         frame.Append(nil, 0, 1, nil),
		"body too large":    frame.AppendHead(nil, frame.Body, 1, frame.BodyMax+1),
		"log too large":     frame.AppendHead(nil, frame.Log, 1, frame.LineMax+2),
		"payload too large": frame.AppendHead(nil, frame.Hello, 0, frame.PayloadMax+1),
		"cut in the head":   frame.Append(nil, frame.Hello, 0, nil)[:5],
		"cut in payload":    frame.Append(nil, frame.Hello, 0, []byte("abc"))[:9],
	} {
		if f, err := frame.NewReader(bytes.NewReader(wire)).Read(); err == nil || err == io.EOF {
			t.Errorf("%s: Read() = %+v, %v; want an error other than EOF", name, f, err)
		}
	}
}

func TestRequestHeadIsJSON(t *testing.T) {
	t.Parallel()
	inv := &dayfly.Invocation{ID: "id-1", Received: time.UnixMilli(1000), Deadline: time.UnixMilli(31000)}
	inv.Request = dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Path: `/a"b\`, Prefix: "/function/x",
		RawQuery: "a=1&a=2", Proto: "HTTP/1.1", Scheme: "http", Host: "h:1", RemoteAddr: "::1", ContentLength: -1,
		TraceParent: "00-1", Header: http.Header{"X-A": {"1", "\x01\xff\u2028é"}}}
	var got frame.RequestHead
	if err := json.Unmarshal(frame.AppendRequest(nil, inv), &got); err != nil {
		t.Fatalf("AppendRequest() is no JSON: %v\n%s", err, frame.AppendRequest(nil, inv))
	}
	want := frame.RequestHead{ID: "id-1", Kind: "http", Deadline: 31000, Received: 1000, Method: "POST", Path: `/a"b\`,
		Prefix: "/function/x", Query: "a=1&a=2", Proto: "HTTP/1.1", Scheme: "http", Host: "h:1", Remote: "::1",
		Headers: [][2]string{{"x-a", "1"}, {"x-a", "\x01\ufffd\u2028é"}}, Length: -1, Trace: "00-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request head (-want +got):\n%s", diff)
	}
	inv.Request.Kind, inv.Request.ContentLength = dayfly.RequestEvent, 7
	got = frame.RequestHead{}
	if err := json.Unmarshal(frame.AppendRequest(nil, inv), &got); err != nil {
		t.Fatalf("AppendRequest() of an event is no JSON: %v", err)
	}
	want = frame.RequestHead{ID: "id-1", Kind: "event", Deadline: 31000, Received: 1000, Length: 7, Trace: "00-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("head of an event (-want +got):\n%s", diff)
	}
}

func TestResponseHeadIsChecked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		payload string
		ok      bool
	}{
		"plain":            {`{"status":200,"headers":[["content-type","a/b"],["set-cookie","a"],["set-cookie","b"]]}`, true},
		"no headers":       {`{"status":204}`, true},
		"not JSON":         {`{"status":`, false},
		"informational":    {`{"status":100}`, false},
		"status too large": {`{"status":600}`, false},
		"header injection": {`{"status":200,"headers":[["x","a\r\nb: c"]]}`, false},
		"bad header name":  {`{"status":200,"headers":[["x y","a"]]}`, false},
		"empty name":       {`{"status":200,"headers":[["","a"]]}`, false},
	} {
		answer, err := frame.ParseResponse([]byte(tc.payload))
		if (err == nil) != tc.ok {
			t.Errorf("%s: ParseResponse() = %v, want ok %v", name, err, tc.ok)
		}
		if name == "plain" && len(answer.Header["Set-Cookie"]) != 2 {
			t.Errorf("header sent twice = %q, want both", answer.Header["Set-Cookie"])
		}
	}
	answer, _ := frame.ParseResponse([]byte(`{"status":500,"headers":[["transfer-encoding","chunked"],["x","1"]],
		"failure":{"kind":"exception","type":"ValueError","message":"boom"}}`))
	if len(answer.Header) != 1 {
		t.Errorf("hop-by-hop header was passed on: %v", answer.Header)
	}
	if answer.Failure == nil || answer.Failure.Type != "ValueError" {
		t.Errorf("failure in the head = %+v, want ValueError", answer.Failure)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(frame.Append(frame.Append(nil, frame.Hello, 0, []byte("{}")), frame.Body, 1, []byte("abc")))
	f.Add([]byte{0xff, 0xff, 0xff, 5, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := frame.NewReader(bytes.NewReader(wire))
		total := 0
		for {
			fr, err := r.Read()
			if err != nil {
				return
			}
			if total += len(fr.Payload) + 8; total > len(wire) {
				t.Fatalf("read %d bytes of %d", total, len(wire))
			}
			_, _ = frame.ParseResponse(fr.Payload)
			_ = frame.ParseError(fr.Payload, dayfly.PhaseInvoke)
			_, _ = frame.ParseWindow(fr.Payload)
		}
	})
}

func FuzzRequestHead(f *testing.F) {
	f.Add("/path", "Name", "va\"lue\x00")
	f.Fuzz(func(t *testing.T, path, name, value string) {
		inv := &dayfly.Invocation{ID: "x"}
		inv.Request = dayfly.Request{Kind: dayfly.RequestHTTP, Path: path, Header: http.Header{name: {value}}}
		var got frame.RequestHead
		if err := json.Unmarshal(frame.AppendRequest(nil, inv), &got); err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		if want := strings.ToValidUTF8(value, "\ufffd"); !strings.Contains(value, "\ufffd") &&
			strings.Count(got.Headers[0][1], "\ufffd") == strings.Count(want, "\ufffd") && got.Headers[0][1] != want {
			t.Errorf("value %q came back as %q", value, got.Headers[0][1])
		}
	})
}

func BenchmarkAppendRequest(b *testing.B) {
	inv := &dayfly.Invocation{ID: dayfly.NewInvocationID(time.Now()), Received: time.Now(), Deadline: time.Now()}
	inv.Request = dayfly.Request{Kind: dayfly.RequestHTTP, Method: "GET", Path: "/", Host: "localhost:8080",
		RemoteAddr: "127.0.0.1", Proto: "HTTP/1.1", Scheme: "http",
		Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8"}, "X-Forwarded-For": {"127.0.0.1"}}}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = frame.AppendRequest(buf[:0], inv)
	}
}
