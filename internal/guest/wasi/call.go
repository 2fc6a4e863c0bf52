// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/cgi"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
	"github.com/dayfly-faas/dayfly/internal/wasm"
)

// Call implements serve.Handler.
func (m *modules) Call(c *serve.Call) {
	requested := "/"
	if c.Head.Kind == string(dayfly.RequestHTTP) {
		requested = cgi.Unescape(c.Head.Path)
	}
	route := m.program.Match(requested)
	if route == nil {
		_ = c.Whole(http.StatusNotFound, http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
			[]byte("no module answers this path\n"))
		return
	}
	reading := cgi.Lenient
	if m.program.Strict {
		reading = cgi.Strict
	}
	t := m.targets[route]
	sink := &sink{call: c}
	out := cgi.NewAnswer(sink, reading)
	lines := cgi.NewLines(func(line string) { c.Log(dayfly.StreamStderr, line) })
	err := t.module.Run(context.Background(), &wasm.Call{
		Entry: route.Entry, Args: t.args(&c.Head), Env: t.environment(&c.Head, requested), Files: t.files,
		Stdin: &input{call: c, sink: sink}, Stdout: out, Stderr: lines, Pause: sink.flush,
	})
	lines.Flush()
	if out.Err() == nil && err != nil {
		_ = c.Fail(failureOf(route.Module, err))
		return
	}
	if err := out.Close(); err != nil {
		_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureResponse, Type: "Function.BadResponse", Message: err.Error()})
		return
	}
	sink.end()
}

func failureOf(module string, err error) frame.ErrorHead {
	head := frame.ErrorHead{Kind: dayfly.FailureException, Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	var exit *wasm.Exit
	var trap *wasm.Trap
	switch {
	case errors.As(err, &exit):
		head.Type, head.Message = "Runtime.ExitError", fmt.Sprintf("%s ended with %s", path.Base(module), exit)
	case errors.As(err, &trap):
		head.Type, head.Stack = "Runtime.Trap", trap.Stack
		head.Message = fmt.Sprintf("%s trapped: %s", path.Base(module), trap.Reason)
	}
	return head
}

// args are the module's name and its arguments: those of the command, or, as WAGI has
// it, the parts of the query.
func (t *target) args(head *frame.RequestHead) []string {
	r := t.route
	if !r.QueryArgs {
		return append([]string{path.Base(r.Module)}, r.Args...)
	}
	script := r.Base()
	if script == "" {
		script = "/"
	}
	var parts []string
	if head.Query != "" {
		parts = strings.Split(head.Query, "&")
	}
	if r.Argv == "" {
		return append([]string{script}, parts...)
	}
	var args []string
	for _, word := range strings.Fields(r.Argv) {
		if word == "${ARGS}" {
			args = append(args, parts...)
			continue
		}
		args = append(args, strings.ReplaceAll(word, "${SCRIPT_NAME}", script))
	}
	return args
}

// environment is CGI's variables, WAGI's beside them, and the function's own. Of two
// with one name libraries take the first, so nobody's setting hides a request's.
func (t *target) environment(head *frame.RequestHead, requested string) []string {
	env := cgi.Variables(head)
	if head.Kind == string(dayfly.RequestHTTP) {
		env = t.wagiVariables(env, head, requested)
	}
	return append(env, t.env...)
}

func (t *target) wagiVariables(env []string, head *frame.RequestHead, requested string) []string {
	full := head.Scheme + "://" + head.Host + head.Prefix + head.Path
	if head.Query != "" {
		full += "?" + head.Query
	}
	info := requested
	if t.route.Pattern != "" {
		info = t.route.Below(requested)
		for i, kv := range env {
			switch {
			case strings.HasPrefix(kv, "SCRIPT_NAME="):
				env[i] = "SCRIPT_NAME=" + head.Prefix + t.route.Base()
			case strings.HasPrefix(kv, "PATH_INFO="):
				env[i] = "PATH_INFO=" + info
			}
		}
		env = append(env, "X_MATCHED_ROUTE="+t.route.Pattern)
	}
	return append(env, "X_FULL_URL="+full, "X_RAW_PATH_INFO="+rawBelow(head.Path, requested, info),
		"PATH_TRANSLATED="+info, "REMOTE_HOST="+head.Remote, "AUTH_TYPE=", "REMOTE_USER=")
}

// rawBelow is the part of the path that info is, as it was sent.
func rawBelow(raw, requested, info string) string {
	before := strings.TrimSuffix(requested, info)
	if rest, ok := strings.CutPrefix(raw, before); ok {
		return rest
	}
	return info // the fixed part was escaped: where it ends cannot be told
}
