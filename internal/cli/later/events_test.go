// SPDX-License-Identifier: Apache-2.0

package later_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

var hello = dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "hello"}

// lived is an event that was tried twice and given up.
func lived() dayfly.EventInfo {
	at := func(ms int) time.Time { return apitest.Epoch.Add(time.Duration(ms) * time.Millisecond) }
	return dayfly.EventInfo{
		ID: "01900000-0000-7000-8000-000000000001", Function: hello, Source: dayfly.SourceCron, Trigger: "nightly",
		Type: dayfly.EventCron, Key: "k-7", Bytes: 12, State: dayfly.EventDead, Reason: dayfly.DeadAttempts,
		Accepted: at(0), Ended: at(2010), Delivered: "queue failures",
		Attempts: []dayfly.Attempt{
			{Number: 1, Invocation: "i-1", Start: at(3), Duration: 5 * time.Millisecond, Status: 502,
				Fault: dayfly.FaultGuest, Error: "ValueError: no\nmore", Next: at(1008)},
			{Number: 2, Invocation: "i-2", Start: at(2000), Duration: 9 * time.Millisecond, Status: 502,
				Fault: dayfly.FaultGuest, Error: "ValueError: \x1b[31mno"},
		},
	}
}

func TestLifeOfAnEventReads(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Taken = []dayfly.EventInfo{lived()}
	got := clitest.Run(t, n, "", "events", string(lived().ID))
	for _, want := range []string{"cron nightly", "dead, every attempt failed", "dev.dayfly.cron", "k-7", "12 B",
		"queue failures", "accepted", "attempt 1  i-1  failed in 5.00 ms: ValueError: no; the next 1.00 s later",
		"attempt 2  i-2  failed in 9.00 ms", "+2.01 s  dead: every attempt failed", "dayfly dead redrive"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("the life lacks %q:\n%s", want, got.Out)
		}
	}
	if got.Code != 0 || strings.Contains(got.Out, "\x1b") || strings.Contains(got.Out, "more") {
		t.Errorf("exit %d, or what the function said was not made harmless: %q", got.Code, got.Out)
	}
	got = clitest.Run(t, n, "", "events", string(lived().ID), "--follow")
	if got.Code != 0 || strings.Count(got.Out, "\n") != 4 {
		t.Errorf("to follow what has ended gave %+v, want its four steps", got)
	}
}

func TestEventsAreListedAndChosen(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	delayed := lived()
	delayed.ID, delayed.State, delayed.Ended = "01900000-0000-7000-8000-000000000002", dayfly.EventDelayed, time.Time{}
	n.Taken = []dayfly.EventInfo{lived(), delayed}
	for _, tt := range []struct {
		args []string
		want int // lines
	}{
		{nil, 3}, {[]string{"hello"}, 3}, {[]string{"--state", "dead"}, 2},
		{[]string{"-n", "1"}, 2}, {[]string{"--since", "2027-01-01T00:00:00Z"}, 0},
	} {
		got := clitest.Run(t, n, "", append([]string{"events"}, tt.args...)...)
		if got.Code != 0 || strings.Count(got.Out, "\n") != tt.want {
			t.Errorf("events %v: %+v, want %d lines", tt.args, got, tt.want)
		}
	}
	got := clitest.Run(t, n, "", "events", "--state", "broken")
	if got.Code != 2 || !strings.Contains(got.Err, "pending, delayed, running") {
		t.Errorf("an unknown state: %+v, want the ones there are", got)
	}
	got = clitest.Run(t, n, "", "events", string(lived().ID), "--state", "dead")
	if got.Code != 2 {
		t.Errorf("a state beside an ID: %+v, want it to be refused", got)
	}
}

func TestAsyncCallsPrintTheEvent(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	deployHello(t, n)
	first := clitest.Run(t, n, "", "invoke", "hello", "--async", "--key", "k", "--delay", "10m")
	id := strings.TrimSpace(first.Out)
	if first.Code != 0 || len(id) != 36 || first.Err != "" {
		t.Fatalf("invoke --async: %+v, want the ID alone", first)
	}
	second := clitest.Run(t, n, "", "invoke", "hello", "--async", "--key", "k")
	if second.Out != first.Out || !strings.Contains(second.Err, "first event") {
		t.Errorf("the same key: %+v, want the first ID and a note", second)
	}
	asJSON := clitest.Run(t, n, "", "invoke", "hello", "--async", "--at", "2100-01-01T00:00:00Z", "--json")
	var receipt struct{ Event, State, After string }
	if err := json.Unmarshal([]byte(asJSON.Out), &receipt); err != nil || receipt.State != "delayed" || receipt.After == "" {
		t.Errorf("in JSON: %+v, %v; want a delayed event", asJSON, err)
	}
	for name, args := range map[string][]string{
		"--key needs --async":       {"--key", "k"},
		"--wait needs --async":      {"--wait"},
		"both given":                {"--async", "--delay", "1m", "--at", "2100-01-01T00:00:00Z"},
		"not a time such as 10m":    {"--async", "--delay", "soon"},
		"not a time such as 2026-":  {"--async", "--at", "noon"},
		"127.0.0.1/hook is private": {"--async", "--callback", "http://127.0.0.1/hook"},
	} {
		got := clitest.Run(t, n, "", append([]string{"invoke", "hello"}, args...)...)
		if got.Code == 0 || !strings.Contains(strings.ReplaceAll(got.Err, "are both", "both"), name) || got.Out != "" {
			t.Errorf("invoke %v: %+v, want it to be refused with %q", args, got, name)
		}
	}
}

func TestWaitingForAnEventTellsItsEnd(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	deployHello(t, n)
	id := strings.TrimSpace(clitest.Run(t, n, "", "invoke", "hello", "--async", "--key", "k").Out)
	if got := clitest.Run(t, n, "", "cancel", id); got.Code != 0 || !strings.Contains(got.Out, "is canceled") {
		t.Fatalf("cancel: %+v", got)
	}
	got := clitest.Run(t, n, "", "invoke", "hello", "--async", "--key", "k", "--wait")
	if got.Code != 130 || !strings.Contains(got.Out, "accepted") || !strings.Contains(got.Err, "was canceled") {
		t.Errorf("to wait for a canceled event: %+v, want exit code 130", got)
	}
	if got := clitest.Run(t, n, "", "cancel", id); got.Code != 4 {
		t.Errorf("to cancel it once more: %+v, want a conflict", got)
	}
	if got := clitest.Run(t, n, "", "cancel", "x"); got.Code != 3 {
		t.Errorf("to cancel what is not there: %+v, want not found", got)
	}
}

func TestDeadLettersAreLookedAfter(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	other := lived()
	other.ID, other.Function.Name = "01900000-0000-7000-8000-000000000002", "other"
	third := lived()
	third.ID = "01900000-0000-7000-8000-000000000003"
	n.Letters = []queue.Letter{
		{EventInfo: lived(), Call: &queue.Call{Kind: dayfly.RequestHTTP, Method: "PUT", Path: "/a", RawQuery: "b=c",
			Body: []byte("order \x1b[2J7")}},
		{EventInfo: other, Event: &dayfly.Event{Type: "order.paid", Source: "/shop", Data: []byte{0xff, 0}}},
		{EventInfo: third, Call: &queue.Call{Kind: dayfly.RequestEvent, Body: []byte(strings.Repeat("é", 5000))}},
	}
	for _, tt := range []struct {
		args string
		want string
		code int
	}{
		{"list", "ValueError: ", 0},
		{"list other", "000000000002", 0},
		{"show 01900000-0000-7000-8000-000000000001", "PUT /a?b=c", 0},
		{"show 01900000-0000-7000-8000-000000000002", "order.paid", 0},
		{"show 01900000-0000-7000-8000-000000000002", "2 B, not text", 0},
		{"show 01900000-0000-7000-8000-000000000003", "9.77 KiB in all", 0},
		{"show x", "not found", 3},
		{"redrive", "want either IDs or --function", 2},
		{"redrive 01900000-0000-7000-8000-000000000001 --function hello", "want either", 2},
		{"drop --project shop", "--project needs --function", 2},
		{"redrive 01900000-0000-7000-8000-000000000001", "1 event to be executed again", 0},
		{"redrive 01900000-0000-7000-8000-000000000001", "not found", 3},
		{"drop 01900000-0000-7000-8000-000000000002", "1 dead letter deleted", 0},
		{"drop --function hello", "1 dead letter deleted", 0},
		{"list", "no dead letters", 0},
	} {
		got := clitest.Run(t, n, "", append([]string{"dead"}, strings.Fields(tt.args)...)...)
		if got.Code != tt.code || !strings.Contains(got.Out+got.Err, tt.want) || strings.Contains(got.Out, "\x1b") {
			t.Errorf("dead %s: %+v, want exit code %d and %q", tt.args, got, tt.code, tt.want)
		}
	}
}

func TestPauseIsShownByInspect(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	deployHello(t, n)
	for _, tt := range []struct{ command, want string }{
		{"pause hello", "executes no events until: dayfly resume hello"},
		{"inspect hello", "paused"},
		{"resume hello", "hello executes events"},
	} {
		got := clitest.Run(t, n, "", strings.Fields(tt.command)...)
		if got.Code != 0 || !strings.Contains(got.Out, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.command, got, tt.want)
		}
	}
	if got := clitest.Run(t, n, "", "inspect", "hello"); strings.Contains(got.Out, "paused") {
		t.Errorf("inspect after resume tells of a pause:\n%s", got.Out)
	}
	if got := clitest.Run(t, n, "", "pause", "nobody"); got.Code != 3 {
		t.Errorf("to pause what is not there: %+v, want not found", got)
	}
}

// deployHello puts a function on the node.
func deployHello(t *testing.T, n *apitest.Node) {
	t.Helper()
	dir := t.TempDir()
	clitest.Write(t, dir, "hello.py", "def handler(event, context):\n    return 1\n")
	if got := clitest.Run(t, n, "", "deploy", dir+"/hello.py"); got.Code != 0 {
		t.Fatalf("deploy: %+v", got)
	}
}
