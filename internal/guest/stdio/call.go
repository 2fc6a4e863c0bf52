// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

// leftoverWait is how long output is read after the program ended: a child that it
// left behind may hold its pipes open.
const leftoverWait = 100 * time.Millisecond

// call is one run of the program.
type call struct {
	*serve.Call
	revision *frame.SpecialiseHead
}

// run starts the program, carries its streams, and ends the call.
func (c *call) run() {
	cmd := exec.CommandContext(c.Context(), c.revision.Command[0], c.revision.Command[1:]...)
	cmd.Dir = c.revision.Task
	cmd.Env = environment(c.revision, c.Head)
	cmd.WaitDelay = leftoverWait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureException,
			Type: "Runtime.OutOfDescriptors", Message: err.Error()})
		return
	}
	stderr := &lineWriter{write: func(line string) { c.Log(dayfly.StreamStderr, line) }}
	cmd.Stderr = stderr
	out := &answer{call: c}
	cmd.Stdout = out
	if err = cmd.Start(); err == nil {
		go func() {
			_, _ = io.Copy(stdin, c) // a program need not read its input
			_ = stdin.Close()
		}()
		err = cmd.Wait()
	}
	stderr.flush()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the program itself ended well
	}
	if failure := c.failure(err, out); failure != nil {
		_ = c.Fail(*failure)
		return
	}
	if err := out.close(); err != nil {
		_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureResponse,
			Type: "Function.BadResponse", Message: err.Error()})
		return
	}
	_ = c.End()
}

func (c *call) failure(err error, out *answer) *frame.ErrorHead {
	var exit *exec.ExitError
	switch {
	case err == nil, out.err != nil:
		return nil
	case errors.As(err, &exit):
		return &frame.ErrorHead{Kind: dayfly.FailureException, Type: "Runtime.ExitError",
			Message: fmt.Sprintf("%s ended with %s", filepath.Base(c.revision.Command[0]), exit.ProcessState)}
	}
	return &frame.ErrorHead{Kind: dayfly.FailureException, Type: "Runtime.InvalidEntrypoint",
		Message: err.Error()}
}

// environment is the revision's own plus the CGI variables of one request.
func environment(rev *frame.SpecialiseHead, head frame.RequestHead) []string {
	env := make([]string, 0, len(rev.Env)+20+len(head.Headers))
	for k, v := range rev.Env {
		env = append(env, k+"="+v)
	}
	add := func(name, value string) { env = append(env, name+"="+strings.ReplaceAll(value, "\x00", "")) }
	add("DAYFLY_INVOCATION", head.ID)
	add("DAYFLY_DEADLINE_MS", fmt.Sprint(head.Deadline))
	if head.Trace != "" {
		add("TRACEPARENT", head.Trace)
	}
	if head.Kind != string(dayfly.RequestHTTP) {
		add("CONTENT_TYPE", "application/json")
		return env
	}
	host, port, _ := strings.Cut(head.Host, ":")
	add("GATEWAY_INTERFACE", "CGI/1.1")
	add("SERVER_SOFTWARE", "dayfly")
	add("SERVER_PROTOCOL", "HTTP/1.1")
	add("SERVER_NAME", host)
	add("SERVER_PORT", port)
	add("REQUEST_METHOD", head.Method)
	add("REQUEST_URI", head.Prefix+head.Path+query(head.Query))
	add("REQUEST_SCHEME", head.Scheme)
	add("SCRIPT_NAME", head.Prefix)
	add("PATH_INFO", unescape(head.Path))
	add("QUERY_STRING", head.Query)
	add("REMOTE_ADDR", head.Remote)
	if head.Length >= 0 {
		add("CONTENT_LENGTH", fmt.Sprint(head.Length))
	}
	for name, value := range headerVariables(head.Headers) {
		add(name, value)
	}
	return env
}

func headerVariables(headers [][2]string) map[string]string {
	vars := make(map[string]string, len(headers))
	for _, kv := range headers {
		name := "HTTP_" + strings.ToUpper(strings.ReplaceAll(kv[0], "-", "_"))
		switch kv[0] {
		case "content-type":
			name = "CONTENT_TYPE"
		case "content-length", "proxy":
			continue // length is known; HTTP_PROXY would be taken for a setting
		}
		if old, ok := vars[name]; ok {
			vars[name] = old + ", " + kv[1]
			continue
		}
		vars[name] = kv[1]
	}
	return vars
}

// find resolves a program: below the code folder when relative, else on the PATH.
func find(command []string, task string) (string, error) {
	if len(command) == 0 {
		return "", errors.New("the command is empty")
	}
	name := command[0]
	local := name
	if !filepath.IsAbs(name) {
		local = filepath.Join(task, name)
	}
	info, err := os.Stat(local)
	switch {
	case err == nil && info.IsDir():
		return "", fmt.Errorf("%s is a folder, not a program", name)
	case err == nil && info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s is not executable", name)
	case err == nil:
		return local, nil
	case strings.ContainsRune(name, '/'):
		return "", fmt.Errorf("%s does not exist in the code", name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither in the code nor on the PATH", name)
	}
	return path, nil
}

// lineWriter cuts what is written into lines.
type lineWriter struct {
	write func(string)
	part  []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		advance, line, _ := bufio.ScanLines(w.part, false)
		if advance == 0 && len(w.part) < frame.LineMax {
			return len(p), nil
		}
		if advance == 0 || len(line) > frame.LineMax {
			line, advance = w.part[:frame.LineMax], frame.LineMax
		}
		w.write(string(line))
		w.part = w.part[advance:]
	}
}

func (w *lineWriter) flush() {
	if len(w.part) > 0 {
		w.write(string(w.part))
	}
	w.part = nil
}

var _ io.Writer = (*lineWriter)(nil)
