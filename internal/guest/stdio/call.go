// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/cgi"
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
	cmd.Env = environment(c.revision, &c.Head)
	cmd.WaitDelay = leftoverWait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureException,
			Type: "Runtime.OutOfDescriptors", Message: err.Error()})
		return
	}
	stderr := cgi.NewLines(func(line string) { c.Log(dayfly.StreamStderr, line) })
	cmd.Stderr = stderr
	out := cgi.NewAnswer(target{c.Call}, cgi.Lenient)
	cmd.Stdout = out
	if err = cmd.Start(); err == nil {
		go func() {
			_, _ = io.Copy(stdin, c) // a program need not read its input
			_ = stdin.Close()
		}()
		err = cmd.Wait()
	}
	stderr.Flush()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the program itself ended well
	}
	if failure := c.failure(err, out); failure != nil {
		_ = c.Fail(*failure)
		return
	}
	if err := out.Close(); err != nil {
		_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureResponse,
			Type: "Function.BadResponse", Message: err.Error()})
		return
	}
	_ = c.End()
}

func (c *call) failure(err error, out *cgi.Answer) *frame.ErrorHead {
	var exit *exec.ExitError
	switch {
	case err == nil, out.Err() != nil:
		return nil
	case errors.As(err, &exit):
		return &frame.ErrorHead{Kind: dayfly.FailureException, Type: "Runtime.ExitError",
			Message: fmt.Sprintf("%s ended with %s", filepath.Base(c.revision.Command[0]), exit.ProcessState)}
	}
	return &frame.ErrorHead{Kind: dayfly.FailureException, Type: "Runtime.InvalidEntrypoint",
		Message: err.Error()}
}

// environment is the revision's own plus what CGI and OpenFaaS's watchdog tell of one
// request.
func environment(rev *frame.SpecialiseHead, head *frame.RequestHead) []string {
	variables := cgi.Variables(head)
	env := make([]string, 0, len(rev.Env)+len(variables))
	for k, v := range rev.Env {
		env = append(env, k+"="+v)
	}
	return append(append(env, variables...), watchdogVariables(head)...)
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

// target sends the answer of a call.
type target struct{ *serve.Call }

// Respond implements cgi.Target.
func (t target) Respond(status int, header http.Header) error {
	return t.Call.Respond(status, header, nil)
}
