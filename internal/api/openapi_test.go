// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
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
		{"GET", "/v1/info", ""},
		{"GET", "/v1/features", ""},
		{"GET", "/v1/runtimes", ""},
		{"GET", "/v1/invocations", ""},
		{"GET", "/v1/invocations/x", ""},
		{"GET", "/v1/logs", ""},
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
	if resp.StatusCode != http.StatusOK {
		return "/components/schemas/Problem"
	}
	for _, r := range []struct{ pattern, template string }{
		{`^/v1/projects/[^/]+/functions/[^/]+`, "/v1/projects/{project}/functions/{function}"},
		{`/revisions/\d+$`, "/revisions/{number}"},
		{`^/v1/invocations/.+`, "/v1/invocations/{id}"},
	} {
		path = regexp.MustCompile(r.pattern).ReplaceAllLiteralString(path, r.template)
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return "/paths/" + escape.Replace(path) + "/" + strings.ToLower(method) +
		"/responses/200/content/" + escape.Replace(kind) + "/schema"
}
