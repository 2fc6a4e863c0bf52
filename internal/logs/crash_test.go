// SPDX-License-Identifier: Apache-2.0

package logs_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

// crashEnv makes the test binary append lines in the directory it names until it is killed.
const crashEnv = "LOGS_TEST_CRASH"

// appendUntilKilled appends numbered lines, a record with each, and prints the numbers.
func appendUntilKilled(dir string) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	die := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	b := bus.New(bus.Config{Dir: dir}, log)
	die(b.Open(ctx))
	l := logs.New(logs.Config{FlushInterval: 20 * time.Millisecond}, b, log)
	die(l.Open(ctx))
	go func() { die(l.Run(ctx)) }()
	for i := 0; ; i++ {
		l.Append(line(hello, fmt.Sprint(i)))
		l.Record(record(hello))
		fmt.Println(i, time.Now().UnixNano())
		time.Sleep(time.Millisecond)
	}
}

func TestKillCostsTheLastFlushOnly(t *testing.T) {
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var appended []int64 // when line i was
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var number int
		var at int64
		if _, err := fmt.Sscan(lines.Text(), &number, &at); err != nil {
			t.Fatalf("child said %q", lines.Text())
		}
		if appended = append(appended, at); len(appended) == 1000 {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait() // killed on purpose

	l, _ := open(t, dir, still)
	got := texts(t, l, logs.Query{Function: hello})
	for i, text := range got {
		if text != fmt.Sprint(i) {
			t.Fatalf("line %d after the kill is %q", i, text)
		}
	}
	// Twenty intervals instead of one: the machine may be busy.
	end := appended[len(appended)-1] - int64(400*time.Millisecond)
	if safe, _ := slices.BinarySearch(appended, end); len(got) < safe || len(got) == 0 {
		t.Errorf("%d lines after the kill, want the %d that were 400ms old", len(got), safe)
	}
	// The last flush may have come between a line and its record.
	if n := len(ids(t, l, logs.RecordQuery{Limit: 10_000})); n != len(got) && n != len(got)-1 {
		t.Errorf("%d records after the kill, want as many as lines: %d", n, len(got))
	}
}
