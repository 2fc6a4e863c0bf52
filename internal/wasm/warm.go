// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

// warmRuns is how often the probe runs: the first runs touch pages of our own program
// that are not mapped yet, and fill the allocator's caches.
const warmRuns = 3

// warm compiles and runs the probe.
func (e *Engine) warm(ctx context.Context, dir string) error {
	module := Probe()
	for range warmRuns {
		m, err := e.load(ctx, module)
		if err != nil {
			return fmt.Errorf("load probe: %w", err)
		}
		err = m.Run(ctx, &Call{
			Args: []string{"probe"}, Env: []string{"A=1"}, Stdin: strings.NewReader("x"),
			Stdout: io.Discard, Stderr: io.Discard,
			Files: NewFiles([]Mount{{Guest: "/", Host: "/"}, {Guest: "/tmp", Host: os.TempDir()}}),
		})
		if err != nil {
			return fmt.Errorf("run probe: %w", err)
		}
		// The next time it is read from the file again.
		if err := m.compiled.Close(ctx); err != nil {
			return fmt.Errorf("close probe: %w", err)
		}
	}
	return e.findFolder(dir)
}

// findFolder notes what the library called the folder, by its version and the machine.
func (e *Engine) findFolder(dir string) error {
	folders, err := os.ReadDir(dir)
	if err != nil || len(folders) != 1 {
		return fmt.Errorf("find machine code of the probe: %d folders: %v", len(folders), err)
	}
	e.folder = folders[0].Name()
	return nil
}

// Probe is a module that does once what programs do: it asks for its environment and
// arguments, grows its memory, reads, writes, and exits.
func Probe() []byte {
	const wasi = "wasi_snapshot_preview1"
	i32 := func(n int) []byte { return bytes.Repeat([]byte{assemble.I32}, n) }
	function := func(name string, params, results int) assemble.Import {
		t := assemble.Type{Params: i32(params), Results: i32(results)}
		return assemble.Import{Module: wasi, Name: name, Type: t}
	}
	push := func(numbers ...int64) []byte {
		var code []byte
		for _, n := range numbers {
			code = append(code, assemble.I32Const(n)...)
		}
		return code
	}
	// At 0: a vector of one buffer, 2 bytes at 16. Results go to 8 and above 1024.
	m := assemble.Module{
		Imports: []assemble.Import{
			function("environ_sizes_get", 2, 1), function("environ_get", 2, 1),
			function("args_sizes_get", 2, 1), function("args_get", 2, 1),
			function("fd_read", 4, 1), function("fd_write", 4, 1),
			function("fd_prestat_get", 2, 1), function("random_get", 2, 1), function("proc_exit", 1, 0),
		},
		MemoryPages: 2,
		Data: []assemble.Data{
			{Offset: 0, Bytes: []byte{16, 0, 0, 0, 2, 0, 0, 0}}, {Offset: 16, Bytes: []byte("ok")},
		},
		Funcs: []assemble.Func{{Export: StartEntry, Code: assemble.Code(
			push(8, 12), assemble.Call(0), assemble.Drop, push(1024, 2048), assemble.Call(1), assemble.Drop,
			push(8, 12), assemble.Call(2), assemble.Drop, push(1024, 2048), assemble.Call(3), assemble.Drop,
			push(1), assemble.MemoryGrow, assemble.Drop,
			push(0, 0, 1, 8), assemble.Call(4), assemble.Drop,
			push(1, 0, 1, 8), assemble.Call(5), assemble.Drop,
			push(3, 1024), assemble.Call(6), assemble.Drop,
			push(1024, 16), assemble.Call(7), assemble.Drop,
			push(0), assemble.Call(8),
		)}},
	}
	return m.Bytes()
}
