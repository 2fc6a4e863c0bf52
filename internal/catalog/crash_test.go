// SPDX-License-Identifier: Apache-2.0

package catalog_test

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

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// crashEnv makes the test binary deploy to the directory it names until it is killed.
const crashEnv = "CATALOG_TEST_CRASH"

// deployUntilKilled prints "published NAME NUMBER" and "live NAME NUMBER" after each write
// that was acknowledged.
func deployUntilKilled(dir string) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	die := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	b := bus.New(bus.Config{Dir: dir}, log)
	die(b.Open(ctx))
	st := store.New(b, bus.BucketCatalog, log)
	die(st.Open(ctx))
	c := catalog.New(st, log)
	die(c.Open(ctx))
	for i := 0; ; i++ {
		ref := dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprint("f", i%5)),
		}
		r, err := c.Publish(ctx, draft(ref))
		die(err)
		fmt.Println("published", ref, r.Number)
		_, err = c.Activate(ctx, ref, r.Number)
		die(err)
		fmt.Println("live", ref, r.Number)
		die(c.Prune(ctx, ref, 5))
	}
}

func TestAcknowledgedDeploysSurviveKill(t *testing.T) {
	dir := t.TempDir()
	published, live := map[string]int{}, map[string]int{}
	for round := range 10 {
		out := runAndKill(t, dir, time.Duration(20+rand.IntN(100))*time.Millisecond)
		for line := range strings.Lines(out) {
			var what, name string
			var number int
			if _, err := fmt.Sscan(line, &what, &name, &number); err != nil || what == "error" {
				t.Fatalf("round %d: child said %q", round, line)
			}
			switch what {
			case "published":
				if number <= published[name] {
					t.Errorf("round %d: number %d of %s was given twice", round, number, name)
				}
				published[name] = number
			case "live":
				live[name] = number
			}
		}
		checkDeploys(t, dir, published, live)
	}
	if live["f0"] < 20 {
		t.Errorf("f0 came to revision %d in all rounds; the test shows nothing", live["f0"])
	}
}

// runAndKill starts a deployer, kills it so long after its first acknowledgement, and
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
		t.Fatalf("child ended before its first deploy: %q, %v", first, err)
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

// checkDeploys compares the directory with what was acknowledged. A revision may be newer:
// the one whose acknowledgement was still to be printed.
func checkDeploys(t *testing.T, dir string, published, live map[string]int) {
	t.Helper()
	w := open(t, dir)
	defer w.close()
	for name, number := range published {
		ref := dayfly.FunctionRef{Project: "default", Name: dayfly.FunctionName(name)}
		if _, err := w.Revision(ref, number); err != nil {
			t.Errorf("acknowledged revision %d of %s after the kill: %v", number, name, err)
		}
		f, err := w.Function(ref)
		if err != nil || f.Live < live[name] {
			t.Errorf("live of %s after the kill is %d, %v; acknowledged was %d",
				name, f.Live, err, live[name])
		}
		if f.Live > 0 {
			if r, err := w.Resolve(ref, ""); err != nil || r.Number != f.Live {
				t.Errorf("Resolve(%s) after the kill = %v, %v; want %d", name, r, err, f.Live)
			}
		}
		for _, n := range f.Revisions {
			if _, err := w.Revision(ref, n); err != nil {
				t.Errorf("listed revision %d of %s after the kill: %v", n, name, err)
			}
		}
	}
}
