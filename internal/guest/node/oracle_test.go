// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/guest"
)

// awsClient is the version of AWS's runtime client that answers are compared with.
const awsClient = "aws-lambda-ric@3.3.0"

// runtimeClient installs AWS's client once per machine and gives its program.
var runtimeClient = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "dayfly-test", "guest-node-aws")
	program := filepath.Join(dir, "node_modules/aws-lambda-ric/bin/index.mjs")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts",
		"--prefix", dir, awsClient)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return program, nil
})

// runtimeAPI is as much of AWS's Runtime API as its client needs for some events.
type runtimeAPI struct {
	events chan string
	said   chan string // "response BODY", "error BODY" or "init BODY"
}

func (r *runtimeAPI) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	switch {
	case strings.HasSuffix(req.URL.Path, "/invocation/next"):
		select {
		case event := <-r.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "call-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			_, _ = io.WriteString(w, event)
		case <-req.Context().Done():
		}
		return
	case strings.HasSuffix(req.URL.Path, "/response"):
		r.said <- "response " + string(body)
	case strings.HasSuffix(req.URL.Path, "/init/error"):
		r.said <- "init " + string(body)
	default:
		r.said <- "error " + string(body)
	}
	w.WriteHeader(http.StatusAccepted)
}

// askAWS runs AWS's own client on events, one after the other, until one ends it.
func askAWS(t *testing.T, dir, entry string, events []string) []string {
	t.Helper()
	program, err := runtimeClient()
	if err != nil {
		t.Skipf("AWS's client cannot be installed: %v", err)
	}
	api := &runtimeAPI{events: make(chan string, len(events)), said: make(chan string, 1)}
	server := httptest.NewServer(api)
	transport, err := filepath.Abs("testdata/transport.cjs")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nodePath(t), "--require", transport, program, entry)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LAMBDA_TASK_ROOT=" + dir, "AWS_EXECUTION_ENV=AWS_Lambda_nodejs20.x",
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://")}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		server.CloseClientConnections()
		server.Close()
	}()
	var said []string
	for _, event := range events {
		api.events <- event
		select {
		case one := <-api.said:
			said = append(said, one)
		case <-time.After(patience):
			t.Fatalf("AWS's client says nothing about %s %s", entry, event)
		}
	}
	return said
}

// comparable takes out of an error what names the platform's own files.
func comparable(t *testing.T, said string) string {
	t.Helper()
	kind, body, _ := strings.Cut(said, " ")
	if kind == "response" {
		return said
	}
	var e struct {
		Type    string   `json:"errorType"`
		Message string   `json:"errorMessage"`
		Trace   []string `json:"trace"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	var trace []string
	for _, line := range e.Trace {
		own := strings.Contains(line, "aws-lambda-ric") || strings.Contains(line, "(node:") ||
			strings.Contains(line, " node:") || strings.Contains(line, "<anonymous>")
		if !own && strings.HasPrefix(strings.TrimSpace(line), "at ") {
			trace = append(trace, line)
		}
	}
	// What required the module in the end is the platform.
	message := strings.Split(e.Message, "\n")
	if n := len(message); strings.HasPrefix(message[n-1], "- ") {
		message = message[:n-1]
	}
	return fmt.Sprintf("%s %s: %s\n%s", kind, e.Type, strings.Join(message, "\n"), strings.Join(trace, "\n"))
}

// TestLikeAWS compares the answers to events, and errors, with those of AWS's own client.
func TestLikeAWS(t *testing.T) {
	t.Parallel()
	many(t)
	dir := task(t, files{"app.js": fixture(t, "styles.js")})
	// Left out are a symbol, for which AWS answers no JSON, and promises without catch,
	// which it cannot take: ours are kinder.
	paths := strings.Fields("sync callback unheld succeed done donefail fail failempty cberror throws rejects " +
		"undef nothrow string object circular bigint getter")
	var events []string
	for _, path := range paths {
		events = append(events, `{"rawPath":"/`+path+`"}`)
	}
	want := askAWS(t, dir, "app.handler", events)
	p := boot(t)
	p.specialise(head(dir, "lambda", "app.handler"))
	for i, event := range events {
		got := p.said(p.do(p.event(event)))
		if diff := cmp.Diff(comparable(t, want[i]), comparable(t, got)); diff != "" {
			t.Errorf("%s (-AWS +ours):\n%s", paths[i], diff)
		}
	}
}

// said tells an answer as the Runtime API hears it.
func (p *process) said(a answer) string {
	p.t.Helper()
	switch {
	case a.err != nil:
		p.t.Fatal(a.err)
	case a.failure != nil:
		return "error " + string(a.failure.Payload)
	}
	return "response " + a.body
}

// TestLoadsLikeAWS compares what is said of handlers that cannot be loaded.
func TestLoadsLikeAWS(t *testing.T) {
	t.Parallel()
	many(t)
	sources := files{
		"app.js":           "exports.handler = async () => 'app.js'; exports.not = 1;",
		"both.js":          "exports.handler = async () => 'js';",
		"both.mjs":         "export const handler = async () => 'mjs';",
		"module.mjs":       "export const handler = async () => 'mjs'; export const deep = { er: { h: async () => 'deep' } };",
		"common.cjs":       "exports.handler = async () => 'cjs';",
		"syntax.js":        "exports.handler = async () => {",
		"missing.js":       "require('no-such-package'); exports.handler = async () => 1;",
		"throws.js":        "throw new RangeError('at load');",
		"esm/package.json": `{"type":"module"}`,
		"esm/index.js":     "export const handler = async () => 'esm';",
		"dir/sub/a.b.js":   "exports.handler = async () => 'dots';",
	}
	dir := task(t, sources)
	for _, entry := range []string{
		"app.handler", "both.handler", "module.handler", "module.deep.er.h", "common.handler", "esm/index.handler",
		"app.nothing", "app.not", "app", "../app.handler", "gone.handler", "syntax.handler", "missing.handler",
		"throws.handler", "dir/sub/a.b.handler", "./app.handler",
	} {
		t.Run(strings.ReplaceAll(entry, "/", "_"), func(t *testing.T) {
			t.Parallel()
			want := comparable(t, askAWS(t, dir, entry, []string{`{}`})[0])
			p := boot(t)
			_, err := p.conn.Specialise(p.context(), head(dir, "lambda", entry))
			got := ""
			if f, ok := guest.FailureOf(err); ok {
				got = comparable(t, "init "+string(f.Payload))
			} else if got = p.said(p.do(p.event(`{}`))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-AWS +ours):\n%s", diff)
			}
		})
	}
}
