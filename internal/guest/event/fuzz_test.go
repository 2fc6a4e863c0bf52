// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

func FuzzEncode(f *testing.F) {
	f.Add("POST", "/a", "a=1&b", "h:80", "cookie", "a=1; b", []byte("x"))
	f.Add("GET", "/\xff", "%=%&&=", "[::1]", "__proto__", "\xff", []byte("\xff"))
	f.Add("GET", "ANY /{x...}", "", "h", "a", `{"kind":"jwt","claims":{"a":[1,{}]},"key":null,"scopes":["\u00e9"]}`, []byte(""))
	f.Add("GET", "/", "", "h", "a", `{"kind":"function","claims":{"principalId":1e99}}`, []byte(""))
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value string, body []byte) {
		head := &frame.RequestHead{Method: method, Path: path, Query: query, Host: host, Trace: value,
			Headers: [][2]string{{event.HeaderRoute, path}, {event.HeaderParams, value}, {event.HeaderPrincipal, value},
				{strings.ToLower(name), value}, {"content-type", value}, {strings.ToLower(name), "2"}}}
		for _, payload := range dayfly.Payloads() {
			if got := event.Encode(payload, "f", head, body); !json.Valid(got) {
				t.Errorf("Encode(%s) is no JSON: %q", payload, got)
			}
		}
		if got := event.Params(head, body); !json.Valid(got) {
			t.Errorf("Params() is no JSON: %q", got)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, c := range load[responseCase](f, "testdata/responses.json") {
		f.Add([]byte(c.Result))
	}
	f.Fuzz(func(t *testing.T, result []byte) {
		for _, payload := range append(dayfly.Payloads(), openWhisk) {
			answer, err := decode(payload, result)
			checkAnswer(t, answer, err)
		}
	})
}

// checkAnswer tells that an answer passes the host's own check, or is malformed.
func checkAnswer(t *testing.T, answer event.Answer, err error) {
	t.Helper()
	if err != nil {
		if bad := (*event.Malformed)(nil); !errors.As(err, &bad) {
			t.Fatalf("error %v is not Malformed", err)
		}
		return
	}
	head, err := json.Marshal(frame.ResponseHead{Status: answer.Status, Headers: answer.Headers})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := frame.ParseResponse(head); err != nil {
		t.Errorf("the host refuses %s: %v", head, err)
	}
}

func FuzzReadPrelude(f *testing.F) {
	f.Add([]byte("{\"statusCode\":201}\x00\x00\x00\x00\x00\x00\x00\x00body"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		answer, err := event.ReadPrelude(iotest.OneByteReader(bytes.NewReader(wire)))
		checkAnswer(t, answer, err)
	})
}

func TestPreludeIsReadHoweverItIsCut(t *testing.T) {
	t.Parallel()
	const nuls = "\x00\x00\x00\x00\x00\x00\x00\x00"
	wire := `{"statusCode":201,"headers":{"k":"v"},"cookies":["a=b"],"multiValueHeaders":{"m":["1","2"]}}` +
		nuls + "bo\x00dy"
	for name, r := range map[string]io.Reader{
		"whole":        strings.NewReader(wire),
		"byte by byte": iotest.OneByteReader(strings.NewReader(wire)),
		"with its end": iotest.DataErrReader(strings.NewReader(wire)),
	} {
		answer, err := event.ReadPrelude(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rest, _ := io.ReadAll(r)
		want := event.Answer{Status: 201, Headers: [][2]string{{"m", "1"}, {"m", "2"}, {"k", "v"},
			{"set-cookie", "a=b"}, {"content-type", "application/json"}}, Body: []byte("bo\x00dy")}
		answer.Body = append(answer.Body, rest...)
		if diff := cmp.Diff(want, answer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, bad := range map[string]string{
		"no end":        `{"statusCode":200}`,
		"end too far":   "{" + strings.Repeat(" ", 16<<10) + "}" + nuls,
		"no object":     "[]" + nuls,
		"no JSON":       "{" + nuls,
		"bad status":    `{"statusCode":1}` + nuls,
		"nothing":       "",
		"nothing in it": nuls,
	} {
		_, err := event.ReadPrelude(strings.NewReader(bad))
		if malformed := (*event.Malformed)(nil); !errors.As(err, &malformed) {
			t.Errorf("%s: %v, want malformed", name, err)
		}
	}
	if _, err := event.ReadPrelude(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader's error = %v, want it as it is", err)
	}
}
