// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

func TestCrons(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	run := cron.Run{Number: 3, Due: apitest.Epoch, Until: apitest.Epoch.Add(time.Hour), Count: 5, More: true,
		At: apitest.Epoch, Outcome: cron.Missed, Why: "no node ran", Event: "e"}
	n.Ledgers = []apitest.Ledger{{Runs: []cron.Run{run, run}, Info: cron.Info{Function: hello, Trigger: "c",
		Expression: "@daily", Zone: "Asia/Kolkata", Next: apitest.Epoch, Last: &run}}}
	c := connect(t, n)
	want := client.CronRun{Number: 3, Due: apitest.Epoch, Until: apitest.Epoch.Add(time.Hour), Count: 5, More: true,
		At: apitest.Epoch, Outcome: client.CronMissed, Why: "no node ran", Event: "e"}
	crons, err := c.Crons(t.Context(), "")
	if d := cmp.Diff([]client.Cron{{Function: hello, Trigger: "c", Expression: "@daily", Zone: "Asia/Kolkata",
		Next: apitest.Epoch, Last: &want}}, crons); d != "" || err != nil {
		t.Errorf("Crons: %v, diff (-want +got):\n%s", err, d)
	}
	if crons, err := c.Crons(t.Context(), "other"); len(crons) != 0 || err != nil {
		t.Errorf("Crons of another project: %v, %v", crons, err)
	}
	if crons, err := c.CronsOf(t.Context(), hello); len(crons) != 1 || err != nil {
		t.Errorf("CronsOf: %v, %v", crons, err)
	}
	runs, err := c.CronRuns(t.Context(), hello, "c", 1)
	if d := cmp.Diff([]client.CronRun{want}, runs); d != "" || err != nil {
		t.Errorf("CronRuns: %v, diff (-want +got):\n%s", err, d)
	}
	if event, err := c.RunCron(t.Context(), hello, "c"); event == "" || err != nil {
		t.Errorf("RunCron: %q, %v", event, err)
	}
	if _, err := c.RunCron(t.Context(), hello, "d"); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("RunCron of a cron that is not there: %v", err)
	}
	before, err := c.Clock(t.Context())
	if err != nil || !before.Virtual {
		t.Errorf("Clock: %+v, %v", before, err)
	}
	now, fired, err := c.AdvanceClock(t.Context(), time.Hour)
	if passed := now.Sub(before.Now); err != nil || fired != 0 || passed < time.Hour {
		t.Errorf("AdvanceClock: %s later, %d fired, %v", passed, fired, err)
	}
}
