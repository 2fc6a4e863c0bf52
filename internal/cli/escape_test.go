// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// attack sets the title, clears the screen and overwrites what stands before it.
const attack = "\x1b]0;owned\x07\x1b[2J\u009b31m\rsafe\b\x7f"

const attackSpelled = `\x1b]0;owned\x07\x1b[2J\x9b31m\x0dsafe\x08\x7f`

// TestNothingCommandsTheTerminal lets everything that is not the platform's own hold
// an attack, and looks at what each command prints.
func TestNothingCommandsTheTerminal(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	failed := record()
	failed.ID, failed.Fault, failed.Path, failed.Why = "failed", dayfly.FaultGuest, "/"+attack, attack
	failed.Failure = &dayfly.Failure{Kind: dayfly.FailureException, Phase: dayfly.PhaseInvoke,
		Type: "T" + attack, Message: "line\n" + attack, Stack: []string{attack + "\n"}}
	refused := record()
	refused.ID, refused.Fault, refused.Kind = "refused", dayfly.FaultCaller, dayfly.KindInvalid
	refused.Error = attack
	n.Records = []dayfly.Record{failed, refused}
	n.Lines = []dayfly.LogLine{
		{Invocation: "failed", Function: hello, Stream: dayfly.StreamStdout, Time: time.Now(), Text: attack},
		{Invocation: "failed", Function: hello, Stream: dayfly.StreamStderr, Time: time.Now(), Text: attack}}
	n.Runtimes = []toolchain.Runtime{{Name: "python3.11", Language: "python", Version: attack, Path: attack}}
	n.Instances = []api.Instance{{ID: "i-1" + attack, Revision: "hello.default@1", State: "idle"}}
	n.Found = []string{attack}
	n.Invoke = func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return &dayfly.Result{Status: http.StatusBadGateway, Body: http.NoBody, Failure: failed.Failure}, nil
	}
	broken := false
	n.Deploying = func(_ context.Context, _ rollout.Request, progress func(rollout.Event)) error {
		progress(rollout.Event{Stage: "install", Text: attack})
		progress(rollout.Event{Stage: "install", Text: attack + "\r\n", Stream: dayfly.StreamStdout})
		if broken {
			return dayfly.Errorf(dayfly.KindInvalid, "build: %s", attack).WithHint("%s", attack)
		}
		return nil
	}
	app := clitest.Write(t, t.TempDir(), "hello.py", "pass")
	check := func(args ...string) {
		got := clitest.Run(t, n, "", args...)
		text := got.Out + got.Err
		if i := strings.IndexAny(text, "\x1b\x07\r\b\x7f\u009b"); i >= 0 {
			t.Errorf("%v prints %q", args, text[max(i-40, 0):i+10])
		}
		if !strings.Contains(text, attackSpelled) {
			t.Errorf("%v does not tell what it was given:\n%s", args, text)
		}
	}
	check("deploy", app)
	check("deploy", app, "-v")
	check("inspect", "hello")
	check("invoke", "hello")
	check("logs")
	check("logs", "hello")
	check("invocations")
	check("explain", "failed")
	check("explain", "refused")
	check("runtimes")
	broken = true
	check("deploy", app, "--env", "A=1")
}
