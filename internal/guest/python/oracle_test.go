// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// runtimeAPI is as much of AWS's Runtime API as its Python client needs for one event.
type runtimeAPI struct {
	event  string
	served bool
	said   chan string // "response BODY" or "error BODY"
}

func (r *runtimeAPI) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	switch {
	case strings.HasSuffix(req.URL.Path, "/invocation/next") && !r.served:
		r.served = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "call-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms",
			fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, r.event)
	case strings.HasSuffix(req.URL.Path, "/invocation/next"):
		<-req.Context().Done()
	case strings.HasSuffix(req.URL.Path, "/response"):
		r.said <- "response " + string(body)
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(req.URL.Path, "/error"):
		r.said <- "error " + string(body)
		w.WriteHeader(http.StatusAccepted)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// ask runs AWS's own client on one event.
func ask(t *testing.T, packages, entry, event string) string {
	t.Helper()
	api := &runtimeAPI{event: event, said: make(chan string, 4)}
	server := httptest.NewServer(api)
	cmd := exec.CommandContext(t.Context(), system(t), "-m", "awslambdaric", entry)
	cmd.Dir = testdata(t)
	cmd.Env = []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1", "LAMBDA_TASK_ROOT=" +
		testdata(t),
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"),
		"AWS_EXECUTION_ENV=AWS_Lambda_python3.11"}
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		server.CloseClientConnections()
		server.Close()
	}()
	select {
	case said := <-api.said:
		return said
	case <-time.After(patience):
		t.Fatalf("AWS's client says nothing about %s %s", entry, event)
	}
	return ""
}

// TestLikeAWS compares events' answers and errors with AWS's own client, byte by byte.
func TestLikeAWS(t *testing.T) {
	t.Parallel()
	packages := cached(t, "awslambdaric", "awslambdaric")
	if out, err := exec.CommandContext(t.Context(), system(t), "-c",
		"import sys; assert sys.version_info[:2] == (3, 11)").CombinedOutput(); err != nil {
		t.Skipf("AWS's client was told to be of Python 3.11, the system's is another: %s", out)
	}
	for _, row := range []struct{ entry, event string }{
		{"events.echo", `{"a":[1,2.50,"é",null,true,1e400]}`},
		{"events.echo", `{"a":`},
		{"events.answers", `{"rawPath":"/dict"}`},
		{"events.answers", `{"rawPath":"/unicode"}`},
		{"events.answers", `{"rawPath":"/bytes"}`},
		{"events.answers", `{"rawPath":"/bytesbody"}`},
		{"events.answers", `{"rawPath":"/decimal"}`},
		{"events.answers", `{"rawPath":"/intkeys"}`},
		{"events.answers", `{"rawPath":"/none"}`},
		{"events.answers", `{"rawPath":"/absent"}`},
		{"events.broken", `{"rawPath":"/set"}`},
		{"events.broken", `{"rawPath":"/extra"}`},
		{"events.broken", `{"rawPath":"/circle"}`},
		{"events.raising", `{"rawPath":"/value"}`},
		{"events.raising", `{"rawPath":"/empty"}`},
		{"events.raising", `{"rawPath":"/chained"}`},
		{"events.raising", `{"rawPath":"/stop"}`},
		{"events", "1"},
		{"absent.handler", "1"},
		{"events.absent", "1"},
		{"sys.handler", "1"},
		{"broken/imports.handler", "1"},
		{"broken/syntax.handler", "1"},
		{"broken/raises.handler", "1"},
	} {
		t.Run(row.entry+" "+row.event, func(t *testing.T) {
			want := ask(t, packages, row.entry, row.event)
			g, failure := start(t, spec{Dialect: "lambda", Entry: row.entry})
			got := ""
			if failure == nil {
				a := g.call(request{Kind: "event", body: row.event})
				got, failure = "response "+a.Body, a.Error
			}
			if failure != nil {
				payload, err := base64.StdEncoding.DecodeString(failure["payload"].(string))
				if err != nil {
					t.Fatal(err)
				}
				got = "error " + string(payload)
			}
			if got != want {
				t.Errorf("guest says\n%s\nAWS's client says\n%s", got, want)
			}
		})
	}
}
