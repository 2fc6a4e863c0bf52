// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

var update = flag.Bool("update", false, "write the golden files")

var hello = dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "hello"}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is out of date; go test ./internal/cli -update writes it:\n%s", path, d)
	}
}

func TestHelpIsTheGuide(t *testing.T) {
	t.Parallel()
	var guide strings.Builder
	guide.WriteString("# The command line\n\nWhat `dayfly --help` and the help of each command say. " +
		"`go test ./internal/cli -update` writes this page.\n")
	commands := []string{"", "up", "doctor", "runtimes", "deploy", "rollback", "list", "inspect",
		"invoke", "trigger", "trigger list", "cron", "cron list", "cron next", "cron history", "cron run",
		"pause", "resume", "evict", "remove", "queue", "queue list", "queue create", "queue remove",
		"queue publish", "queue messages", "queue replay", "queue stats", "bucket", "bucket list", "bucket create",
		"bucket remove", "bucket keys", "object", "object ls", "object put", "object get", "object rm", "object url", "kv", "kv get", "kv put", "kv delete",
		"kv list", "kv incr", "kv watch", "kv buckets", "logs", "invocations", "explain", "events", "dead", "dead list",
		"dead show", "dead redrive", "dead drop", "cancel", "clock", "clock advance", "version"}
	for _, name := range commands {
		args := append(strings.Fields(name), "--help")
		got := clitest.Run(t, nil, "", args...)
		if got.Code != 0 || got.Err != "" {
			t.Errorf("%v: %+v", args, got)
		}
		fmt.Fprintf(&guide, "\n## %s\n\n```\n%s```\n", strings.TrimSpace("dayfly "+name), got.Out)
	}
	golden(t, "../../docs/guides/cli.md", guide.String())
}

func TestErrorsHaveKindsAndHints(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		text, _ := io.ReadAll(inv.Request.Body)
		var kind dayfly.Kind
		if err := json.Unmarshal(text, &kind); err != nil {
			return nil, err
		}
		return nil, dayfly.Errorf(kind, "told").WithHint("do this")
	}
	for kind, code := range map[dayfly.Kind]int{
		dayfly.KindInvalid: 2, dayfly.KindUnauthenticated: 6, dayfly.KindDenied: 6,
		dayfly.KindNotFound: 3, dayfly.KindConflict: 4, dayfly.KindExhausted: 5,
		dayfly.KindUnavailable: 5, dayfly.KindTimeout: 8, dayfly.KindCanceled: 130,
	} {
		got := clitest.Run(t, n, "", "invoke", "hello", "-d", `"`+string(kind)+`"`)
		if want := (clitest.Typed{Err: "error: told\nhint: do this\n", Code: code}); got != want {
			t.Errorf("kind %s: %+v, want %+v", kind, got, want)
		}
	}
	got := clitest.Run(t, n, "", "invoke", "hello", "-d", `"internal"`)
	if got.Code != 1 || strings.Contains(got.Err, "told") {
		t.Errorf("internal: %+v", got)
	}
	got = clitest.Run(t, n, "", "invoke", "hello", "-d", `"conflict"`, "--json")
	var told struct {
		Error struct{ Kind, Message, Hint, Invocation string }
	}
	if err := json.Unmarshal([]byte(got.Err), &told); err != nil || told.Error.Kind != "conflict" ||
		told.Error.Message != "told" || told.Error.Hint != "do this" || len(told.Error.Invocation) != 36 {
		t.Errorf("in JSON: %+v, %v", got, err)
	}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := clitest.Write(t, dir, "app.py", "pass")
	manifest := clitest.Write(t, dir, "dayfly.yaml", "functions: {one: {source: ./app.py}}")
	tests := []struct {
		args []string
		code int
		want string
	}{
		{[]string{"nonsense"}, 2, `unknown command "nonsense"`},
		{[]string{"lst"}, 2, "did you mean: dayfly list"},
		{[]string{"list", "--all"}, 2, "unknown flag: --all"},
		{[]string{"list", "x"}, 2, "takes no arguments"},
		{[]string{"evict"}, 2, "dayfly evict needs NAME"},
		{[]string{"logs", "a", "b"}, 2, `no use for "b"`},
		{[]string{"evict", "A_B"}, 2, "lower-case"},
		{[]string{"evict", "a.b", "--project", "c"}, 2, "names project b"},
		{[]string{"invoke", "a", "-d", "{"}, 2, "not JSON"},
		{[]string{"invoke", "a", "-d", "@" + dir + "/none"}, 3, "does not exist"},
		{[]string{"invoke", "a", "-d", "@" + dir}, 2, "is a folder"},
		{[]string{"rollback", "a", "--to", "-3"}, 2, "-3"},
		{[]string{"logs", "--since", "noon"}, 2, "noon"},
		{[]string{"deploy", dir + "/none"}, 3, "/none does not exist"},
		{[]string{"deploy", app, "--env", "X"}, 2, "KEY=VALUE"},
		{[]string{"deploy", app, "--memory", "lots"}, 2, "memory"},
		{[]string{"deploy", app, "--min", "x"}, 2, "min"},
		{[]string{"deploy", app, "--dialect", "klingon"}, 2, "klingon"},
		{[]string{"deploy", app, "--project", "A"}, 2, "project name"},
		{[]string{"deploy", manifest, "--function", "two"}, 2, "there are: one"},
		{[]string{"guest"}, 2, "inside a sandbox"},
		{[]string{"list", "--url", "here"}, 2, "not the URL"},
	}
	for _, tt := range tests {
		got := clitest.Run(t, apitest.Start(t), "", tt.args...)
		if got.Code != tt.code || !strings.Contains(got.Err, tt.want) || got.Out != "" {
			t.Errorf("dayfly %s: %+v, want code %d and %q", strings.Join(tt.args, " "), got,
				tt.code, tt.want)
		}
	}
	if got := clitest.Run(t, nil, "", "list"); got.Code != 6 || !strings.Contains(got.Err, "dayfly up") {
		t.Errorf("without a node: %+v", got)
	}
}

func TestDeployFlagsReachTheNode(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	var seen rollout.Request
	n.Deploying = func(_ context.Context, r rollout.Request, _ func(rollout.Event)) error {
		seen = r
		return nil
	}
	app := clitest.Write(t, t.TempDir(), "My App.py", "pass")
	got := clitest.Run(t, n, "", "deploy", app, "--runtime", "python3.12", "--contract", "http",
		"--command", "python3 app.py", "-e", "A=1", "-e", "B=x=y", "--memory", "64Mi", "--cpu", "0.5",
		"--timeout", "1m", "--init-timeout", "2s", "--concurrency", "4", "--min", "0", "--max", "7",
		"--idle", "5m", "--queue", "9", "--queue-timeout", "3s", "--egress", "none", "--project", "shop")
	if got.Code != 0 {
		t.Fatalf("%+v", got)
	}
	if seen.Function.String() != "my-app.shop" {
		t.Errorf("function is %s", seen.Function)
	}
	text, err := json.Marshal(seen.Settings)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"runtime":"python3.12","contract":"http","command":["python3","app.py"],` +
		`"memory":"64Mi","cpu":"0.5","timeout":"1m","init_timeout":"2s","concurrency":4,` +
		`"instances":{"min":0,"max":7},"idle":"5m","queue":{"depth":9,"timeout":"3s"},` +
		`"env":{"A":"1","B":"x=y"},"egress":"none"}`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Error(d)
	}
}

func TestDeployTellsWhatHappens(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Found = []string{"python3.11", "handler (lambda)"}
	fail := false
	n.Deploying = func(_ context.Context, _ rollout.Request, progress func(rollout.Event)) error {
		progress(rollout.Event{Stage: "install", Text: "1 package"})
		progress(rollout.Event{Stage: "install", Text: "Collecting pillow", Stream: dayfly.StreamStdout})
		if fail {
			return dayfly.Errorf(dayfly.KindInvalid, "pip failed:\nCollecting pillow")
		}
		progress(rollout.Event{Stage: "start"})
		return nil
	}
	app := clitest.Write(t, t.TempDir(), "hello.py", "pass")
	got := clitest.Run(t, n, "", "deploy", app)
	for _, want := range []string{"hello is live: revision 1", "found  python3.11\n",
		"       handler (lambda)\n", "curl http://127.0.0.1:8080/function/hello"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("stdout lacks %q:\n%s", want, got.Out)
		}
	}
	for _, want := range []string{"hello: upload, 1 file, 4 B, sent as", "hello: install, 1 package",
		"hello: start"} {
		if !strings.Contains(got.Err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, got.Err)
		}
	}
	if strings.Contains(got.Err, "pillow") || strings.Contains(got.Out+got.Err, "\x1b") {
		t.Errorf("a build that worked is shown, or colour without a terminal:\n%s", got.Err)
	}
	got = clitest.Run(t, n, "", "deploy", app, "-v")
	if !strings.Contains(got.Err, "Collecting pillow") || !strings.Contains(got.Out, "unchanged") ||
		!strings.Contains(got.Err, "already uploaded, nothing to send") {
		t.Errorf("verbose, again: %+v", got)
	}
	fail = true
	got = clitest.Run(t, n, "", "deploy", app)
	if got.Code != 2 || !strings.Contains(got.Err, "✗ hello: install, 1 package") ||
		strings.Count(got.Err, "Collecting pillow") != 1 || !strings.Contains(got.Err, "error: pip failed\n") {
		t.Errorf("a build that failed: %+v", got)
	}
	got = clitest.Run(t, n, "", "deploy", app, "--json")
	if got.Code != 2 || strings.Count(got.Err, "\n") != 1 || !json.Valid([]byte(got.Err)) {
		t.Errorf("a build that failed, in JSON: %+v", got)
	}
}

func TestInvokePrintsTheAnswerAlone(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		text, err := io.ReadAll(inv.Request.Body)
		status := http.StatusOK
		if string(text) == "404" {
			status = http.StatusNotFound
		}
		return &dayfly.Result{Status: status, Body: io.NopCloser(bytes.NewReader(text))}, err
	}
	if got := clitest.Run(t, n, "[1]", "invoke", "hello", "-d", "-"); got != (clitest.Typed{Out: "[1]"}) {
		t.Errorf("from stdin: %+v", got)
	}
	if got := clitest.Run(t, n, "", "invoke", "hello"); got != (clitest.Typed{Out: "{}"}) {
		t.Errorf("without an event: %+v", got)
	}
	file := clitest.Write(t, t.TempDir(), "event.json", "\xff\x00")
	got := clitest.Run(t, n, "", "invoke", "hello", "-d", "@"+file, "--json")
	if !strings.Contains(got.Out, `"binary":"/wA="`) || got.Code != 0 {
		t.Errorf("bytes in JSON: %+v", got)
	}
	got = clitest.Run(t, n, "", "invoke", "hello", "-d", "404")
	if got.Out != "404" || got.Code != 7 || !strings.Contains(got.Err, "status 404") {
		t.Errorf("an answer of 404: %+v", got)
	}
}

// record is a call that has everything.
func record() dayfly.Record {
	return dayfly.Record{
		ID: "01a2088b-5c29-740b-8060-fd99cbac46e0", Function: hello, Revision: "hello.default@3",
		Runtime: "python3.11", Instance: "i-6e6a06c63f98", Node: "node-1", Source: dayfly.SourceHTTP,
		Method: "GET", Path: "/a", Status: 200, Start: time.Now().Add(-3 * time.Minute),
		Duration: 14210 * time.Microsecond, Cold: dayfly.ColdStem, Why: "no instance was idle",
		Phases: []dayfly.Timed{{Name: "wait", Duration: 12 * time.Microsecond},
			{Name: "attach", Duration: 92 * time.Microsecond}, {Name: "init", Duration: 1210 * time.Microsecond},
			{Name: "function", Duration: 12400 * time.Microsecond}},
		QueueDepth: 2, BilledMillis: 13, MemoryPeakBytes: 87 << 20, MemoryLimitBytes: 256 << 20,
		RequestBytes: 12, ResponseBytes: 1234,
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	failed := record()
	failed.ID, failed.Cold, failed.CallsServed, failed.Status = "failed", "", 4, 502
	failed.Fault, failed.QueueDepth, failed.Why = dayfly.FaultGuest, 0, ""
	failed.Failure = &dayfly.Failure{Kind: dayfly.FailureMemory, Phase: dayfly.PhaseInvoke,
		Type: "OutOfMemory", Message: "the limit of 256Mi was reached", Stack: []string{"app.py:3 in f"}}
	refused := dayfly.Record{ID: "refused", Function: hello, Source: dayfly.SourceInvoke, Status: 429,
		Start: record().Start, Duration: time.Millisecond, Fault: dayfly.FaultCapacity,
		Kind: dayfly.KindExhausted, Error: "10 calls wait already"}
	n.Records = []dayfly.Record{record(), failed, refused}
	n.Lines = []dayfly.LogLine{{Invocation: failed.ID, Function: hello, Stream: dayfly.StreamStderr,
		Time: failed.Start.Add(5 * time.Millisecond), Text: "allocating"}}
	for _, r := range n.Records {
		got := clitest.Run(t, n, "", "explain", string(r.ID))
		if got.Code != 0 || got.Err != "" {
			t.Fatalf("%+v", got)
		}
		when := r.Start.Local().Format("2006-01-02 15:04:05.000")
		name := map[dayfly.InvocationID]string{"failed": "failed", "refused": "refused"}[r.ID]
		golden(t, filepath.Join("testdata", "explain"+name+".txt"), strings.ReplaceAll(got.Out, when, "WHEN"))
	}
	got := clitest.Run(t, n, "", "explain", "failed", "--json")
	var told struct {
		Invocation dayfly.Record    `json:"invocation"`
		Logs       []dayfly.LogLine `json:"logs"`
		Advice     []string         `json:"advice"`
	}
	if err := json.Unmarshal([]byte(got.Out), &told); err != nil || len(told.Logs) != 1 ||
		len(told.Advice) != 1 || told.Invocation.Failure.Type != "OutOfMemory" {
		t.Errorf("in JSON: %+v, %v", told, err)
	}
	if got := clitest.Run(t, n, "", "explain", "other"); got.Code != 3 {
		t.Errorf("of a call that is not known: %+v", got)
	}
}

func TestListsAreTablesOrArrays(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Runtimes = []toolchain.Runtime{{Name: "python3.11", Language: "python", Version: "3.11.2",
		Path: "/usr/bin/python3.11", Source: "distribution", Default: true}}
	n.Records = []dayfly.Record{record()}
	n.Instances = []api.Instance{{ID: "i-1", Revision: "hello.default@1", State: "frozen",
		Since: time.Now(), Calls: 12, MemoryBytes: 9 << 20}}
	if got := clitest.Run(t, n, "", "list"); !strings.Contains(got.Err, "no functions yet") || got.Out != "" {
		t.Errorf("empty list: %+v", got)
	}
	app := clitest.Write(t, t.TempDir(), "hello.py", "pass")
	if got := clitest.Run(t, n, "", "deploy", app, "--project", "shop"); got.Code != 0 {
		t.Fatalf("%+v", got)
	}
	for _, tt := range []struct{ args, want string }{
		{"list", "FUNCTION"}, {"list", "http://127.0.0.1:8080/function/hello.shop"},
		{"runtimes", "python3.11  python    3.11.2   distribution  /usr/bin/python3.11  default"},
		{"invocations", "3m ago  14.2 ms  stem      200  GET /a"},
		{"inspect hello.shop", "i-1  1         frozen  now       12  9.00 MiB"},
		{"inspect hello --project shop --revision 1", "hello.shop@1"},
		{"evict hello.shop", "1 idle instance of hello.shop dropped"},
		{"version", "dayfly 1.2.3"},
	} {
		args := strings.Fields(tt.args)
		if got := clitest.Run(t, n, "", args...); !strings.Contains(got.Out, tt.want) || got.Code != 0 {
			t.Errorf("dayfly %s: %+v, want %q", tt.args, got, tt.want)
		}
		got := clitest.Run(t, n, "", append(args, "--json")...)
		if got.Code != 0 || !json.Valid([]byte(got.Out)) || strings.Count(got.Out, "\n") != 1 {
			t.Errorf("dayfly %s --json: %+v", tt.args, got)
		}
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Features = []sandbox.Feature{{Name: "mount namespace", Given: true, Detail: "all"},
		{Name: "landlock", Detail: "the kernel has none", Remedy: "use Linux 5.13"}}
	got := clitest.Run(t, n, "", "doctor")
	if got.Code != 0 || !strings.Contains(got.Out, "✗  landlock         the kernel has none") ||
		!strings.Contains(got.Out, "› use Linux 5.13") || !strings.Contains(got.Out, "Functions run") {
		t.Errorf("a host that lacks something: %+v", got)
	}
	n.Features[0] = sandbox.Feature{Name: "mount namespace", Detail: "forbidden", Remedy: "allow them"}
	got = clitest.Run(t, n, "", "doctor")
	if got.Code != 5 || !strings.Contains(got.Err, "functions cannot run: mount namespace is missing") ||
		!strings.Contains(got.Err, "hint: allow them") || strings.Contains(got.Out, "Functions run") {
		t.Errorf("a host that cannot: %+v", got)
	}
}

func TestCompletionOffersFunctions(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	app := clitest.Write(t, t.TempDir(), "hello.py", "pass")
	if got := clitest.Run(t, n, "", "deploy", app); got.Code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := clitest.Run(t, n, "", "__complete", "evict", ""); !strings.HasPrefix(got.Out, "hello\n") {
		t.Errorf("of evict: %+v", got)
	}
	n.Invoke = func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "function helo not found")
	}
	if got := clitest.Run(t, n, "", "invoke", "helo"); got.Err != "error: function helo not found\n"+
		"hint: there are: hello\n" || got.Code != 3 {
		t.Errorf("a name that is wrong: %+v", got)
	}
	if got := clitest.Run(t, n, "", "completion", "bash"); got.Code != 0 || !strings.Contains(got.Out, "dayfly") {
		t.Errorf("script for bash: %+v", got)
	}
}
