// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

// running is a guest in this process, called through the host's side of the protocol.
type running struct {
	conn  *host.Conn
	notes *bytes.Buffer

	mu    sync.Mutex // guards lines
	lines []string
}

// source writes modules and other files into a folder.
func source(t testing.TB, files map[string]any) string {
	t.Helper()
	task := t.TempDir()
	for name, content := range files {
		data, ok := content.([]byte)
		switch c := content.(type) {
		case string:
			data = []byte(c)
		case *assemble.Module:
			data = c.Bytes()
		default:
			if !ok {
				t.Fatalf("%s is a %T", name, content)
			}
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(task, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(task, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return task
}

// start makes a guest become what is in task.
func start(t testing.TB, task string, command ...string) (*running, error) {
	t.Helper()
	return startAt(t, task, 1, command...)
}

// startAt does it for several calls at once.
func startAt(t testing.TB, task string, concurrency int, command ...string) (*running, error) {
	t.Helper()
	r := &running{notes: &bytes.Buffer{}}
	m, err := newModules(t.Context(), place{task: task, scratch: t.TempDir(), notes: r.notes})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = serve.New(far, m).Serve(hello())
	}()
	r.conn = host.NewConn(near, func(_ dayfly.InvocationID, _ dayfly.LogStream, text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, text)
	})
	t.Cleanup(func() {
		_ = r.conn.Close()
		<-served
	})
	if _, err := r.conn.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = r.conn.Specialise(t.Context(), frame.SpecialiseHead{Task: task, Env: map[string]string{"OWN": "1"},
		Command: command, Concurrency: concurrency, MemoryBytes: 256 << 20})
	return r, err
}

// call answers one request and tells what became of it.
func (r *running) call(t testing.TB, target, body string) string {
	t.Helper()
	result, err := r.exchange(t, target, io.NopCloser(strings.NewReader(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	if result.Failure != nil {
		return result.Failure.Type + ": " + result.Failure.Message
	}
	answer, err := io.ReadAll(result.Body)
	if err != nil {
		return "read: " + err.Error()
	}
	return fmt.Sprintf("%d %s %s", result.Status, result.Header.Get("Content-Type"), answer)
}

func (r *running) exchange(
	t testing.TB, target string, body io.ReadCloser, length int64,
) (*dayfly.Result, error) {
	path, query, _ := strings.Cut(target, "?")
	inv := &dayfly.Invocation{ID: "inv-1", Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()},
		Request: dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Path: path, Prefix: "/function/f",
			RawQuery: query, Host: "h:80", Scheme: "http", Header: http.Header{"X-B": {"2"}, "Proxy": {"evil"}},
			Body: body, ContentLength: length}}
	return r.conn.Exchange(t.Context(), inv, func() {})
}

func TestModulesAnswer(t *testing.T) {
	t.Parallel()
	const plain = "200 text/plain; charset=utf-8 "
	for name, tc := range map[string]struct {
		module *assemble.Module
		body   string
		want   string
	}{
		"plain output":   {say("hi"), "", plain + "hi"},
		"no output":      {program(""), "", plain},
		"CGI header":     {say("Status: 404 No\nContent-Type: a/b\n\nx"), "", "404 a/b x"},
		"location":       {say("Location: /x\n\n"), "", "302  "},
		"bad CGI status": {say("Status: 99\n\n"), "", `Function.BadResponse: the CGI header has status "99", want 200 to 599`},
		"body on stdin":  {echo(), "hello", "200 a/b hello"},
		"large body":     {echo(), strings.Repeat("x", 700_000), "200 a/b " + strings.Repeat("x", 700_000)},
		"body not read":  {say("hi"), strings.Repeat("x", 700_000), plain + "hi"},
		"exit status":    {program("", push(3), assemble.Call(procExit)), "", "Runtime.ExitError: app.wasm ended with exit status 3"},
		"exit 0":         {program("", push(0), assemble.Call(procExit)), "", plain},
		"trap":           {program("", assemble.Unreachable), "", "Runtime.Trap: app.wasm trapped: unreachable"},
		"trap after output": {program("hi", vector(textAt, 2), write(1), assemble.Unreachable), "",
			"Runtime.Trap: app.wasm trapped: unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := start(t, source(t, map[string]any{"app.wasm": tc.module}), "app.wasm")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := r.call(t, "/", tc.body); got != tc.want {
					t.Errorf("%.200s, want %.200s", got, tc.want)
				}
			}
		})
	}
}

func TestTrapsHaveTheModulesStack(t *testing.T) {
	t.Parallel()
	m := program("", assemble.Call(own(1)))
	m.Funcs = append(m.Funcs, assemble.Func{Export: "inner", Code: assemble.Unreachable})
	r, err := start(t, source(t, map[string]any{"app.wasm": m}), "app.wasm")
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.exchange(t, "/", http.NoBody, 0)
	if err != nil || result.Failure == nil || len(result.Failure.Stack) != 2 {
		t.Errorf("the call gave %+v, %v; want a failure with a stack of two functions", result, err)
	}
}

func TestTheEnvironmentIsCGIs(t *testing.T) {
	t.Parallel()
	task := source(t, map[string]any{"app.wasm": tell(environSizes, environGet)})
	r, err := start(t, task, "app.wasm")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(r.call(t, "/a%20b?q=1&r", ""), "\x00")
	for _, want := range []string{"REQUEST_METHOD=POST", "SCRIPT_NAME=/function/f", "PATH_INFO=/a b", "QUERY_STRING=q=1&r",
		"HTTP_X_B=2", "OWN=1", "SERVER_NAME=h", "SERVER_PORT=80", "X_RAW_PATH_INFO=/a%20b",
		"X_FULL_URL=http://h:80/function/f/a%20b?q=1&r", "DAYFLY_INVOCATION=inv-1"} {
		if !slices.Contains(got, want) && !strings.HasSuffix(got[0], want) {
			t.Errorf("the environment lacks %s: %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(kv string) bool { return strings.HasPrefix(kv, "HTTP_PROXY") }) {
		t.Error("the header Proxy became HTTP_PROXY")
	}
}

func TestArgumentsAreTheCommandsOrTheQuerys(t *testing.T) {
	t.Parallel()
	text := "Content-Type: a/b\n\n"
	m := tell(argsSizes, argsGet)
	m.Data[0].Bytes = []byte(text)
	m.Funcs[0].Code = assemble.Code(vector(textAt, int64(len(text))), write(1), m.Funcs[0].Code)
	task := source(t, map[string]any{"app.wasm": m,
		"modules.toml": "[[module]]\nroute = \"/x/...\"\nmodule = \"app.wasm\"",
		"spin.toml": "spin_version = \"1\"\ntrigger = {type = \"http\"}\n[[component]]\nid = \"a\"\nsource = \"app.wasm\"\n" +
			"[component.trigger]\nroute = \"/s\"\nexecutor = {type = \"wagi\", argv = \"go ${ARGS} ${SCRIPT_NAME}\"}"})
	for name, tc := range map[string]struct {
		command []string
		target  string
		want    string
	}{
		"command": {[]string{"app.wasm", "one", "two"}, "/?a&b", "app.wasm one two "},
		"query":   {[]string{"modules.toml"}, "/x/y?a=1&b", "/x a=1 b "},
		"argv":    {[]string{"spin.toml"}, "/s?a=1&b", "go a=1 b /s "},
	} {
		r, err := start(t, task, tc.command...)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(r.call(t, tc.target, ""), "\x00", " ")
		if got != "200 a/b "+tc.want {
			t.Errorf("%s: %s, want the arguments %s", name, got, tc.want)
		}
	}
}

func TestRoutesChooseModules(t *testing.T) {
	t.Parallel()
	named := say("Content-Type: a/b\n\nstart")
	about := "Content-Type: a/b\n\nabout"
	named.Data = append(named.Data, assemble.Data{Offset: 512, Bytes: []byte(about)},
		assemble.Data{Offset: 1024, Bytes: []byte("/about tell_about\n")})
	named.Funcs = append(named.Funcs,
		assemble.Func{Export: "tell_about", Code: assemble.Code(vector(512, int64(len(about))), write(1))},
		assemble.Func{Export: "_routes", Code: assemble.Code(vector(1024, 18), write(1))})
	task := source(t, map[string]any{"named.wasm": named, "bare.wasm": say("no header"), "modules.toml": `
[[module]]
route = "/n/..."
module = "named.wasm"
[[module]]
route = "/bare"
module = "bare.wasm"
`})
	if code := Compile([]string{task, "modules.toml"}, io.Discard, os.Stderr); code != 0 {
		t.Fatalf("compile ended with %d", code)
	}
	r, err := start(t, task, "modules.toml")
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"/n":       "200 a/b start",
		"/n/about": "200 a/b about",
		"/n/other": "200 a/b start",
		"/other":   "404 text/plain; charset=utf-8 no module answers this path\n",
		"/bare":    "Function.BadResponse: the output ended before the empty line that ends the CGI header",
	} {
		if got := r.call(t, target, ""); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if r.notes.Len() > 0 {
		t.Errorf("it noted %s, though all was compiled ahead", r.notes)
	}
}

func TestStderrBecomesLines(t *testing.T) {
	t.Parallel()
	r, err := start(t, source(t, map[string]any{"app.wasm": program("one\ntwo", vector(textAt, 7), write(2))}), "app.wasm")
	if err != nil {
		t.Fatal(err)
	}
	r.call(t, "/", "")
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.lines, "|"); got != "one|two" {
		t.Errorf("lines %s, want one|two", got)
	}
}

func TestAnswersThatTakeTimeArriveInParts(t *testing.T) {
	t.Parallel()
	code, data := sleep(uint64(time.Hour))
	slow := program("Content-Type: a/b\n\nfirst", vector(textAt, 24), write(1), code)
	slow.Data = append(slow.Data, data)
	for name, module := range map[string]*assemble.Module{"before it sleeps": slow, "before it waits for input": echo()} {
		r, err := start(t, source(t, map[string]any{"app.wasm": module}), "app.wasm")
		if err != nil {
			t.Fatal(err)
		}
		body, feed := io.Pipe()
		go func() { _, _ = feed.Write([]byte("first")) }()
		result, err := r.exchange(t, "/", body, -1)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(result.Body, got); err != nil || string(got) != "first" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		_ = feed.Close()
		_ = r.conn.Close()
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	library := say("x")
	library.Funcs[0].Export = "run"
	foreign := say("x")
	foreign.Imports[1].Module = "env"
	for name, tc := range map[string]struct {
		files   map[string]any
		command string
		want    string
	}{
		"missing":        {map[string]any{"a": "b"}, "app.wasm", "app.wasm is not in the code"},
		"text":           {map[string]any{"app.wasm": "(module)"}, "app.wasm", "app.wasm: it is not WebAssembly"},
		"component":      {map[string]any{"app.wasm": "\x00asm\x0d\x00\x01\x00"}, "app.wasm", "component model"},
		"library":        {map[string]any{"app.wasm": library}, "app.wasm", "exports no function _start"},
		"other host":     {map[string]any{"app.wasm": foreign}, "app.wasm", "imports the function proc_exit of env"},
		"damaged":        {map[string]any{"app.wasm": say("x").Bytes()[:60]}, "app.wasm", "app.wasm: "},
		"no manifest":    {map[string]any{"a": "b"}, "modules.toml", "modules.toml is not in the code"},
		"manifest's own": {map[string]any{"modules.toml": "[["}, "modules.toml", "modules.toml: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := source(t, tc.files)
			_, err := start(t, task, tc.command)
			if failure, ok := host.FailureOf(err); !ok || !strings.Contains(failure.Message, tc.want) {
				t.Errorf("at the start: %v, want a failure with %q", err, tc.want)
			}
			var told bytes.Buffer
			if code := Compile([]string{task, tc.command}, io.Discard, &told); code != 1 ||
				!strings.Contains(told.String(), tc.want) {
				t.Errorf("at the deploy: %d, %s; want %q", code, &told, tc.want)
			}
		})
	}
}

func TestBundlesWithoutTheirMachineCodeWork(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(task string) error
		noted  bool
	}{
		"all there": {func(string) error { return nil }, false},
		"no plan":   {func(task string) error { return os.RemoveAll(filepath.Join(task, planDir)) }, true},
		"another version": {func(task string) error {
			return os.WriteFile(filepath.Join(task, planFile), []byte(`{"format":1,"program":{"routes":[]}}`), 0o644)
		}, true},
		"no machine code": {func(task string) error {
			folders, err := filepath.Glob(filepath.Join(task, planDir, "wazero-*"))
			if err == nil && len(folders) == 1 {
				err = os.RemoveAll(folders[0])
			}
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := source(t, map[string]any{"app.wasm": say("hi")})
			if code := Compile([]string{task, "app.wasm"}, io.Discard, os.Stderr); code != 0 {
				t.Fatalf("compile ended with %d", code)
			}
			if err := tc.change(task); err != nil {
				t.Fatal(err)
			}
			r, err := start(t, task, "app.wasm")
			if err != nil {
				t.Fatal(err)
			}
			if got := r.call(t, "/", ""); got != "200 text/plain; charset=utf-8 hi" {
				t.Errorf("it answered %s", got)
			}
			if noted := r.notes.Len() > 0; noted != tc.noted {
				t.Errorf("it noted %q, want a line: %v", r.notes, tc.noted)
			}
		})
	}
}

func TestARehearsalLeavesNothing(t *testing.T) {
	t.Parallel()
	scratch := t.TempDir()
	if err := rehearse(t.Context(), scratch); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestCallsAtOnceDoNotMeet(t *testing.T) {
	t.Parallel()
	r, err := startAt(t, source(t, map[string]any{"app.wasm": echo()}), 8, "app.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for i := range 64 {
		calls.Go(func() {
			body := strings.Repeat(fmt.Sprintf("%04d", i), 20_000)
			if got := r.call(t, "/", body); got != "200 a/b "+body {
				t.Errorf("call %d: %d bytes that begin with %.20s, want its own %d", i, len(got), got, len(body)+8)
			}
		})
	}
	calls.Wait()
}

func TestEventsComeOnStdin(t *testing.T) {
	t.Parallel()
	r, err := start(t, source(t, map[string]any{"app.wasm": echo()}), "app.wasm")
	if err != nil {
		t.Fatal(err)
	}
	inv := &dayfly.Invocation{ID: "inv-1", Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()},
		Request: dayfly.Request{Kind: dayfly.RequestEvent, Body: io.NopCloser(strings.NewReader(`{"a":1}`)), ContentLength: 7}}
	result, err := r.conn.Exchange(t.Context(), inv, func() {})
	if err != nil || result.Failure != nil {
		t.Fatalf("the event gave %+v, %v", result, err)
	}
	if got, err := io.ReadAll(result.Body); err != nil || string(got) != `{"a":1}` {
		t.Errorf("the answer is %s, %v", got, err)
	}
}
