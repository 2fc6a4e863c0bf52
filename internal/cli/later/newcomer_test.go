// SPDX-License-Identifier: Apache-2.0

package later_test

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
)

// TestWhatANewcomerMeets types what somebody types who does not know the words yet, on a
// node that has executed nothing.
func TestWhatANewcomerMeets(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	for _, tt := range []struct {
		args string
		code int
		err  string
	}{
		{args: "events", err: "dayfly invoke NAME --async"},
		{args: "events --state dead", err: "there are no such events"},
		{args: "events helo", code: 3, err: "function helo does not exist"},
		{args: "events -n 0", code: 2, err: "--limit 0"},
		{args: "dead list", err: "there are no dead letters"},
		{args: "queue list", err: "dayfly queue create NAME"},
		{args: "queue create clicks --retention 1s", code: 2, err: "a retention of 1s is not possible: use 1m to 14d"},
	} {
		got := clitest.Run(t, n, "", strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Err, tt.err) || got.Out != "" {
			t.Errorf("%s: %+v, want code %d and %q", tt.args, got, tt.code, tt.err)
		}
	}
}

func TestEventsWithoutAttemptsHaveAListOfThem(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	waiting := dayfly.EventInfo{ID: lived().ID, Function: hello, Source: dayfly.SourceAsync,
		State: dayfly.EventPending, Accepted: apitest.Epoch}
	n.Taken = []dayfly.EventInfo{waiting}
	for _, args := range [][]string{{"events", "--json"}, {"events", string(waiting.ID), "--json"}} {
		if got := clitest.Run(t, n, "", args...); got.Code != 0 || !strings.Contains(got.Out, `"attempts":[]`) {
			t.Errorf("%v: %+v, want an empty list of attempts", args, got)
		}
	}
}

func TestEventsAreNoInvocations(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Taken = []dayfly.EventInfo{lived()}
	id := string(lived().ID)
	got := clitest.Run(t, n, "", "explain", id)
	if got.Code != 3 || !strings.Contains(got.Err, "is an event") || !strings.Contains(got.Err, "dayfly events "+id) {
		t.Errorf("explain of an event: %+v, want to be sent to dayfly events", got)
	}
}
