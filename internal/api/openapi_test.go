// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// document reads the description from the API itself.
func document(t *testing.T, n *apitest.Node) map[string]any {
	t.Helper()
	_, text := ask(t, n, "GET", "/v1/openapi.json", "")
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	doc := document(t, n)
	var described []string
	seen := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, value := range item.(map[string]any) {
			operation := value.(map[string]any)
			described = append(described, strings.ToUpper(method)+" "+path)
			id := operation["operationId"].(string)
			if seen[id] || operation["summary"] == "" || len(operation["responses"].(map[string]any)) == 0 {
				t.Errorf("%s %s: operation %q is incomplete or not unique", method, path, id)
			}
			seen[id] = true
			checkParameters(t, doc, path, operation)
		}
	}
	routes := n.API.Patterns()
	slices.Sort(routes)
	slices.Sort(described)
	if d := cmp.Diff(routes, described); d != "" {
		t.Errorf("routes.go and openapi.json differ:\n%s", d)
	}
}

// checkParameters wants every {name} of the path to be described.
func checkParameters(t *testing.T, doc map[string]any, path string, operation map[string]any) {
	t.Helper()
	var want, got []string
	for _, match := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(path, -1) {
		want = append(want, match[1])
	}
	list, _ := operation["parameters"].([]any)
	for _, p := range list {
		parameter := p.(map[string]any)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = resolve(t, doc, ref)
		}
		if parameter["in"] == "path" {
			got = append(got, parameter["name"].(string))
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("parameters of %s: %s", path, d)
	}
}

func resolve(t *testing.T, doc map[string]any, ref string) map[string]any {
	t.Helper()
	at := doc
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at[part].(map[string]any)
		if !ok {
			t.Fatalf("%s leads nowhere", ref)
		}
		at = next
	}
	return at
}

// TestAnswersAreAsDescribed compares real answers with the schemas.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Found = []string{"python3.11"}
	n.Features = []sandbox.Feature{{Name: "seccomp", Given: true}}
	n.Runtimes = []toolchain.Runtime{{Name: "python3.11", Language: "python", Version: "3.11.2"}}
	n.Instances = []api.Instance{{ID: "i-1", Revision: "f.default@1", State: "idle", Since: apitest.Epoch}}
	n.Records = []dayfly.Record{{ID: "x", Source: dayfly.SourceHTTP, Start: apitest.Epoch,
		Failure: &dayfly.Failure{Kind: dayfly.FailureExit, Phase: dayfly.PhaseInvoke},
		Fault:   dayfly.FaultGuest, Phases: []dayfly.Timed{{Name: "function", Duration: 5}}}}
	n.Taken = []dayfly.EventInfo{{ID: "e-1", Function: dayfly.FunctionRef{Project: "default", Name: "f"},
		Source: dayfly.SourceAsync, State: dayfly.EventDelayed, Accepted: apitest.Epoch,
		Attempts: []dayfly.Attempt{{Number: 1, Invocation: "x", Start: apitest.Epoch, Error: "no"}}}}
	n.Letters = []queue.Letter{
		{EventInfo: dayfly.EventInfo{ID: "d-1", Source: dayfly.SourceAsync, State: dayfly.EventDead,
			Accepted: apitest.Epoch, Reason: dayfly.DeadFatal},
			Call: &queue.Call{Kind: dayfly.RequestEvent, Body: []byte("{}")}},
		{EventInfo: dayfly.EventInfo{ID: "d-2", Source: dayfly.SourceQueue, State: dayfly.EventDead,
			Accepted: apitest.Epoch}, Event: &dayfly.Event{ID: "1", Data: []byte("x")}},
	}
	n.Lines = []dayfly.LogLine{{Time: apitest.Epoch, Stream: dayfly.StreamStdout, Text: "a"}}
	digest := upload(t, n)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", document(t, n)); err != nil {
		t.Fatal(err)
	}
	const f = "/v1/projects/default/functions/f"
	for _, tt := range []struct{ method, path, body string }{
		{"POST", f + "/deploy", `{"source": "` + string(digest) + `"}`},
		{"GET", f, ""},
		{"GET", f + "/revisions/1", ""},
		{"POST", f + "/evict", ""},
		{"POST", f + "/rollback", `{"number": 1}`},
		{"POST", f + "/rollback", `{"number": 9}`},
		{"GET", "/v1/functions", ""},
		{"GET", "/v1/triggers", ""},
		{"GET", "/v1/triggers?function=f", ""},
		{"GET", "/v1/triggers?function=gone", ""},
		{"GET", "/v1/info", ""},
		{"GET", "/v1/features", ""},
		{"GET", "/v1/runtimes", ""},
		{"GET", "/v1/invocations", ""},
		{"GET", "/v1/invocations/x", ""},
		{"GET", "/v1/logs", ""},
		{"POST", f + "/events", `{"a": 1}`},
		{"POST", f + "/pause", ""},
		{"GET", f, ""},
		{"POST", f + "/resume", ""},
		{"GET", "/v1/events", ""},
		{"GET", "/v1/events/e-1", ""},
		{"GET", "/v1/projects/default/events/e-1", ""},
		{"GET", "/v1/projects/shop/events/e-1", ""},
		{"POST", "/v1/events/e-1/cancel", ""},
		{"GET", "/v1/dead", ""},
		{"GET", "/v1/dead/d-1", ""},
		{"GET", "/v1/dead/d-2", ""},
		{"POST", "/v1/dead/redrive", `{"ids": ["d-1"]}`},
		{"DELETE", "/v1/dead/d-2", ""},
		{"DELETE", "/v1/dead?function=f", ""},
		{"GET", "/health", ""},
	} {
		resp, text := ask(t, n, tt.method, tt.path, tt.body)
		schema, err := compiler.Compile("openapi.json#" + pointer(tt.method, tt.path, resp))
		if err != nil {
			t.Fatalf("%s %s: %v", tt.method, tt.path, err)
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		for decoder.More() {
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err != nil {
				t.Fatalf("%s %s: %v: %s", tt.method, tt.path, err, text)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
			if err == nil {
				err = schema.Validate(value)
			}
			if err != nil {
				t.Errorf("%s %s answered %s: %v", tt.method, tt.path, raw, err)
			}
		}
	}
}

// pointer leads to the schema of an answer.
func pointer(method, path string, resp *http.Response) string {
	status := strconv.Itoa(resp.StatusCode)
	if resp.StatusCode >= 300 {
		return "/components/schemas/Problem"
	}
	path, _, _ = strings.Cut(path, "?")
	for _, r := range []struct{ pattern, template string }{
		{`^/v1/projects/[^/]+/functions/[^/]+`, "/v1/projects/{project}/functions/{function}"},
		{`/revisions/\d+$`, "/revisions/{number}"},
		{`^/v1/invocations/.+`, "/v1/invocations/{id}"},
		{`/events/e-1`, "/events/{id}"},
		{`^/v1/projects/[^/]+/events`, "/v1/projects/{project}/events"},
		{`^/v1/dead/d-.+`, "/v1/dead/{id}"},
	} {
		path = regexp.MustCompile(r.pattern).ReplaceAllLiteralString(path, r.template)
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return "/paths/" + escape.Replace(path) + "/" + strings.ToLower(method) +
		"/responses/" + status + "/content/" + escape.Replace(kind) + "/schema"
}
