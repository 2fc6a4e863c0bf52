// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// The environment that makes the test binary a store which is to be killed: in the folder,
// by itself at a point, or under load by the test.
const (
	crashDir   = "KV_TEST_DIR"
	crashPoint = "KV_TEST_POINT"
)

// forgetting is the point of a store that kills itself when it has forgotten a deletion.
const forgetting = -1

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		point, _ := strconv.Atoi(os.Getenv(crashPoint))
		if err := crash(dir, point); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// diary is a file of lines that outlives the process, as what was acknowledged does.
type diary struct{ *os.File }

func (d diary) write(format string, args ...any) error {
	_, err := fmt.Fprintf(d, format+"\n", args...) // one write, so it is there whole
	return err
}

// diaryEmitter writes down what it is told.
type diaryEmitter struct{ diary }

func (diaryEmitter) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool { return true }

func (d diaryEmitter) Emit(_ context.Context, _ dayfly.ProjectName, _ string, _ dayfly.BucketName, e dayfly.Event) error {
	return d.write("%s %s %s", e.ID, e.Subject, e.Type)
}

func open(dir, name string) (diary, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	return diary{f}, err
}

// crash runs the store in dir: through a history, killing itself at a point, or under load
// until it is killed when the point is 0.
func crash(dir string, point int) error {
	told, err := open(dir, "told")
	if err != nil {
		return err
	}
	acked, err := open(dir, "acked")
	if err != nil {
		return err
	}
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: filepath.Join(dir, "data")}, log)
	if err := b.Open(ctx); err != nil {
		return err
	}
	v := New(Config{}, b, diaryEmitter{told}, log)
	switch point {
	case 0:
		return load(ctx, v, acked)
	case forgetting:
		return forget(ctx, v)
	}
	count := 0
	v.fault = func(string) {
		if count++; count == point {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it takes effect in a moment
		}
	}
	return history(ctx, v, acked)
}

// history makes changes of every sort, one after the other, so that points have numbers.
func history(ctx context.Context, v *Values, acked diary) error {
	if err := v.Open(ctx); err != nil {
		return err
	}
	note := func(key string, version uint64, err error) error {
		if err != nil {
			return fmt.Errorf("change %s: %w", key, err)
		}
		return acked.write("%016x %s", version, key)
	}
	put := func(key string, o PutOptions) error {
		value, err := v.Put(ctx, ref(key), []byte(key), o)
		return note(key, value.Version, err)
	}
	for _, step := range []func() error{
		func() error { return put("a", PutOptions{}) },
		func() error { return put("a", PutOptions{}) },
		func() error { return put("b", PutOptions{If: Condition{Absent: true}}) },
		func() error { version, err := v.Delete(ctx, ref("a"), 0); return note("a", version, err) },
		func() error { v.writeFloor(ctx); return nil },
		func() error { return put("a", PutOptions{}) },
		func() error {
			_, value, err := v.Increment(ctx, ref("n"), IncrementOptions{By: 1})
			return note("n", value.Version, err)
		},
		func() error { return put("x", PutOptions{TTL: time.Second}) },
		func() error { v.cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }; return v.expire(ctx) },
		func() error { return put("b", PutOptions{}) },
		func() error { v.writeFloor(ctx); return nil },
		func() error {
			v.cfg.Now = func() time.Time { return time.Now().Add(time.Hour + 2*markerAge) }
			return v.forgetDeletions(ctx)
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes what was written several times, forgets the deletion as Run does an hour
// later, and dies.
func forget(ctx context.Context, v *Values) error {
	if err := v.Open(ctx); err != nil {
		return err
	}
	for _, key := range []string{"gone", "kept", "gone", "kept", "gone"} {
		if _, err := v.Put(ctx, ref(key), []byte(key), PutOptions{}); err != nil {
			return err
		}
	}
	if _, err := v.Delete(ctx, ref("gone"), 0); err != nil {
		return err
	}
	v.cfg.Now = func() time.Time { return time.Now().Add(2 * markerAge) }
	if err := v.forgetDeletions(ctx); err != nil {
		return err
	}
	if _, ok := v.index.stale(v.cfg.Now()); ok || len(v.index.gone) > 0 {
		return fmt.Errorf("the deletion is still known: %v", v.index.gone)
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// load counts on several keys until the process is killed.
func load(ctx context.Context, v *Values, acked diary) error {
	if err := v.Open(ctx); err != nil {
		return err
	}
	go v.Run(ctx)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			key := fmt.Sprint("n", i%2)
			for {
				_, value, err := v.Increment(ctx, ref(key), IncrementOptions{By: 1})
				if err != nil {
					continue
				}
				if acked.write("%016x %s", value.Version, key) != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// lines reads a diary: the fields of each line.
func lines(t *testing.T, dir, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, strings.Fields(s.Text()))
	}
	return all
}

func child(t *testing.T, dir string, point int) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), crashDir+"="+dir, crashPoint+"="+strconv.Itoa(point))
	c.Stderr = os.Stderr
	return c
}

// restore opens the store that was killed, lets it tell what it owes, and gives it.
func restore(t *testing.T, dir string) *stand {
	t.Helper()
	told, err := open(dir, "told")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	l := &listener{wanted: true}
	s := reopen(t, filepath.Join(dir, "data"), Config{}, l)
	eventually(t, "what is owed is told", func() bool { return s.debts.count() == 0 })
	for _, e := range l.told() {
		if err := told.write("%s %s %s", e.ID, e.Subject, e.Type); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// checkTold wants every acknowledged change to be told, those of a key in order.
func checkTold(t *testing.T, dir string) {
	t.Helper()
	last := map[string]string{}
	seen := map[string]bool{}
	for _, line := range lines(t, dir, "told") {
		id, key := line[0], line[1]
		if !seen[id] && id < last[key] {
			t.Errorf("%s was told of %s after %s", key, id, last[key])
		}
		seen[id], last[key] = true, max(last[key], id)
	}
	for _, line := range lines(t, dir, "acked") {
		if !seen[line[0]] {
			t.Errorf("change %s of %s was acknowledged and never told", line[0], line[1])
		}
	}
}

func TestKilledAtEachPointNothingIsLost(t *testing.T) {
	t.Parallel()
	step := 1
	if testing.Short() {
		step = 9 // each point costs a process and two starts of the bus
	}
	points := 0
	for point := 1; ; point += step {
		dir := t.TempDir()
		err := child(t, dir, point).Run()
		if err != nil && !strings.Contains(err.Error(), "killed") {
			t.Fatalf("point %d: %v", point, err)
		}
		s := restore(t, dir)
		checkTold(t, dir)
		newest := map[string]string{}
		for _, line := range lines(t, dir, "acked") {
			newest[line[1]] = line[0]
		}
		for _, line := range lines(t, dir, "told") {
			newest[line[1]] = max(newest[line[1]], line[0])
		}
		for key, version := range newest {
			_, _, got := s.index.find(ref(key), "values.shop.carts."+key)
			if key == "x" && got == 0 {
				continue // its deletion is forgotten
			}
			if fmt.Sprintf("%016x", got) != version {
				t.Errorf("point %d: %s is at version %x, want %s", point, key, got, version)
			}
		}
		s.stop()
		if err == nil {
			break
		}
		points += step
	}
	if points < 30 {
		t.Errorf("the history has %d points, want all of nine changes and two floors", points)
	}
}

func TestKilledAfterADeletionWasForgottenItIsStillGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := child(t, dir, forgetting).Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process ended with %v, want it killed", err)
	}
	s := restore(t, dir)
	if value, err := s.Get(t.Context(), ref("gone")); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("a deleted value is back: %q at version %d (%v)", value.Data, value.Version, err)
	}
	if _, err := s.Get(t.Context(), ref("kept")); err != nil {
		t.Errorf("a value that was not deleted: %v", err)
	}
}

func TestKilledUnderLoadCountersAreRight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const writers = 4
	kills := 8
	if testing.Short() {
		kills = 2
	}
	for range kills {
		c := child(t, dir, 0)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		before := size(dir)
		eventually(t, "it works", func() bool { return size(dir) > before+1000 })
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) // so that each kill hits elsewhere
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // killed on purpose
	}
	s := restore(t, dir)
	checkTold(t, dir)
	acked := map[string]int{}
	for _, line := range lines(t, dir, "acked") {
		acked[line[1]]++
	}
	for _, key := range slices.Sorted(mapKeys(acked)) {
		value, err := s.Get(t.Context(), ref(key))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(value.Data))
		if err != nil || n < acked[key] || n > acked[key]+kills*writers {
			t.Errorf("%s is %d (%v) after %d acknowledged increments and %d kills", key, n, err, acked[key], kills)
		}
	}
}

func mapKeys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func size(dir string) int64 {
	info, err := os.Stat(filepath.Join(dir, "acked"))
	if err != nil {
		return 0
	}
	return info.Size()
}

func BenchmarkPut(b *testing.B) {
	s := start(b, Config{})
	data := make([]byte, 100)
	var i int
	for b.Loop() {
		i++
		if _, err := s.Put(b.Context(), ref(fmt.Sprint(i%1000)), data, PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "put/s")
}

func BenchmarkPutParallel(b *testing.B) {
	s := start(b, Config{})
	data := make([]byte, 100)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(1000); pb.Next(); i++ {
			if _, err := s.Put(b.Context(), ref(fmt.Sprint(i%1000)), data, PutOptions{}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "put/s")
}

func BenchmarkGet(b *testing.B) {
	s := start(b, Config{})
	s.put(b, ref("k"), strings.Repeat("x", 100), PutOptions{})
	for b.Loop() {
		if _, err := s.Get(b.Context(), ref("k")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "get/s")
}

func BenchmarkIncrement(b *testing.B) {
	s := start(b, Config{})
	for b.Loop() {
		if _, _, err := s.Increment(b.Context(), ref("n"), IncrementOptions{By: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "increment/s")
}
