// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

const clicks = "/v1/projects/shop/queues/clicks"

// message is a message as the API shows it.
type message struct {
	Sequence uint64
	Event    map[string]any
}

func TestMessagesComeInEveryForm(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	if resp, text := ask(t, n, "PUT", clicks, `{"retention": "1h"}`); resp.StatusCode != 200 {
		t.Fatalf("PUT: %s", text)
	}
	large := strings.Repeat("a", topic.DataBytesMax+1)
	one := `{"specversion":"1.0","id":"%","source":"/s","type":"t","data":{"n":1}}`
	for name, tt := range map[string]struct {
		header map[string]string
		body   string
		status int
		kept   int
		want   map[string]any // of the last that was kept
	}{
		"plain text": {nil, "hello", 200, 1, map[string]any{"source": "/projects/shop/queues/clicks",
			"type": topic.TypeMessage, "data": "hello"}},
		"JSON with a key": {map[string]string{"Content-Type": "application/json", "Ce-Partitionkey": "k", "Ce-Type": "a.b"},
			`{"a": [1]}`, 200, 1, map[string]any{"partitionkey": "k", "type": "a.b", "data": map[string]any{"a": []any{1.0}}}},
		"binary": {map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "b1", "Ce-Source": "/s", "Ce-Type": "t",
			"Content-Type": "text/plain"}, "x", 200, 1, map[string]any{"id": "b1", "data": "x"}},
		"structured": {map[string]string{"Content-Type": "application/cloudevents+json"}, strings.ReplaceAll(one, "%", "s1"),
			200, 1, map[string]any{"id": "s1", "data": map[string]any{"n": 1.0}}},
		"batch": {map[string]string{"Content-Type": "application/cloudevents-batch+json"},
			"[" + strings.ReplaceAll(one, "%", "1") + "," + strings.ReplaceAll(one, "%", "2") + "]", 200, 2,
			map[string]any{"id": "2"}},
		"no event at all":   {map[string]string{"Content-Type": "application/cloudevents-batch+json"}, "[]", 200, 0, nil},
		"an event in parts": {map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "b1"}, "x", 400, 0, nil},
		"too large":         {nil, large, 413, 0, nil},
		"far too large":     {nil, strings.Repeat(large, 3), 413, 0, nil},
		"a key for a batch": {map[string]string{"Content-Type": "application/cloudevents-batch+json", "Idempotency-Key": "k"},
			"[" + strings.ReplaceAll(one, "%", "1") + "," + strings.ReplaceAll(one, "%", "2") + "]", 400, 0, nil},
	} {
		before := shown(t, n)
		header := map[string]string{"Authorization": "Bearer " + apitest.Token}
		maps.Copy(header, tt.header)
		resp, text := askWith(t, n, "POST", clicks+"/messages", tt.body, header)
		after := shown(t, n)
		if resp.StatusCode != tt.status || len(after)-len(before) != tt.kept {
			t.Errorf("%s: %d %.200s, %d messages were kept; want %d and %d", name, resp.StatusCode, text,
				len(after)-len(before), tt.status, tt.kept)
			continue
		}
		for field, want := range tt.want {
			got, _ := json.Marshal(after[len(after)-1].Event[field])
			if text, _ := json.Marshal(want); string(got) != string(text) {
				t.Errorf("%s: %s is %s, want %s", name, field, got, text)
			}
		}
	}
}

// shown gives all messages of the queue.
func shown(t *testing.T, n *apitest.Node) []message {
	t.Helper()
	var page struct{ Messages []message }
	resp, text := ask(t, n, "GET", clicks+"/messages?limit=1000", "")
	if err := json.Unmarshal([]byte(text), &page); err != nil || resp.StatusCode != 200 {
		t.Fatalf("GET messages: %d %s %v", resp.StatusCode, text, err)
	}
	return page.Messages
}

func TestQueueAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Readers = map[string][]topic.Reader{"taken": {{Function: dayfly.FunctionRef{Project: "shop", Name: "f"},
		Trigger: "t", Behind: 1, Since: apitest.Epoch, Counts: topic.Counts{Error: "no", ErrorTime: apitest.Epoch}}}}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", document(t, n)); err != nil {
		t.Fatal(err)
	}
	const queues, taken = "/v1/projects/shop/queues", "/v1/projects/shop/queues/taken"
	at := func(method, path, status string) string {
		return "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path) + "/" + method +
			"/responses/" + status + "/content/application~1json/schema"
	}
	base := "/v1/projects/{project}/queues"
	for _, tt := range []struct{ method, path, body, schema string }{
		{"PUT", taken, "", at("put", base+"/{queue}", "200")},
		{"POST", taken + "/messages", "x", at("post", base+"/{queue}/messages", "200")},
		{"GET", taken + "/messages", "", at("get", base+"/{queue}/messages", "200")},
		{"GET", taken, "", at("get", base+"/{queue}", "200")},
		{"GET", queues, "", at("get", base, "200")},
		{"POST", taken + "/replay", `{"function": "f", "from": "1", "to": "9"}`, at("post", base+"/{queue}/replay", "200")},
	} {
		resp, text := ask(t, n, tt.method, tt.path, tt.body)
		schema, err := compiler.Compile("openapi.json" + tt.schema)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s %s answered %d %s: %v", tt.method, tt.path, resp.StatusCode, text, err)
		}
	}
}

func TestBadQueueRequestsAreRefused(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Readers = map[string][]topic.Reader{"taken": {{Trigger: "t"}}}
	ask(t, n, "PUT", clicks, "")
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", clicks, `{"retention": "1s"}`, 400},
		{"PUT", clicks, `{"retention": "long"}`, 400},
		{"PUT", clicks, `{"keep": "1h"}`, 400},
		{"PUT", "/v1/projects/shop/queues/a.b", "", 400},
		{"GET", "/v1/projects/shop/queues/none", "", 404},
		{"GET", "/v1/projects/shop/queues/none/messages", "", 404},
		{"POST", "/v1/projects/shop/queues/none/messages", "x", 404},
		{"GET", clicks + "/messages?from=soon", "", 400},
		{"GET", clicks + "/messages?limit=1001", "", 400},
		{"GET", clicks + "/messages?size=1", "", 400},
		{"POST", clicks + "/replay", `{"function": "f"}`, 400},
		{"DELETE", "/v1/projects/shop/queues/taken", "", 409},
		{"DELETE", clicks, "", 204},
		{"DELETE", clicks, "", 404},
	} {
		if resp, text := ask(t, n, tt.method, tt.path, tt.body); resp.StatusCode != tt.status {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.path, tt.body, resp.StatusCode, text, tt.status)
		}
	}
}
