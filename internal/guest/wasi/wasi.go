// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

const (
	// taskDir is where the box will see the code; the engine must know before.
	taskDir = "/var/task"
	// scratchDir is private to the box, and no module sees it.
	scratchDir = "/dev/shm"
	// ownBytes is what this process takes of the box's memory beside its modules'.
	ownBytes = 24 << 20
	// garbagePercent lets garbage grow to five times what lives: 20 MiB. A collection
	// waits for a module that runs, and every call for the collection.
	garbagePercent = 400
	// limitPart is the part of the box's memory, one in so many, that garbage may not
	// reach however much lives.
	limitPart = 4
	// firstCallWithin bounds the look for the first call.
	firstCallWithin = 400 * time.Microsecond
)

// Main serves calls until the host closes the connection, and gives the exit status.
func Main() int {
	debug.SetGCPercent(garbagePercent)
	// One processor suffices for one call at once, and no thread is woken for it.
	runtime.GOMAXPROCS(1)
	ctx := context.Background()
	h, err := newModules(ctx, place{task: taskDir, scratch: scratchDir, notes: os.Stderr})
	if err == nil {
		err = rehearse(ctx, scratchDir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dayfly guest wasm:", err)
		return 1
	}
	return serve.Main(hello(), h)
}

func hello() frame.HelloHead { return frame.HelloHead{Language: "wasm", Version: runtime.Version()} }

// place is where things are in the box.
type place struct {
	task, scratch string
	notes         io.Writer // takes lines for the log
}

// modules calls a fresh instance of a module for each call.
type modules struct {
	place   place
	engine  *wasm.Engine
	program *wagi.Program
	targets map[*wagi.Route]*target
}

// target is what answers a route.
type target struct {
	route  *wagi.Route
	module *wasm.Module
	files  wasm.Files
	env    []string // the function's and the route's
}

func newModules(ctx context.Context, where place) (*modules, error) {
	engine, err := wasm.New(ctx, wasm.Config{
		Dir: filepath.Join(where.task, planDir), Scratch: where.scratch,
		MemoryBytes: moduleBytes(dayfly.DefaultSpec().Limits.MemoryBytes),
	})
	if err != nil {
		return nil, err
	}
	return &modules{place: where, engine: engine, targets: map[*wagi.Route]*target{}}, nil
}

// moduleBytes is how much of a box's memory one instance of a module may have.
func moduleBytes(box int64) int64 { return max(box-ownBytes, box/2) }

// Specialise implements serve.Handler.
func (m *modules) Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead) {
	if err := m.specialise(context.Background(), &rev); err != nil {
		return frame.ReadyHead{}, &frame.ErrorHead{
			Kind: dayfly.FailureInit, Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	return frame.ReadyHead{Serve: "frames"}, nil
}

func (m *modules) specialise(ctx context.Context, rev *frame.SpecialiseHead) error {
	if len(rev.Command) == 0 {
		return errors.New("the command is empty: it names the module")
	}
	debug.SetMemoryLimit(rev.MemoryBytes - rev.MemoryBytes/limitPart)
	if procs := min(rev.Concurrency, runtime.NumCPU()); procs > 1 {
		runtime.GOMAXPROCS(procs)
	}
	if bytes := moduleBytes(rev.MemoryBytes); bytes != moduleBytes(dayfly.DefaultSpec().Limits.MemoryBytes) {
		m.engine.Limit(bytes)
	}
	plan, err := readPlan(rev.Task)
	if errors.Is(err, errNoPlan) {
		plan, err = m.improvise(rev)
	}
	if err != nil {
		return err
	}
	if err := m.load(ctx, plan, rev); err != nil {
		return err
	}
	return m.engine.Done()
}

// improvise plans for a bundle that was made without our build.
func (m *modules) improvise(rev *frame.SpecialiseHead) (*plan, error) {
	program, err := programOf(rev.Task, rev.Command)
	if err != nil {
		return nil, err
	}
	return &plan{Program: program}, nil
}

// load makes the targets of the plan's routes.
func (m *modules) load(ctx context.Context, plan *plan, rev *frame.SpecialiseHead) error {
	loaded := map[string]*wasm.Module{}
	for _, name := range plan.Program.Modules() {
		module, err := m.loadOne(ctx, plan, rev.Task, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		loaded[name] = module
	}
	m.program = plan.Program
	for i := range m.program.Routes {
		route := &m.program.Routes[i]
		if err := checkEntry(route, loaded[route.Module]); err != nil {
			return err
		}
		m.targets[route] = &target{route: route, module: loaded[route.Module],
			files: filesOf(rev.Task, route), env: environmentOf(rev.Env, route)}
	}
	return nil
}

// loadOne takes what was compiled ahead, or compiles.
func (m *modules) loadOne(ctx context.Context, plan *plan, task, name string) (*wasm.Module, error) {
	if ahead, ok := plan.Files[name]; ok {
		skeleton, err := os.ReadFile(filepath.Join(task, ahead.File))
		if err != nil {
			return nil, fmt.Errorf("read skeleton: %w", err)
		}
		module, err := m.engine.Map(ctx, wasm.Prepared{Skeleton: skeleton, Code: ahead.Code})
		if !errors.Is(err, wasm.ErrMisfit) {
			return module, err
		}
	}
	fmt.Fprintf(m.place.notes, "%s has no machine code in its bundle for this processor and version: "+
		"it is compiled now; deploy again to have it made once\n", name)
	binary, err := readModule(task, name)
	if err != nil {
		return nil, err
	}
	if binary, err = wasm.Strip(binary); err != nil {
		return nil, err
	}
	return m.engine.Load(ctx, binary)
}

func checkEntry(route *wagi.Route, module *wasm.Module) error {
	entry := route.Entry
	if entry == "" {
		entry = wasm.StartEntry
	}
	if !module.Exports(entry) {
		return dayfly.Errorf(dayfly.KindInvalid, "%s exports no function %s that takes and gives nothing: "+
			"build a WASI program (a command), not a library", route.Module, entry)
	}
	return nil
}

// filesOf shows the code as /, and /tmp; volumes come in their places.
func filesOf(task string, route *wagi.Route) wasm.Files {
	mounts := map[string]wasm.Mount{
		"/":    {Guest: "/", Host: task},
		"/tmp": {Guest: "/tmp", Host: os.TempDir(), Writable: true},
	}
	for guest, host := range route.Volumes {
		mounts[guest] = wasm.Mount{Guest: guest, Host: filepath.Join(task, host)}
	}
	list := make([]wasm.Mount, 0, len(mounts))
	for _, m := range mounts {
		list = append(list, m)
	}
	return wasm.NewFiles(list)
}

func environmentOf(function map[string]string, route *wagi.Route) []string {
	env := make([]string, 0, len(function)+len(route.Env))
	for k, v := range route.Env {
		env = append(env, k+"="+v)
	}
	for k, v := range function {
		if _, set := route.Env[k]; !set {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// FirstCallWithin implements serve.Eager: the call that an instance is started for comes
// a quarter of a millisecond after the instance is ready.
func (m *modules) FirstCallWithin() time.Duration { return firstCallWithin }

// Idle implements serve.Handler.
func (m *modules) Idle() {}
