// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// crashEnv makes the test binary write to the directory it names until it is killed.
const crashEnv = "STORE_TEST_CRASH"

// writeUntilKilled prints "KEY VALUE" after each write that was acknowledged.
func writeUntilKilled(dir string) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(ctx); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	s := store.New(b, bus.BucketCatalog, log)
	if err := s.Open(ctx); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		key, value := fmt.Sprint("k/", i%50), fmt.Sprint(time.Now().UnixNano())
		r, err := s.Get(ctx, key)
		if err != nil {
			_, err = s.Create(ctx, key, []byte(value))
		} else {
			_, err = s.Update(ctx, key, []byte(value), r.Version)
		}
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(key, value)
	}
}

func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]string{}
	writes := 0
	for round := range 12 {
		out := runAndKill(t, dir, time.Duration(20+rand.IntN(100))*time.Millisecond)
		for line := range strings.Lines(out) {
			key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if !ok || key == "error" || !strings.HasSuffix(line, "\n") {
				t.Fatalf("round %d: child said %q", round, line)
			}
			acked[key] = value
			writes++
		}
		checkAcked(t, dir, acked)
	}
	if writes < 100 {
		t.Errorf("only %d writes were acknowledged in all rounds; the test shows nothing", writes)
	}
}

// runAndKill starts a writer, kills it so long after its first acknowledgement, and
// gives its output.
func runAndKill(t *testing.T, dir string, life time.Duration) string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), crashEnv+"="+dir)
	pipe, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewReader(pipe)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("child ended before its first write: %q, %v", first, err)
	}
	out.WriteString(first)
	killer := time.AfterFunc(life, func() { _ = child.Process.Kill() })
	defer killer.Stop()
	if _, err := out.ReadFrom(lines); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed on purpose
	return out.String()
}

// checkAcked compares the directory with what was acknowledged. A record may be newer:
// the write whose acknowledgement was still to be printed.
func checkAcked(t *testing.T, dir string, acked map[string]string) {
	t.Helper()
	s, b := open(t, dir)
	records, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range records {
		got[r.Key] = string(r.Value)
	}
	for key, want := range acked {
		if got[key] < want {
			t.Errorf("%s = %q after the kill, acknowledged was %s", key, got[key], want)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
