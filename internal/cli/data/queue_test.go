// SPDX-License-Identifier: Apache-2.0

package data_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

func TestQueuesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	n.Readers = map[string][]topic.Reader{"taken": {{Function: dayfly.FunctionRef{Project: "default", Name: "store"},
		Trigger: "taken", Cursor: 4, Behind: 3, Since: apitest.Epoch, Waiting: 2,
		Counts: topic.Counts{Copied: 1, Failed: 1, Error: "no such key: x", ErrorTime: apitest.Epoch}}}}
	file := clitest.Write(t, t.TempDir(), "lines.txt", "{\"a\": 1}\n\nplain text\r\n\"quoted\"\n")
	for _, tt := range []struct {
		args, in string
		code     int
		out, err string // parts
	}{
		{args: "queue list", err: "no queues yet"},
		{args: "queue publish clicks hello", code: 3, err: "dayfly queue create clicks"},
		{args: "queue create clicks", out: "clicks keeps messages for 4d"},
		{args: "queue create clicks --retention 36h", out: "clicks keeps messages for 36h"},
		{args: "queue create clicks --retention 10s", code: 2, err: "use 1m to 14d"},
		{args: "queue create Clicks", code: 2, err: "queue name"},
		{args: "queue list", out: "36h"},
		{args: "queue stats clicks", out: "and holds none"},
		{args: "queue messages clicks", err: "no such messages"},
		{args: `queue publish clicks {"page":1} --key u1 --type click`, out: "is message 1 of clicks"},
		{args: "queue publish clicks", in: "from stdin", out: "is message 2 of clicks"},
		{args: "queue publish clicks --lines --file " + file, out: "3 messages published"},
		{args: "queue publish clicks --lines", in: "a\nb\n", out: "2 messages published"},
		{args: "queue publish clicks a --idempotency-key k", out: "is message 8 of clicks"},
		{args: "queue publish clicks a --idempotency-key k", out: "is message 8 of clicks"},
		{args: "queue publish clicks a --file " + file, code: 2, err: "one message too many"},
		{args: "queue publish clicks --lines --idempotency-key k", code: 2, err: "goes with one message"},
		{args: "queue publish clicks --file " + file + ".none", code: 3, err: "does not exist"},
		{args: "queue messages clicks", out: `click u1 {"page":1}`},
		{args: "queue messages clicks --from 5", out: `"quoted"`},
		{args: "queue messages clicks -n 2", err: "6 more: --from 3"},
		{args: "queue messages clicks --from 1h", out: "from stdin"},
		{args: "queue messages clicks --from yesterday", code: 2, err: "is no place"},
		{args: "queue messages clicks --json -n 1", out: `"partitionkey":"u1"`},
		{args: "queue messages clicks -n 0", code: 2, err: "--limit"},
		{args: "queue stats clicks", out: "holds 8: sequences 1 to 8"},
		{args: "queue stats clicks --json", out: `"messages":8`},
		{args: "queue stats clicks", out: "no trigger takes them"},
		{args: "queue create taken", out: "taken keeps"},
		{args: "queue stats taken", out: "no such key: x"},
		{args: "queue remove taken", code: 4, err: "function store takes messages"},
		{args: "queue replay taken --function store --from 1 --to 5", out: "6 copied, 0 not wanted"},
		{args: "queue replay taken --function store", code: 2, err: "--from"},
		{args: "queue remove clicks", out: "clicks removed"},
		{args: "queue remove clicks", code: 3, err: "not found"},
	} {
		got := clitest.Run(t, n, tt.in, strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Out, tt.out) || !strings.Contains(got.Err, tt.err) {
			t.Errorf("dayfly %s = %+v, want code %d with %q and %q", tt.args, got, tt.code, tt.out, tt.err)
		}
	}
	if len(n.Replays) != 3 || n.Replays[2].From.Sequence != 5 {
		t.Errorf("replays were %+v, want three, each where the last ended", n.Replays)
	}
}

func TestManyLinesArePublishedInOrder(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	var lines strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&lines, "%d\n", i)
	}
	if got := clitest.Run(t, n, "", "queue", "create", "clicks"); got.Code != 0 {
		t.Fatalf("create: %+v", got)
	}
	if got := clitest.Run(t, n, lines.String(), "queue", "publish", "clicks", "--lines"); got.Out != "2500 messages published\n" {
		t.Fatalf("publish: %+v", got)
	}
	got := clitest.Run(t, n, "", "queue", "messages", "clicks", "-n", "1000", "--from", "1501")
	rows := strings.Split(strings.TrimSpace(got.Out), "\n")
	if len(rows) != 1000 || !strings.HasSuffix(rows[0], " 1500") || !strings.HasSuffix(rows[999], " 2499") {
		t.Errorf("%d rows, from %q to %q; want those of 1500 to 2499", len(rows), rows[0], rows[len(rows)-1])
	}
}
