// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	_ "github.com/dayfly-faas/dayfly/internal/airlock" // the test binary is also the airlock
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

// TestMain is also the guest: a box starts this very program as dayfly guest wasm.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "guest" && os.Args[2] == "wasm" {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// folders are bundles by name.
type folders string

func (f folders) Folder(_ context.Context, digest dayfly.Digest) (string, error) {
	return filepath.Join(string(f), string(digest)), nil
}

type noLines struct{}

func (noLines) Append(dayfly.LogLine) {}

// realPool runs real boxes whose guest is this program.
func realPool(t testing.TB) (*pool.Pool, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: needs root: sandboxes with limits")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	driver, err := process.New(process.Config{RunDir: filepath.Join(dir, "run"),
		CgroupName: fmt.Sprintf("dayfly-test-%d-%d", os.Getpid(), time.Now().UnixNano())}, log)
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(pool.Config{Binary: self, MemoryBytes: 4 << 30, StartsMax: 4, StemsPerRuntime: 1,
		GuestDir: dir, GuestCache: dir}, log,
		pool.Deps{Driver: driver, Bundles: folders(dir), Runtimes: toolchain.New(toolchain.Config{}, log), Lines: noLines{}})
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

// revision writes a module into a bundle and gives a revision of it.
func revision(t testing.TB, dir, name string, module []byte) *dayfly.Revision {
	t.Helper()
	folder := filepath.Join(dir, name)
	err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, "app.wasm"), module, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	ref := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: dayfly.FunctionName(name)}
	rev := &dayfly.Revision{ID: ref.Revision(1), Function: ref, Number: 1, Bundle: dayfly.Digest(name),
		Spec: dayfly.DefaultSpecOf(dayfly.ContractWasm, "")}
	rev.Spec.Runtime, rev.Spec.Command = toolchain.WasmName, []string{"app.wasm"}
	rev.Spec.Limits.MemoryBytes = 96 << 20
	rev.Spec.Limits.Timeout, rev.Spec.Limits.InitTimeout = time.Second, 5*time.Second
	rev.Spec.Limits.ResponseBytes = 1 << 20
	return rev
}

// execute calls a revision and tells what became of it.
func execute(t testing.TB, p *pool.Pool, rev *dayfly.Revision) string {
	t.Helper()
	inv := &dayfly.Invocation{ID: dayfly.NewInvocationID(time.Now()), Function: rev.Function, Revision: rev,
		Received: time.Now(), Record: &dayfly.Record{}, Request: dayfly.Request{Kind: dayfly.RequestHTTP,
			Method: "GET", Path: "/", Header: http.Header{}, Body: http.NoBody}}
	result, err := p.Execute(t.Context(), inv)
	if err == nil {
		defer result.Body.Close()
		if result.Failure != nil {
			err = result.Failure
		}
	}
	body := []byte(nil)
	if err == nil {
		body, err = io.ReadAll(result.Body)
	}
	if failure, ok := host.FailureOf(err); ok {
		return fmt.Sprintf("%s %s: %s", failure.Kind, failure.Type, failure.Message)
	}
	if err != nil {
		return fmt.Sprintf("%s: %v", dayfly.KindOf(err), err)
	}
	return string(body)
}

// hostile are modules that want too much, and how the box's limits end them.
func hostile() map[string]struct {
	module *assemble.Module
	want   []string // one of them begins what becomes of the call
} {
	type trial = struct {
		module *assemble.Module
		want   []string
	}
	endless := assemble.Code(assemble.Loop, assemble.Repeat, assemble.End)
	started := program("", assemble.Unreachable)
	started.Funcs = append(started.Funcs, assemble.Func{Code: endless})
	started.Start = own(1) + 1
	forever, data := sleep(1 << 62)
	sleeper := program("", forever)
	sleeper.Data = append(sleeper.Data, data)
	table := say("x")
	table.TableSize = 100_000_000
	large := say("x")
	large.MemoryPages = 65536
	recursion := program("", assemble.Call(own(0)), assemble.Unreachable)
	noise := program(strings.Repeat("x", 64<<10),
		assemble.Loop, vector(textAt, 64<<10), write(1), assemble.Repeat, assemble.End)
	errs := program(strings.Repeat("x", 64<<10),
		assemble.Loop, vector(textAt, 64<<10), write(2), assemble.Repeat, assemble.End)
	// grows as long as it is let, and touches each page
	hog := program("all the memory it may have", assemble.Loop, push(1), assemble.MemoryGrow,
		[]byte{0x22, 0}, push(16), []byte{0x74, 0x22, 1, 0x1a}, // local.tee 0, shift left by 16, local.tee 1, drop
		[]byte{0x20, 0}, push(-1), []byte{0x47, 0x04, 0x40}, // while it was not refused
		[]byte{0x20, 1}, push(1), assemble.I32Store, []byte{0x0c, 1}, assemble.End, assemble.End,
		vector(textAt, 26), write(1))
	hog.Funcs[0].Locals = 2
	return map[string]trial{
		"endless loop":              {program("", endless), []string{"timeout"}},
		"endless loop at its start": {started, []string{"timeout"}},
		"endless sleep":             {sleeper, []string{"timeout"}},
		"endless recursion":         {recursion, []string{"out_of_memory", "exception Runtime.Trap"}},
		"endless output":            {noise, []string{"response_too_large"}},
		"endless errors":            {errs, []string{"timeout"}},
		"all memory":                {hog, []string{"all the memory it may have"}},
		"memory at the start":       {large, []string{"exception Runtime.Trap"}},
		"huge table":                {table, []string{"x", "out_of_memory"}}, // untouched it takes nothing
	}
}

func TestHostileModulesAreHeld(t *testing.T) {
	p, dir := realPool(t)
	good := revision(t, dir, "good", say("hello").Bytes())
	if got := execute(t, p, good); got != "hello" {
		t.Fatalf("a good module answered %s", got)
	}
	for name, trial := range hostile() {
		t.Run(name, func(t *testing.T) {
			rev := revision(t, dir, strings.ReplaceAll(name, " ", "-"), trial.module.Bytes())
			began := time.Now()
			got, fits := execute(t, p, rev), false
			for _, want := range trial.want {
				fits = fits || strings.HasPrefix(got, want)
			}
			if !fits {
				t.Errorf("%.300s; want one of %q", got, trial.want)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if got := execute(t, p, good); got != "hello" {
				t.Errorf("after it a good module answered %s", got)
			}
		})
	}
}

func TestModulesThatAreHardToCompileAreHeld(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compilers need their time until they are ended")
	}
	p, dir := realPool(t)
	good := revision(t, dir, "good", say("hello").Bytes())
	deep := strings.Repeat("\x02\x40", 200_000) + strings.Repeat("\x0b", 200_000) // blocks in blocks
	straight := strings.Repeat("\x41\x01\x41\x01\x6a\x1a", 2_000_000)
	many := say("x")
	for range 100_000 {
		many.Funcs = append(many.Funcs, assemble.Func{Code: assemble.Code(push(1), assemble.Drop)})
	}
	locals := program("")
	locals.Funcs[0].Locals = 1<<32 - 1
	customs := say("hello")
	customs.Customs = []assemble.Custom{{Name: "zeros", Bytes: make([]byte, 64<<20)}}
	for name, module := range map[string]*assemble.Module{
		"deep blocks": program("", []byte(deep)), "long function": program("", []byte(straight)),
		"many functions": many, "many locals": locals, "large file": customs,
	} {
		t.Run(name, func(t *testing.T) {
			rev := revision(t, dir, strings.ReplaceAll(name, " ", "-"), module.Bytes())
			rev.Spec.Limits.InitTimeout = 2 * time.Second
			began := time.Now()
			got := execute(t, p, rev) // it may well work: what counts is that it ends
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%.100s: it took %s", got, took)
			}
			if got := execute(t, p, good); got != "hello" {
				t.Errorf("after it a good module answered %s", got)
			}
			t.Logf("%.200s", got)
		})
	}
}
