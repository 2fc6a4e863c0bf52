// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/rollout"
)

var hello = dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "hello"}

func connect(t testing.TB, n *apitest.Node) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: n.URL, Token: apitest.Token})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// source writes files and opens their folder.
func source(t testing.TB, files map[string]string) *client.Source {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir)
}

func open(t testing.TB, path string) *client.Source {
	t.Helper()
	s, err := client.OpenSource(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func deploy(t testing.TB, c *client.Client, s *client.Source) *client.Outcome {
	t.Helper()
	if _, err := c.Upload(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	request := client.DeployRequest{Function: hello, Source: s.Digest}
	outcome, err := c.Deploy(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func TestLifeOfAFunction(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Found = []string{"python3.11"}
	n.Instances = []api.Instance{{ID: "i-1", Revision: "hello.default@2", State: "idle",
		Since: apitest.Epoch, Calls: 3, MemoryBytes: 9 << 20}}
	n.Deploying = func(_ context.Context, r rollout.Request, progress func(rollout.Event)) error {
		progress(rollout.Event{Stage: "build", Text: "1 package", Stream: dayfly.StreamStdout})
		return nil
	}
	c := connect(t, n)
	first := source(t, map[string]string{"app.py": "1", "node_modules/x.js": "no"})
	if sent, err := c.Upload(t.Context(), first); err != nil || sent == 0 {
		t.Fatalf("Upload = %d, %v; want some bytes", sent, err)
	}
	if sent, err := c.Upload(t.Context(), first); err != nil || sent != 0 {
		t.Errorf("Upload of what is there = %d, %v; want nothing sent", sent, err)
	}
	var events []client.DeployEvent
	outcome, err := c.Deploy(t.Context(), client.DeployRequest{Function: hello, Source: first.Digest,
		Settings: client.Settings{Memory: "64Mi"}},
		func(e client.DeployEvent) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	want := []client.DeployEvent{{Stage: "build", Text: "1 package", Stream: dayfly.StreamStdout}}
	if d := cmp.Diff(want, events); d != "" {
		t.Error(d)
	}
	if outcome.Function.Live != 1 || outcome.Revision.Spec.Limits.MemoryBytes != 64<<20 ||
		outcome.URL != "http://127.0.0.1:8080/function/hello" || len(outcome.Found) != 1 {
		t.Errorf("outcome is %+v", outcome)
	}
	if again := deploy(t, c, first); !again.Unchanged {
		t.Error("the same again is not told as unchanged")
	}
	deploy(t, c, source(t, map[string]string{"app.py": "2"}))
	back, err := c.Rollback(t.Context(), hello, 0)
	if err != nil || back.Live != 1 || back.Previous != 2 {
		t.Errorf("Rollback = %+v, %v", back, err)
	}
	seen, err := c.Inspect(t.Context(), hello)
	if err != nil || seen.Revision.Number != 1 || len(seen.Instances) != 1 ||
		seen.Instances[0] != client.Instance(n.Instances[0]) {
		t.Errorf("Inspect = %+v, %v", seen, err)
	}
	if r, err := c.Revision(t.Context(), hello, 2); err != nil || r.Number != 2 {
		t.Errorf("Revision = %+v, %v", r, err)
	}
	if list, err := c.Functions(t.Context(), "other"); err != nil || len(list) != 0 {
		t.Errorf("Functions of another project = %v, %v", list, err)
	}
	if evicted, err := c.Evict(t.Context(), hello); err != nil || evicted != 1 {
		t.Errorf("Evict = %d, %v", evicted, err)
	}
	if err := c.Remove(t.Context(), hello); err != nil {
		t.Error(err)
	}
	if _, err := c.Inspect(t.Context(), hello); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Inspect of what was removed: %v", err)
	}
}

func TestErrorsKeepKindHintAndRetry(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	told := &dayfly.Error{Kind: dayfly.KindExhausted, Message: "full", Hint: "wait",
		RetryAfter: 1500 * time.Millisecond}
	n.Deploying = func(_ context.Context, _ rollout.Request, progress func(rollout.Event)) error {
		progress(rollout.Event{Stage: "build"})
		return told // after the answer has begun: it travels as a line
	}
	n.Invoke = func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return nil, told // before that: it travels as a problem
	}
	c := connect(t, n)
	s := source(t, map[string]string{"a.py": ""})
	if _, err := c.Upload(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	_, deployErr := c.Deploy(t.Context(), client.DeployRequest{Function: hello, Source: s.Digest}, nil)
	_, invokeErr := c.Invoke(t.Context(), hello, strings.NewReader("{}"))
	for _, err := range []error{deployErr, invokeErr} {
		var got *dayfly.Error
		if !errors.As(err, &got) {
			t.Fatalf("error is %v", err)
		}
		if d := cmp.Diff(told, got); d != "" {
			t.Error(d)
		}
	}
	var called *client.InvokeError
	if !errors.As(invokeErr, &called) || len(called.Invocation) != 36 {
		t.Errorf("refused call has no identity: %v", invokeErr)
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	failure := &dayfly.Failure{Kind: dayfly.FailureException, Phase: dayfly.PhaseInvoke,
		Type: "ValueError", Message: "boom", Stack: []string{"app.py:3"}}
	n.Invoke = func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		text, _ := io.ReadAll(inv.Request.Body)
		switch string(text) {
		case "before":
			return &dayfly.Result{Status: 502, Body: http.NoBody, Failure: failure}, nil
		case "within":
			body := io.MultiReader(strings.NewReader("half"), failing{failure})
			return &dayfly.Result{Status: 200, Body: io.NopCloser(body)}, nil
		}
		return &dayfly.Result{Status: 404, Body: io.NopCloser(bytes.NewReader(text)),
			Header: http.Header{"Content-Type": {"text/plain"}}}, nil
	}
	c := connect(t, n)
	answer, err := c.Invoke(t.Context(), hello, strings.NewReader("whole"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "whole" || answer.Status != 404 ||
		answer.ContentType != "text/plain" || len(answer.Invocation) != 36 {
		t.Errorf("answer is %+v, body %q, %v", answer, body, err)
	}
	answer.Body.Close()

	_, before := c.Invoke(t.Context(), hello, strings.NewReader("before"))
	answer, err = c.Invoke(t.Context(), hello, strings.NewReader("within"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, within := io.ReadAll(answer.Body)
	if string(body) != "half" {
		t.Errorf("body is %q, want half", body)
	}
	for _, err := range []error{before, within} {
		var got *dayfly.Failure
		if !errors.As(err, &got) {
			t.Fatalf("error is %v", err)
		}
		if d := cmp.Diff(failure, got); d != "" {
			t.Error(d)
		}
	}
}

type failing struct{ err error }

// Read fails.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestLogsFollow(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	line := func(text string) dayfly.LogLine {
		return dayfly.LogLine{Time: apitest.Epoch, Function: hello, Stream: dayfly.StreamStdout, Text: text}
	}
	n.Lines = []dayfly.LogLine{line("old")}
	c := connect(t, n)
	go func() {
		n.Follow <- line("new")
		close(n.Follow)
	}()
	var texts []string
	var end error
	for line, err := range c.Logs(t.Context(), client.LogQuery{Function: hello, Follow: true}) {
		if err != nil {
			end = err
			break
		}
		texts = append(texts, line.Text)
	}
	if d := cmp.Diff([]string{"old", "new"}, texts); d != "" {
		t.Error(d)
	}
	if dayfly.KindOf(end) != dayfly.KindUnavailable {
		t.Errorf("the end is %v, want kind unavailable", end)
	}
}

func TestInvocations(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Records = []dayfly.Record{{ID: "a", Function: hello, Start: apitest.Epoch},
		{ID: "b", Function: hello, Start: apitest.Epoch, Fault: dayfly.FaultGuest}}
	c := connect(t, n)
	all, err := c.Invocations(t.Context(), client.InvocationQuery{Since: apitest.Epoch})
	if err != nil || len(all) != 2 {
		t.Errorf("Invocations = %v, %v", all, err)
	}
	failed, err := c.Invocations(t.Context(), client.InvocationQuery{Failed: true, Limit: 5})
	if err != nil || len(failed) != 1 || failed[0].ID != "b" {
		t.Errorf("failed Invocations = %v, %v", failed, err)
	}
	one, err := c.Invocation(t.Context(), "a")
	if err != nil || one.ID != "a" {
		t.Errorf("Invocation = %v, %v", one, err)
	}
	if _, err := c.Invocation(t.Context(), "a/b"); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("unknown Invocation: %v", err)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code := filepath.Join(dir, "code")
	if err := os.Mkdir(code, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(code, "app.py"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "code.zip")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := errors.Join(z.AddFS(os.DirFS(code)), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	folder, zipped, file := open(t, code), open(t, archive), open(t, filepath.Join(code, "app.py"))
	if folder.Digest != zipped.Digest || folder.Digest != file.Digest {
		t.Errorf("folder %s, zip %s and file %s differ", folder.Digest, zipped.Digest, file.Digest)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := client.OpenSource(empty); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("empty folder: %v", err)
	}
	missing := filepath.Join(dir, "none")
	if _, err := client.OpenSource(missing); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("missing folder: %v", err)
	}
}

func TestSourceThatChangesIsNotSent(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	s := source(t, map[string]string{"a.py": "before"})
	if err := os.WriteFile(filepath.Join(s.Path, "a.py"), []byte("after"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := connect(t, n).Upload(t.Context(), s)
	if dayfly.KindOf(err) != dayfly.KindConflict || n.Has(s.Digest) {
		t.Errorf("Upload = %v, want kind conflict and nothing kept", err)
	}
}

func TestWayErrors(t *testing.T) {
	t.Parallel()
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server sees its caller leave only then
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "upstream is down", http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"event":{"stage":"build"}}`+"\n")
	}))
	t.Cleanup(cutting.Close)
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name, url string
		ctx       context.Context
		want      dayfly.Kind
	}{
		{"nobody listens", "http://127.0.0.1:1", t.Context(), dayfly.KindUnavailable},
		{"no answer in time", hung.URL, short, dayfly.KindTimeout},
		{"canceled", hung.URL, over, dayfly.KindCanceled},
		{"a proxy's own words", proxy.URL, t.Context(), dayfly.KindUnavailable},
		{"no last line", cutting.URL, t.Context(), dayfly.KindUnavailable},
	}
	for _, tt := range tests {
		c, err := client.New(client.Options{URL: tt.url, Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Deploy(tt.ctx, client.DeployRequest{Function: hello}, nil)
		if dayfly.KindOf(err) != tt.want {
			t.Errorf("%s: error is %v (%s), want %s", tt.name, err, dayfly.KindOf(err), tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []client.Options{{URL: "127.0.0.1:80", Token: "t"}, {URL: "ftp://a", Token: "t"},
		{URL: "http://a"}} {
		if _, err := client.New(o); err == nil {
			t.Errorf("New(%+v) is content", o)
		}
	}
}

func TestInfoFeaturesRuntimes(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	c := connect(t, n)
	info, err := c.Info(t.Context())
	if err != nil || info.Version != "1.2.3" || info.GatewayURL == "" || info.Uptime <= 0 {
		t.Errorf("Info = %+v, %v", info, err)
	}
	if _, err := c.Features(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Runtimes(t.Context()); err != nil {
		t.Error(err)
	}
}
