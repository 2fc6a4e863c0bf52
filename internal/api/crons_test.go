// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

func ledgers() []apitest.Ledger {
	run := cron.Run{Number: 2, Due: apitest.Epoch, At: apitest.Epoch, Outcome: cron.Ran, Event: "e-2"}
	return []apitest.Ledger{
		{Info: cron.Info{Function: dayfly.FunctionRef{Project: "default", Name: "report"}, Trigger: "nightly",
			Expression: "0 3 * * *", Zone: "Asia/Kolkata", Next: apitest.Epoch.Add(time.Hour), Last: &run},
			Runs: []cron.Run{run, {Number: 1, Due: apitest.Epoch, Until: apitest.Epoch, Count: 7, More: true,
				At: apitest.Epoch, Outcome: cron.Missed, Why: "no node ran"}}},
		{Info: cron.Info{Function: dayfly.FunctionRef{Project: "shop", Name: "sum"}, Trigger: "once",
			Expression: "at(2020-01-01T00:00:00)"}},
	}
}

func TestCrons(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Ledgers = ledgers()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", document(t, n)); err != nil {
		t.Fatal(err)
	}
	const report = "/v1/projects/default/functions/report/crons/nightly"
	const described = "/v1/projects/{project}/functions/{function}/crons/{cron}"
	for _, tt := range []struct {
		method, path, body string
		described          string // the path as openapi.json has it
		status             int
		want               []string
	}{
		{"GET", "/v1/crons", "", "/v1/crons", 200, []string{`"nightly"`, `"once"`, `"Asia/Kolkata"`}},
		{"GET", "/v1/crons?project=shop", "", "/v1/crons", 200, []string{`"once"`}},
		{"GET", "/v1/crons?function=report", "", "/v1/crons", 200, []string{`"nightly"`}},
		{"GET", "/v1/crons?function=other", "", "/v1/crons", 200, []string{`"crons":[]`}},
		{"GET", report + "/runs", "", described + "/runs", 200, []string{`"e-2"`, `"count":7`, `"missed"`}},
		{"GET", report + "/runs?limit=1", "", described + "/runs", 200, []string{`"e-2"`}},
		{"POST", report + "/run", "", described + "/run", 200, []string{`"event":"`}},
		{"GET", "/v1/clock", "", "/v1/clock", 200, []string{`"virtual":true`}},
		{"POST", "/v1/clock/advance", `{"by_ns": 3600000000000}`, "/v1/clock/advance", 200, []string{`"fired":0`}},
		{"GET", report + "/runs?limit=201", "", "", 400, []string{"limit"}},
		{"GET", report + "x/runs", "", "", 404, []string{"no cron nightlyx"}},
		{"POST", report + "x/run", "", "", 404, []string{"no cron nightlyx"}},
		{"POST", "/v1/clock/advance", `{"by_ns": -1}`, "", 400, []string{"forward"}},
		{"POST", "/v1/clock/advance", `{"by": "3d"}`, "", 400, []string{"by"}},
	} {
		resp, text := ask(t, n, tt.method, tt.path, tt.body)
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d: %s", tt.method, tt.path, resp.StatusCode, tt.status, text)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s %s answered %s; want %s in it", tt.method, tt.path, text, want)
			}
		}
		if tt.status == http.StatusOK {
			checkDescribed(t, compiler, tt.method, tt.described, text)
		}
	}
}

// checkDescribed holds an answer against its schema.
func checkDescribed(t *testing.T, compiler *jsonschema.Compiler, method, path, text string) {
	t.Helper()
	escape := strings.NewReplacer("/", "~1", "{", "%7B", "}", "%7D")
	schema, err := compiler.Compile("openapi.json#/paths/" + escape.Replace(path) + "/" + strings.ToLower(method) +
		"/responses/200/content/application~1json/schema")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s answered %s: %v", method, path, text, err)
	}
}

func TestTheClockIsPutForwardInDevelopmentOnly(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	before := n.Clock.Now()
	if _, text := ask(t, n, "POST", "/v1/clock/advance", `{"by_ns": 3600000000000}`); !strings.Contains(text, "now") {
		t.Errorf("advance answered %s", text)
	}
	if passed := n.Clock.Now().Sub(before); passed < time.Hour {
		t.Errorf("the clock went forward by %s, want an hour", passed)
	}
}

func TestTheRealClockIsNotPutForward(t *testing.T) {
	t.Parallel()
	n := apitest.StartAt(t, clock.New())
	resp, text := ask(t, n, "POST", "/v1/clock/advance", `{"by_ns": 3600000000000}`)
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(text, "dayfly up --dev") {
		t.Errorf("advance of a real clock: %d %s; want it denied with how to get another", resp.StatusCode, text)
	}
}
