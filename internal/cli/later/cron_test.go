// SPDX-License-Identifier: Apache-2.0

package later_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// crons gives a node three crons of two functions.
func crons(n *apitest.Node) {
	ran := cron.Run{Number: 9, Due: apitest.Epoch, At: apitest.Epoch, Outcome: cron.Ran, Event: "e-9"}
	report := dayfly.FunctionRef{Project: "default", Name: "report"}
	n.Ledgers = []apitest.Ledger{
		{Info: cron.Info{Function: report, Trigger: "nightly", Expression: "0 3 * * *", Zone: "Asia/Kolkata",
			Next: apitest.Epoch.Add(time.Hour), Last: &ran},
			Runs: []cron.Run{ran, {Number: 8, Due: apitest.Epoch.Add(-time.Hour), Until: apitest.Epoch, Count: 10_000,
				More: true, At: apitest.Epoch, Outcome: cron.Missed, Why: "no node ran"}}},
		{Info: cron.Info{Function: report, Trigger: "weekly", Expression: "@weekly"}},
		{Info: cron.Info{Function: dayfly.FunctionRef{Project: "shop", Name: "sum"}, Trigger: "once",
			Expression: "at(2020-01-01T00:00:00)"}},
	}
}

func TestCronsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	crons(n)
	for _, tt := range []struct {
		args     string
		code     int
		out, err string // parts
	}{
		{args: "cron list", out: "report/nightly  0 3 * * *                Asia/Kolkata  2026-01-31 15:30:00  ran 2026-01-31 14:30:00"},
		{args: "cron list", out: "sum.shop/once   at(2020-01-01T00:00:00)  UTC           never                none yet"},
		{args: "cron list --project shop --json", out: `[{"function":{"project":"shop","name":"sum"},"trigger":"once"`},
		{args: "cron list --project other", err: "there are no crons"},
		{args: "cron history report/nightly", out: "ran      e-9"},
		{args: "cron history report", out: "missed          no node ran"},
		{args: "cron history report", out: "2026-01-31 13:30:00 … 2026-01-31 14:30:00 (more than 10000)"},
		{args: "cron history report", out: "report/weekly  @weekly\n  nothing was due yet"},
		{args: "cron history report/nightly --limit 1 --json", out: `{"nightly":[{"number":9,`},
		{args: "cron history sum.shop/once", out: "nothing was due yet"},
		{args: "cron history report --limit 0", code: 2, err: "between 1 and 200"},
		{args: "cron history report/daily", code: 3, err: "there are: nightly, weekly"},
		{args: "cron history", code: 2, err: "needs FUNCTION[/TRIGGER]"},
		{args: "cron run report", code: 2, err: "there are: report/nightly, report/weekly"},
		{args: "cron run report/nightly", out: "-"},
		{args: "cron run sum --project shop --json", out: `{"event":"`},
		{args: "cron next @daily --after 2026-01-31T12:00:00Z --count 1", out: "Sun 2026-02-01 00:00:00 +0000  in 12h"},
		{args: "cron next @daily --after 2026-01-31T12:00:00Z --zone Asia/Kolkata --count 1 --json",
			out: `["2026-02-01T00:00:00+05:30"]`},
		{args: "cron next @daily --after tomorrow", code: 2, err: "--after"},
		{args: "cron next @daily --count 0", code: 2, err: "--count"},
		{args: "cron next @reboot", code: 2, err: "@reboot"},
		{args: "clock", out: "virtual"},
		{args: "clock --json", out: `"virtual":true`},
		{args: "clock advance 3d", out: "0 events fired"},
		{args: "clock advance 3d --json", out: `"fired":0`},
		{args: "clock advance 3", code: 2, err: "no unit"},
		{args: "clock advance", code: 2, err: "needs SPAN"},
	} {
		got := clitest.Run(t, n, "", strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Out, tt.out) || !strings.Contains(got.Err, tt.err) {
			t.Errorf("dayfly %s = %+v, want code %d with %q and %q", tt.args, got, tt.code, tt.out, tt.err)
		}
	}
	got := clitest.Run(t, apitest.StartAt(t, clock.New()), "", "clock", "advance", "3d")
	if got.Code != 6 || !strings.Contains(got.Err, "dayfly up --dev") {
		t.Errorf("advance of a real clock = %+v, want it denied", got)
	}
}
