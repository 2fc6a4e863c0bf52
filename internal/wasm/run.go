// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"
)

// StartEntry is the function that runs a WASI program.
const StartEntry = "_start"

// initEntry is what a module without a start of its own wants called first.
const initEntry = "_initialize"

// stackMax bounds the frames of a trap's stack that are told.
const stackMax = 50

// Mount shows a folder of the box to a module.
type Mount struct {
	Guest, Host string
	Writable    bool
}

// Files is what a module sees of the box's files.
type Files struct{ config wazero.FSConfig }

// NewFiles makes Files of mounts.
func NewFiles(mounts []Mount) Files {
	config := wazero.NewFSConfig()
	for _, m := range mounts {
		if m.Writable {
			config = config.WithDirMount(m.Host, m.Guest)
			continue
		}
		config = config.WithReadOnlyDirMount(m.Host, m.Guest)
	}
	return Files{config}
}

// Call is one run of a module.
type Call struct {
	// Entry is the exported function; empty means StartEntry.
	Entry string
	Args  []string
	// Env is the whole environment, as KEY=value.
	Env            []string
	Files          Files
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Pause is called before the module sleeps; it may be nil.
	Pause func()
}

// Exit is how a module ended that gave a status other than 0.
type Exit struct{ Status uint32 }

// Error implements error.
func (e *Exit) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

// Trap is why a module was stopped, and where it was.
type Trap struct {
	Reason string
	Stack  []string
}

// Error implements error.
func (t *Trap) Error() string { return t.Reason }

// Run makes a fresh instance and calls its entry. Failures of the module are *Exit and
// *Trap.
func (m *Module) Run(ctx context.Context, call *Call) (err error) {
	memory := &loan{arena: m.engine.memory}
	defer memory.end()
	defer func() {
		// The library panics where memory at the start is more than there may be.
		if p := recover(); p != nil {
			err = &Trap{Reason: fmt.Sprintf("the module could not be started within %d bytes of memory: %v",
				m.engine.memory.bound(), p)}
		}
	}()
	ctx = context.WithValue(experimental.WithMemoryAllocator(ctx, memory), environKey{}, call.Env)
	instance, err := m.engine.runtime.InstantiateModule(ctx, m.compiled, m.engine.config(call))
	if err != nil {
		return ending(err)
	}
	defer instance.Close(ctx)
	entry := call.Entry
	if entry == "" {
		entry = StartEntry
	}
	if start := instance.ExportedFunction(initEntry); start != nil && entry != StartEntry && entry != initEntry {
		if _, err := start.Call(ctx); err != nil {
			return ending(err)
		}
	}
	function := instance.ExportedFunction(entry)
	if function == nil {
		return fmt.Errorf("the module exports no function %s", entry)
	}
	_, err = function.Call(ctx)
	return ending(err)
}

func (e *Engine) config(call *Call) wazero.ModuleConfig {
	config := e.base.WithStdin(call.Stdin).WithStdout(call.Stdout).WithStderr(call.Stderr).
		WithArgs(call.Args...).WithNanosleep(func(ns int64) {
		if call.Pause != nil {
			call.Pause()
		}
		time.Sleep(time.Duration(ns))
	})
	if call.Files.config != nil {
		config = config.WithFSConfig(call.Files.config)
	}
	return config
}

// ending sorts what the library says of the end of a run.
func ending(err error) error {
	var exit *sys.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		if exit.ExitCode() == 0 {
			return nil
		}
		return &Exit{Status: exit.ExitCode()}
	}
	text, trace, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	trap := &Trap{Reason: strings.TrimPrefix(text, "wasm error: ")}
	for frame := range strings.Lines(trace) {
		frame = strings.TrimSpace(frame)
		if frame != "" && len(trap.Stack) < stackMax {
			trap.Stack = append(trap.Stack, strings.TrimPrefix(frame, "."))
		}
	}
	return trap
}
