// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// The tables in testdata are shared with the guests of other languages; README.md there
// says what stands in them. -update writes the events of requests.json as they are now.
var update = flag.Bool("update", false, "write the events of testdata/requests.json anew")

type requestCase struct {
	Name       string              `json:"name"`
	Payload    dayfly.Payload      `json:"payload"`
	Function   dayfly.FunctionName `json:"function"`
	Request    json.RawMessage     `json:"request"`
	Body       string              `json:"body,omitempty"`
	BodyBase64 []byte              `json:"body_base64,omitempty"`
	Event      json.RawMessage     `json:"event"`
}

type responseCase struct {
	Name      string          `json:"name"`
	Payload   dayfly.Payload  `json:"payload"`
	Result    json.RawMessage `json:"result"`
	Malformed bool            `json:"malformed"`
	Failed    bool            `json:"failed"`
	Response  struct {
		Status     int         `json:"status"`
		Headers    [][2]string `json:"headers"`
		Body       string      `json:"body"`
		BodyBase64 []byte      `json:"body_base64"`
	} `json:"response"`
}

const openWhisk = dayfly.Payload("openwhisk")

func load[T any](t testing.TB, file string) []T {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
		t.Fatalf("%s: %v", file, err)
	}
	return list
}

func (c *requestCase) encode(t testing.TB) []byte {
	t.Helper()
	var head frame.RequestHead
	if err := json.Unmarshal(c.Request, &head); err != nil {
		t.Fatal(err)
	}
	body := c.BodyBase64
	if body == nil {
		body = []byte(c.Body)
	}
	if c.Payload == openWhisk {
		return event.Params(&head, body)
	}
	return event.Encode(c.Payload, c.Function, &head, body)
}

func TestRequestsBecomeEvents(t *testing.T) {
	t.Parallel()
	const file = "testdata/requests.json"
	cases := load[requestCase](t, file)
	for i := range cases {
		c := &cases[i]
		got := c.encode(t)
		if *update {
			c.Event = got
			continue
		}
		if diff := cmp.Diff(decoded(t, c.Event), decoded(t, got)); diff != "" {
			t.Errorf("%s as %s (-want +got):\n%s", c.Name, c.Payload, diff)
		}
	}
	if *update {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := errors.Join(enc.Encode(cases), os.WriteFile(file, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func decoded(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %.200q", err, text)
	}
	return v
}

func TestResultsBecomeAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range load[responseCase](t, "testdata/responses.json") {
		name := c.Name + " as " + string(c.Payload)
		for _, result := range []json.RawMessage{c.Result, spaced(t, c.Result)} {
			answer, err := decode(c.Payload, result)
			bad := (*event.Malformed)(nil)
			if errors.As(err, &bad) != c.Malformed {
				t.Errorf("%s: %v, want malformed %v", name, err, c.Malformed)
			}
			if c.Malformed {
				continue
			}
			body := c.Response.BodyBase64
			if body == nil {
				body = []byte(c.Response.Body)
			}
			slices.SortFunc(answer.Headers, byPair)
			slices.SortFunc(c.Response.Headers, byPair)
			if answer.Status != c.Response.Status || !bytes.Equal(answer.Body, body) ||
				(answer.Failure != nil) != c.Failed {
				t.Errorf("%s: %d %q failure %v, want %d %q failed %v", name, answer.Status, answer.Body,
					answer.Failure, c.Response.Status, body, c.Failed)
			}
			if diff := cmp.Diff(c.Response.Headers, answer.Headers); diff != "" && len(answer.Headers) > 0 {
				t.Errorf("%s: headers (-want +got):\n%s", name, diff)
			}
		}
	}
}

func decode(payload dayfly.Payload, result []byte) (event.Answer, error) {
	if payload == openWhisk {
		return event.ParamsAnswer(result)
	}
	return event.Decode(payload, result)
}

// spaced writes JSON with spaces, as some encoders do: they do not reach the caller.
func spaced(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	return append(append([]byte("\n "), b.Bytes()...), ' ', '\n')
}

func byPair(a, b [2]string) int {
	if n := strings.Compare(a[0], b[0]); n != 0 {
		return n
	}
	return strings.Compare(a[1], b[1])
}
