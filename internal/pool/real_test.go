// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	_ "github.com/dayfly-faas/dayfly/internal/airlock" // the test binary is also the airlock
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// folders are bundles by name.
type folders string

func (f folders) Folder(_ context.Context, digest dayfly.Digest) (string, error) {
	return filepath.Join(string(f), string(digest)), nil
}

// realPool runs real sandboxes without a network.
func realPool(t testing.TB, stems int) (*pool.Pool, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: sandboxes with limits")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	for name, files := range map[string]fs.FS{"python": python.Files(), "node": node.Files()} {
		if err := os.CopyFS(filepath.Join(dir, "guests", name), files); err != nil {
			t.Fatal(err)
		}
	}
	driver, err := process.New(process.Config{RunDir: filepath.Join(dir, "run"),
		CgroupName: fmt.Sprintf("dayfly-test-%d-%d", os.Getpid(), time.Now().UnixNano())}, log)
	if err != nil {
		t.Fatal(err)
	}
	runtimes := toolchain.New(toolchain.Config{}, log)
	p := pool.New(pool.Config{MemoryBytes: 4 << 30, StartsMax: 4, StemsPerRuntime: stems, ZygotesMax: 8,
		GuestDir: filepath.Join(dir, "guests")}, log,
		pool.Deps{Driver: driver, Bundles: folders(dir), Runtimes: runtimes, Lines: noLines{}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = p.Close()
		if err := driver.Close(); err != nil {
			t.Errorf("close driver: %v", err)
		}
	})
	return p, dir
}

// realRevision writes code and gives a revision of it.
func realRevision(t testing.TB, dir, name string, code map[string]string, change func(*dayfly.Spec)) *dayfly.Revision {
	t.Helper()
	folder := filepath.Join(dir, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range code {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	rev := revision(name, change)
	rev.Bundle = dayfly.Digest(name)
	return rev
}

var greeters = map[string]struct {
	code   map[string]string
	change func(*dayfly.Spec)
}{
	"python": {map[string]string{"app.py": "def handler(event, context):\n    return 'hello'\n"}, func(s *dayfly.Spec) {
		s.Runtime, s.Dialect = "python", dayfly.DialectLambda
	}},
	"node": {map[string]string{"app.js": "exports.handler = async () => 'hello';\n"}, func(s *dayfly.Spec) {
		s.Runtime, s.Dialect = "node", dayfly.DialectLambda
	}},
	"server": {map[string]string{"app.js": "require('http').createServer((q, r) => r.end('hello')).listen(process.env.PORT);\n"},
		func(s *dayfly.Spec) {
			s.Runtime, s.Contract, s.Command = "node", dayfly.ContractHTTP, []string{"node", "app.js"}
		}},
}

func TestRealInstancesAnswer(t *testing.T) {
	p, dir := realPool(t, 1)
	for name, g := range greeters {
		t.Run(name, func(t *testing.T) {
			rev := realRevision(t, dir, name, g.code, g.change)
			for i := range 3 {
				rec, body, err := call(t.Context(), p, rev)
				if err != nil || body != "hello" {
					t.Fatalf("call %d = %q, %v", i, body, err)
				}
				if (i > 0) != (rec.Cold == dayfly.ColdNone) {
					t.Errorf("call %d was cold %q", i, rec.Cold)
				}
			}
		})
	}
}

func TestRealMemoryHogIsToldApart(t *testing.T) {
	p, dir := realPool(t, 1)
	rev := realRevision(t, dir, "hog", map[string]string{
		"app.py": "def handler(event, context):\n    x = []\n    while True: x.append(bytearray(1 << 20))\n"},
		func(s *dayfly.Spec) {
			s.Runtime, s.Dialect, s.Limits.MemoryBytes = "python", dayfly.DialectLambda, 64<<20
		})
	_, _, err := call(t.Context(), p, rev)
	failure, ok := guest.FailureOf(err)
	if !ok || failure.Kind != dayfly.FailureMemory || !strings.Contains(failure.Message, "64Mi") {
		out, _ := json.Marshal(failure)
		t.Errorf("memory hog = %s, %v; want out_of_memory that names 64Mi", out, err)
	}
}

func TestRealSpinnerIsEndedAtItsTimeout(t *testing.T) {
	p, dir := realPool(t, 1)
	rev := realRevision(t, dir, "spin", map[string]string{"app.js": "exports.handler = async () => { for (;;); };\n"},
		func(s *dayfly.Spec) {
			s.Runtime, s.Dialect, s.Limits.Timeout = "node", dayfly.DialectLambda, 100*time.Millisecond
		})
	_, _, err := call(t.Context(), p, rev)
	if failure, ok := guest.FailureOf(err); !ok || failure.Kind != dayfly.FailureTimeout {
		t.Errorf("spinner = %v, want a time-out", err)
	}
}

// breaker is a server whose /break closes its connection without an answer, and whose
// /quit ends the process.
const breaker = `
const server = require('http').createServer((q, r) => {
  if (q.url === '/break') return q.socket.destroy();
  if (q.url === '/quit') process.exit(3);
  setTimeout(() => r.end('hello'), 300);
});
server.listen(process.env.PORT);
`

func TestRealBrokenAnswerLeavesItsNeighboursAlone(t *testing.T) {
	p, dir := realPool(t, 1)
	rev := realRevision(t, dir, "breaker", map[string]string{"app.js": breaker}, func(s *dayfly.Spec) {
		s.Runtime, s.Contract, s.Command = "node", dayfly.ContractHTTP, []string{"node", "app.js"}
		s.Scaling.Concurrency, s.Scaling.MaxInstances = 8, 1
	})
	if _, body, err := call(t.Context(), p, rev); err != nil || body != "hello" {
		t.Fatalf("first call = %q, %v", body, err)
	}
	neighbour := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), p, rev)
		neighbour <- err
	}()
	_, _, err := callPath(t.Context(), p, rev, "/break")
	if failure, ok := guest.FailureOf(err); !ok || failure.Kind != dayfly.FailureResponse {
		t.Errorf("call without an answer = %v, want a bad response", err)
	}
	if err := <-neighbour; err != nil {
		t.Errorf("the call beside it = %v, want an answer", err)
	}
	if rec, _, err := call(t.Context(), p, rev); err != nil || rec.Cold != dayfly.ColdNone {
		t.Errorf("the next call = %v and cold %q, want one on the same instance", err, rec.Cold)
	}
	_, _, err = callPath(t.Context(), p, rev, "/quit")
	if failure, ok := guest.FailureOf(err); !ok || failure.Kind != dayfly.FailureExit ||
		!strings.Contains(failure.Message, "exit status 3") {
		t.Errorf("call that ends the process = %v, want an exit with status 3", err)
	}
}

// BenchmarkColdStart measures a call on a new instance, from a stock of stems.
func BenchmarkColdStart(b *testing.B) {
	for name, g := range greeters {
		b.Run(name, func(b *testing.B) {
			p, dir := realPool(b, 8)
			rev := realRevision(b, dir, name, g.code, g.change)
			p.Prepare(b.Context(), rev)
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				p.Evict(rev.Function)
				for stocked := false; !stocked; time.Sleep(time.Millisecond) {
					for _, n := range p.Stats().Stems {
						stocked = n >= 4
					}
				}
				b.StartTimer()
				began := time.Now()
				rec, _, err := call(b.Context(), p, rev)
				if err != nil || rec.Cold != dayfly.ColdStem {
					b.Fatalf("call = cold %q, %v", rec.Cold, err)
				}
				took = append(took, time.Since(began))
			}
			sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkWarmCall measures a call on an idle instance.
func BenchmarkWarmCall(b *testing.B) {
	for name, g := range greeters {
		b.Run(name, func(b *testing.B) {
			p, dir := realPool(b, 1)
			rev := realRevision(b, dir, name, g.code, g.change)
			for b.Loop() {
				if _, body, err := call(b.Context(), p, rev); err != nil || body != "hello" {
					b.Fatalf("call = %q, %v", body, err)
				}
			}
		})
	}
}
