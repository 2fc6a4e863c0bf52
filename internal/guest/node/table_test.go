// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// The tables of internal/guest/event are shared by all guests: README.md beside them
// says what they hold.
const tables = "../event/testdata/"

type requestCase struct {
	Name       string          `json:"name"`
	Payload    dayfly.Payload  `json:"payload"`
	Function   string          `json:"function"`
	Request    json.RawMessage `json:"request"`
	Body       string          `json:"body"`
	BodyBase64 []byte          `json:"body_base64"`
	Event      any             `json:"event"`
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

func table[T any](t *testing.T, name string) []T {
	t.Helper()
	text, err := os.ReadFile(tables + name)
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return list
}

// tabled boots a guest for one payload of the tables.
func tabled(t *testing.T, payload dayfly.Payload, code string) *rawGuest {
	t.Helper()
	p, nc := start(t)
	g := &rawGuest{process: p, nc: nc, frames: frame.NewReader(nc)}
	_ = nc.SetDeadline(time.Now().Add(patience))
	g.expect(frame.Hello, 0, "")
	h := head(task(t, files{"app.js": code}), "lambda", "app.main")
	h.Function, h.Payload = "thumbnail", payload
	if payload == "openwhisk" {
		h.Dialect, h.Payload = dayfly.DialectOpenWhisk, ""
	}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	g.send(frame.Append(nil, frame.Specialise, 0, text))
	g.expect(frame.Ready, 0, "")
	return g
}

// exchange sends a request and reads what comes back: the answer, or the error.
func (g *rawGuest) exchange(stream uint32, head json.RawMessage, body []byte) (*frame.ResponseHead, string, *frame.ErrorHead) {
	g.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(head, &fields); err != nil {
		g.t.Fatal(err)
	}
	fields["length"] = len(body)
	text, err := json.Marshal(fields)
	if err != nil {
		g.t.Fatal(err)
	}
	b := frame.Append(nil, frame.Request, stream, text)
	if len(body) > 0 {
		b = frame.Append(frame.Append(b, frame.Body, stream, body), frame.End, stream, nil)
	}
	g.send(b)
	answer := &frame.ResponseHead{}
	var got bytes.Buffer
	for {
		f, err := g.frames.Read()
		if err != nil {
			g.t.Fatal(err)
		}
		switch f.Type {
		case frame.Response:
			err = json.Unmarshal(f.Payload, answer)
		case frame.Body:
			got.Write(f.Payload)
		case frame.End:
			return answer, got.String(), nil
		case frame.Error:
			failure := &frame.ErrorHead{}
			if err := json.Unmarshal(f.Payload, failure); err != nil {
				g.t.Fatal(err)
			}
			return nil, "", failure
		}
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

var payloadsOfTables = []dayfly.Payload{"2.0", "1.0", "alb", "alb-multi", "openwhisk"}

func TestRequestsBecomeTheEventsOfTheTable(t *testing.T) {
	t.Parallel()
	cases := table[requestCase](t, "requests.json")
	for _, payload := range payloadsOfTables {
		t.Run(string(payload), func(t *testing.T) {
			t.Parallel()
			g := tabled(t, payload, "exports.main = async (e) => ({ statusCode: 200, body: JSON.stringify(e) });")
			for i, c := range cases {
				if c.Payload != payload {
					continue
				}
				body := c.BodyBase64
				if body == nil {
					body = []byte(c.Body)
				}
				_, text, failure := g.exchange(uint32(i+1), c.Request, body)
				if failure != nil {
					t.Errorf("%s: %v", c.Name, failure)
					continue
				}
				var got any
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.Event, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.Name, diff)
				}
			}
		})
	}
}

func TestResultsBecomeTheAnswersOfTheTable(t *testing.T) {
	t.Parallel()
	all := table[responseCase](t, "responses.json")
	for _, payload := range payloadsOfTables {
		t.Run(string(payload), func(t *testing.T) {
			t.Parallel()
			cases := slices.DeleteFunc(slices.Clone(all), func(c responseCase) bool { return c.Payload != payload })
			results := make([]string, len(cases))
			for i, c := range cases {
				results[i] = string(c.Result)
			}
			g := tabled(t, payload, fmt.Sprintf("const all = [%s];\nlet i = 0;\nexports.main = async () => all[i++];",
				strings.Join(results, ",\n")))
			const request = `{"id":"x","kind":"http","deadline_ms":1,"received_ms":1,"method":"GET","path":"/",` +
				`"scheme":"http","host":"h","headers":[]}`
			for i, c := range cases {
				answer, body, failure := g.exchange(uint32(i+1), json.RawMessage(request), nil)
				c.compare(t, answer, body, failure)
			}
		})
	}
}

func (c *responseCase) compare(t *testing.T, answer *frame.ResponseHead, body string, failure *frame.ErrorHead) {
	t.Helper()
	if c.Malformed {
		if failure == nil || failure.Kind != dayfly.FailureResponse || failure.Type != "Runtime.MalformedResponse" {
			t.Errorf("%s: %+v %+v, want a malformed response", c.Name, answer, failure)
		}
		return
	}
	if failure != nil {
		t.Errorf("%s: %+v, want an answer", c.Name, failure)
		return
	}
	want := c.Response.Body
	if c.Response.BodyBase64 != nil {
		want = string(c.Response.BodyBase64)
	}
	if answer.Status != c.Response.Status || body != want || (answer.Failure != nil) != c.Failed {
		t.Errorf("%s: %d %q failure %v, want %d %q failed %v", c.Name, answer.Status, body, answer.Failure,
			c.Response.Status, want, c.Failed)
	}
	headers := slices.DeleteFunc(answer.Headers, func(h [2]string) bool { return h[0] == "content-length" })
	byPair := func(a, b [2]string) int { return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1]) }
	slices.SortFunc(headers, byPair)
	slices.SortFunc(c.Response.Headers, byPair)
	if diff := cmp.Diff(c.Response.Headers, headers); diff != "" && len(headers)+len(c.Response.Headers) > 0 {
		t.Errorf("%s: headers (-want +got):\n%s", c.Name, diff)
	}
}
