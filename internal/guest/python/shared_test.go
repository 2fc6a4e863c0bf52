// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// sharedCase is one of the cases in internal/guest/event/testdata.
type sharedCase struct {
	Name       string          `json:"name"`
	Payload    string          `json:"payload"`
	Function   string          `json:"function"`
	Request    json.RawMessage `json:"request"`
	Body       string          `json:"body"`
	BodyBase64 string          `json:"body_base64"`
	Event      any             `json:"event"`
	Result     json.RawMessage `json:"result"`
	Malformed  bool            `json:"malformed"`
	Failed     any             `json:"failed"`
	Response   struct {
		Status     int         `json:"status"`
		Headers    [][2]string `json:"headers"`
		Body       string      `json:"body"`
		BodyBase64 string      `json:"body_base64"`
	} `json:"response"`
}

func sharedCases(t *testing.T, file string) map[string][]sharedCase {
	t.Helper()
	text, err := os.ReadFile("../event/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var list []sharedCase
	if err := json.Unmarshal(text, &list); err != nil || len(list) < 40 {
		t.Fatalf("%s has %d cases, want at least 40: %v", file, len(list), err)
	}
	byPayload := map[string][]sharedCase{}
	for _, c := range list {
		byPayload[c.Payload] = append(byPayload[c.Payload], c)
	}
	return byPayload
}

func unbase64(t *testing.T, text, encoded string) string {
	t.Helper()
	if encoded == "" {
		return text
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sharedGuest serves the handler for one of the payloads.
func sharedGuest(t *testing.T, payload, function, lambda, action string) *client {
	t.Helper()
	if payload == "openwhisk" {
		return serve(t, spec{Dialect: "openwhisk", Entry: "shared." + action, Function: function})
	}
	return serve(t, spec{Dialect: "lambda", Entry: "shared." + lambda, Payload: payload, Function: function})
}

func TestSharedCasesOfRequests(t *testing.T) {
	t.Parallel()
	for payload, list := range sharedCases(t, "requests.json") {
		g := sharedGuest(t, payload, list[0].Function, "shows", "shows_args")
		for _, c := range list {
			body := unbase64(t, c.Body, c.BodyBase64)
			g.next++
			g.send(typeRequest, g.next, c.Request)
			if body != "" {
				g.send(typeBody, g.next, []byte(body))
			}
			g.send(typeEnd, g.next, nil)
			a := g.finish(g.next)
			if a.Error != nil {
				t.Errorf("%s (%s): %v", c.Name, payload, a.Error)
				continue
			}
			if diff := gocmp.Diff(c.Event, value(t, a.Body)); diff != "" {
				t.Errorf("%s (%s): event differs (-want +got):\n%s", c.Name, payload, diff)
			}
		}
	}
}

func TestSharedCasesOfResponses(t *testing.T) {
	t.Parallel()
	for payload, list := range sharedCases(t, "responses.json") {
		g := sharedGuest(t, payload, "demo", "returns", "returns_arg")
		for _, c := range list {
			a := g.call(post(`{"result":` + string(c.Result) + `}`))
			failure := a.Error
			if failure == nil {
				failure = a.Failure
			}
			if c.Malformed {
				if failure["kind"] != "bad_response" || failure["type"] != "Runtime.MalformedResponse" {
					t.Errorf("%s (%s): answer = %d %q %v, want a malformed response", c.Name, payload,
						a.Status, a.Body, failure)
				}
				continue
			}
			if a.Error != nil || (failure != nil) != (c.Failed != nil) {
				t.Errorf("%s (%s): failure = %v, want %v", c.Name, payload, failure, c.Failed)
			}
			if want := unbase64(t, c.Response.Body, c.Response.BodyBase64); a.Status != c.Response.Status ||
				a.Body != want {
				t.Errorf("%s (%s): answer = %d %q, want %d %q", c.Name, payload, a.Status, a.Body,
					c.Response.Status, want)
			}
			byName := func(x, y [2]string) int { return cmp.Compare(x[0], y[0]) }
			slices.SortStableFunc(a.Headers, byName)
			slices.SortStableFunc(c.Response.Headers, byName)
			if diff := gocmp.Diff(c.Response.Headers, a.Headers); diff != "" && len(a.Headers)+
				len(c.Response.Headers) > 0 {
				t.Errorf("%s (%s): headers differ (-want +got):\n%s", c.Name, payload, diff)
			}
		}
	}
}
