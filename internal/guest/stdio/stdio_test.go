// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

// run serves one call by a shell script through the host's own side of the protocol.
// It gives what became of it, and what was printed on stderr.
func run(t *testing.T, script, body string) (string, []string) {
	t.Helper()
	near, far := net.Pipe()
	go func() { _ = serve.New(far, &programs{}).Serve(hello()) }()
	var mu sync.Mutex
	var lines []string
	c := host.NewConn(near, func(_ dayfly.InvocationID, _ dayfly.LogStream, text string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, text)
	})
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Specialise(t.Context(), frame.SpecialiseHead{Task: t.TempDir(), Env: map[string]string{"A": "1"},
		Command: []string{"/bin/sh", "-c", script}})
	if err != nil {
		t.Fatal(err)
	}
	inv := &dayfly.Invocation{ID: "inv-1", Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()},
		Request: dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Path: "/a%20b", Prefix: "/function/f",
			RawQuery: "q=1", Host: "h:80", Header: http.Header{"X-B": {"2"}, "Proxy": {"evil"}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}}
	result, err := c.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if result.Failure != nil {
		return result.Failure.Type + ": " + result.Failure.Message, lines
	}
	answer, err := io.ReadAll(result.Body)
	if err != nil {
		return "read: " + err.Error(), lines
	}
	mu.Lock()
	defer mu.Unlock()
	return fmt.Sprintf("%d %s %q", result.Status, result.Header.Get("Content-Type"), answer), lines
}

func TestProgramsAnswer(t *testing.T) {
	for name, tc := range map[string]struct{ script, body, want string }{
		"plain output":        {"echo hi", "", `200 text/plain; charset=utf-8 "hi\n"`},
		"no output":           {":", "", `200 text/plain; charset=utf-8 ""`},
		"body on stdin":       {"cat", "hello", `200 text/plain; charset=utf-8 "hello"`},
		"large body":          {"wc -c | tr -d ' '", strings.Repeat("x", 700_000), `200 text/plain; charset=utf-8 "700000\n"`},
		"body not read":       {"echo hi", strings.Repeat("x", 700_000), `200 text/plain; charset=utf-8 "hi\n"`},
		"CGI header":          {`printf 'Status: 404 No\nContent-Type: a/b\n\nx'`, "", `404 a/b "x"`},
		"CGI header, CRLF":    {`printf 'Content-Type: a/b\r\n\r\nx'`, "", `200 a/b "x"`},
		"location":            {`printf 'Location: /x\n\n'`, "", `302  ""`},
		"looks like a header": {"echo status of things", "", `200 text/plain; charset=utf-8 "status of things\n"`},
		"CGI variables": {`echo $REQUEST_METHOD $SCRIPT_NAME "$PATH_INFO" $QUERY_STRING $HTTP_X_B $A "[$HTTP_PROXY]"`, "",
			`200 text/plain; charset=utf-8 "POST /function/f /a b q=1 2 1 []\n"`},
		"watchdog variables": {`echo $Http_Method $Http_Path $Http_Query $Http_X_B $Http_Host`, "",
			`200 text/plain; charset=utf-8 "POST /a%20b q=1 2 h:80\n"`},
		"exit status":    {"exit 3", "", "Runtime.ExitError: sh ended with exit status 3"},
		"bad CGI status": {`printf 'Status: 99\n\n'`, "", `Function.BadResponse: the CGI header has status "99", want 200 to 599`},
	} {
		if got, _ := run(t, tc.script, tc.body); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestStderrBecomesLines(t *testing.T) {
	_, lines := run(t, "echo one >&2; printf two >&2", "")
	if got := strings.Join(lines, "|"); got != "one|two" {
		t.Errorf("lines = %s, want one|two", got)
	}
}
