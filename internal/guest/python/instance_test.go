// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentOfAFunction(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		env := map[string]string{"TZ": "Asia/Kolkata", "STRIPE_KEY": "é=x", "LANG": "C.UTF-8",
			"PYTHONPATH": testdata(t) + "/nested/deep"}
		g := serve(t, spec{Dialect: "lambda", Entry: "events.environment", Env: env,
			interpreter: python})
		a := g.call(request{Trace: trace})
		if a.Error != nil {
			t.Fatalf("%s: error = %v", python, a.Error)
		}
		got := value(t, a.Body)
		want := map[string]any{
			"env": map[string]any{"TZ": "Asia/Kolkata", "STRIPE_KEY": "é=x", "LANG": "C.UTF-8",
				"PYTHONPATH": testdata(t) + "/nested/deep"},
			"trace": xray,
			"cwd":   testdata(t), "path0": testdata(t), "foreign": []any{}, "zone": "IST",
			"hour": 5.0,
			"main": []any{}, "exit": true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: environment differs (-want +got):\n%s", python, diff)
		}
		if got := value(t, g.call(request{}).Body).(map[string]any); got["trace"] != nil {
			t.Errorf("%s: trace of a call without one = %v", python, got["trace"])
		}
		g.stop()
	}
}

func TestVendoredPackages(t *testing.T) {
	t.Parallel()
	task := t.TempDir()
	for path, text := range map[string]string{
		"app.py": "import extra, vendored, shadow\n\n\ndef handler(event, context):\n" +
			"    return [vendored.name, extra.name, shadow.name]\n",
		"shadow.py":                       "name = 'task first'\n",
		".dayfly/python/shadow.py":        "name = 'package'\n",
		".dayfly/python/vendored.py":      "name = 'vendored'\n",
		".dayfly/python/json.py":          "raise ImportError('the standard library goes first')\n",
		".dayfly/python/more.pth":         "sub\n",
		".dayfly/python/sub/extra.py":     "name = 'by pth'\n",
		".dayfly/python/dist-info/RECORD": "",
	} {
		file := filepath.Join(task, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "app.handler", Task: task,
			interpreter: python})
		if a := g.call(request{}); a.Body != `["vendored","by pth","task first"]` {
			t.Errorf("%s: answer = %q %v", python, a.Body, a.Error)
		}
		g.stop()
	}
}

func TestWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.printing", interpreter: python})
		long := strings.Repeat("é", 8192)
		for path, want := range map[string][]string{
			"lines":   {"1 one", "1 two", "1 ", "2 err", "1 three"},
			"long":    {"1 " + long, "1 " + long, "1 " + strings.Repeat("é", 20000-16384)},
			"partial": {"1 abc", "1 d"},
			"endless": {"1 " + strings.Repeat("x", 16384), "1 " + strings.Repeat("x", 16384),
				"1 " + strings.Repeat("x", 16384), "1 " + strings.Repeat("x", 848)},
			"buffer":    {"1 \xff\xfe raw"},
			"surrogate": {`1 \ud800`},
			"thread":    {"1 from a thread"},
		} {
			if diff := cmp.Diff(want, g.call(request{Path: "/" + path}).Logs); diff != "" {
				t.Errorf("%s: %s: logs differ (-want +got):\n%s", python, path, diff)
			}
		}
		a := g.call(request{Path: "/facts"})
		if a.Body != `[false,1,2,"utf-8",true,"<stdout>"]` {
			t.Errorf("%s: facts of stdout = %s %v", python, a.Body, a.Error)
		}
		a = g.call(request{Path: "/logging"})
		if len(a.Logs) < 4 || !strings.HasPrefix(a.Logs[0], "1 [INFO]\t20") ||
			!strings.HasSuffix(a.Logs[0], "\ttold you") ||
			!strings.Contains(a.Logs[0], "Z\t"+fmt.Sprintf("call-%d", g.next)+"\t") ||
			!strings.HasPrefix(a.Logs[1], "1 [ERROR]\t") ||
			a.Logs[2] != "1 Traceback (most recent call last):" ||
			a.Logs[len(a.Logs)-1] != "1 KeyError: 'k'" {
			t.Errorf("%s: logged lines = %q", python, a.Logs)
		}
		g.call(request{Path: "/later"})
		if f := g.read(); f.kind != typeLog || f.stream != 0 ||
			string(f.payload) != "\x01after the call" {
			t.Errorf("%s: line of a thread after the call = %d on %d: %q", python, f.kind, f.stream,
				f.payload)
		}
		g.call(request{Path: "/raw"})
		if a = g.call(request{Path: "/closed"}); a.Body != "ok" {
			t.Errorf("%s: answer of a handler that closed stdout = %q %v", python, a.Body, a.Error)
		}
		g.stop()
		if got := g.stderr.String(); got != "to descriptor 1\nfrom a subprocess\n" {
			t.Errorf("%s: real descriptors got %q", python, got)
		}
	}
}

func TestJSONLogs(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.printing",
		Env: map[string]string{"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "info"}})
	a := g.call(request{Path: "/logging"})
	if len(a.Logs) != 2 {
		t.Fatalf("logs = %q, want two", a.Logs)
	}
	got := object(t, []byte(a.Logs[0][2:]))
	delete(got, "timestamp")
	want := map[string]any{"level": "INFO", "message": "told you", "logger": "root",
		"requestId": "call-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
	if got = object(t, []byte(a.Logs[1][2:])); got["errorType"] != "KeyError" ||
		got["stackTrace"] == nil {
		t.Errorf("line of an exception = %v", got)
	}
}

func TestHandlersThatEndTheProcess(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		code int
		logs []string
	}{
		"exit": {3, []string{"unfinished"}}, "zero": {0, []string{"unfinished"}},
		"text": {1, []string{"unfinished", "bye"}}, "os": {4, nil}, "close": {0, nil},
	} {
		for _, concurrency := range []int{1, 3} {
			g := serve(t, spec{Dialect: "lambda", Entry: "events.exiting",
				Concurrency: concurrency})
			g.open(request{Path: "/" + path})
			var logs []string
			for {
				f, err := g.tryRead()
				if err != nil {
					break
				}
				if f.kind != typeLog {
					t.Errorf("%s: frame %d %q, want none but logs", path, f.kind, f.payload)
					continue
				}
				logs = append(logs, string(f.payload[1:]))
			}
			<-g.exited
			slices.Sort(logs)
			wantLogs := slices.Sorted(slices.Values(want.logs))
			if code := g.cmd.ProcessState.ExitCode(); code != want.code || cmp.Diff(wantLogs,
				logs) != "" {
				t.Errorf("%s at concurrency %d: exit code %d, logs %q, want %d, %q", path,
					concurrency, code, logs, want.code, wantLogs)
			}
		}
	}
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	g.open(request{Path: "/exit"})
	<-g.exited
	if code := g.cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code of an ASGI application = %d, want 5", code)
	}
}

func TestForksLeaveTheSocketAlone(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.forking", Concurrency: concurrency})
		for path, want := range map[string]string{"exit": "parent 7", "return": "parent 0",
			"raise": "parent 0"} {
			a := g.call(request{Path: "/" + path})
			if a.Body != want || a.Error != nil || len(a.Logs) != 0 {
				t.Errorf("%s: answer = %q %v, logs %q, want %q", path, a.Body, a.Error, a.Logs,
					want)
			}
		}
		g.stop()
		if got := strings.Count(g.stderr.String(), "child prints\n"); got != 3 {
			t.Errorf("children printed %q, want three lines on the real descriptor", g.stderr)
		}
	}
}

func TestErrorPayloadIsBase64(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.styles"})
	a := g.call(request{Path: "/raise"})
	payload, err := base64.StdEncoding.DecodeString(a.Error["payload"].(string))
	if err != nil || object(t, payload)["errorType"] != "LookupError" {
		t.Errorf("payload = %q, %v", payload, err)
	}
}

func TestLoggingIsLambdasOnlyInLambda(t *testing.T) {
	t.Parallel()
	// basicConfig finds Lambda's handler and changes nothing, not even the level.
	for _, row := range []struct {
		spec spec
		want []string
	}{
		{spec{Dialect: "lambda", Entry: "configured.lambda_handler"}, nil},
		{spec{Entry: "configured.lambda_handler"}, nil},
		{spec{Dialect: "wsgi", Entry: "configured.application"}, []string{"2 INFO: called"}},
		{spec{Entry: "configured.application"}, []string{"2 INFO: called"}},
	} {
		g := serve(t, row.spec)
		a := g.call(request{})
		if diff := cmp.Diff(row.want, a.Logs); diff != "" || a.Body != "1" {
			t.Errorf("%+v: %s handlers, logs differ (-want +got):\n%s", row.spec, a.Body, diff)
		}
	}
}

func TestThreadsLeftBehindKeepNoGuestAlive(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.leaving_threads",
			Concurrency: concurrency})
		if a := g.call(request{}); a.Error != nil {
			t.Errorf("answer = %v", a.Error)
		}
		g.stop() // fails when the guest does not end
	}
}

func TestExitWhileLoading(t *testing.T) {
	t.Parallel()
	g := boot(t, system(t))
	data, err := json.Marshal(spec{Dialect: "lambda", Entry: "broken/exits.handler",
		Task: testdata(t)})
	if err != nil {
		t.Fatal(err)
	}
	g.send(typeSpecialise, 0, data)
	if f := g.read(); f.kind != typeLog || string(f.payload) != "\x01giving up" {
		t.Errorf("first frame = %d %q, want the line it printed", f.kind, f.payload)
	}
	<-g.exited
	if code := g.cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code = %d, want 7", code)
	}
}

func TestEventsReachHTTPDialectsAsPosts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		spec spec
		want string
	}{
		{spec{Dialect: "asgi", Entry: "loops.described"}, `POST / application/json {"a":1}`},
		{spec{Dialect: "framework", Entry: "functions.described"},
			`POST / application/json {"a":1}`},
	} {
		g := serve(t, row.spec)
		if a := g.call(request{Kind: "event", body: `{"a":1}`}); a.Status != 200 ||
			a.Body != row.want {
			t.Errorf("%s: answer = %d %q %v, want %q", row.spec.Dialect, a.Status, a.Body, a.Error,
				row.want)
		}
	}
}
