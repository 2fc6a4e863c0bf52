// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

// routesBytesMax bounds what a module prints of its routes.
const routesBytesMax = 64 << 10

// Compile is the build step that makes machine code of modules, inside the build's box.
// The arguments are the folder of the code and the command: a module and its arguments,
// or the file that names several. It gives the exit status.
func Compile(args []string, out, errOut io.Writer) int {
	if len(args) < 2 {
		fmt.Fprintln(errOut, "usage: dayfly guest wasm-compile FOLDER MODULE…")
		return 2
	}
	if err := compile(context.Background(), args[0], args[1:], out); err != nil {
		fmt.Fprintln(errOut, "error:", err)
		var known *dayfly.Error
		if errors.As(err, &known) && known.Hint != "" {
			fmt.Fprintln(errOut, "hint:", known.Hint)
		}
		return 1
	}
	return 0
}

func compile(ctx context.Context, task string, command []string, out io.Writer) error {
	program, err := programOf(task, command)
	if err != nil {
		return err
	}
	dir := filepath.Join(task, planDir)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove what was compiled before: %w", err)
	}
	engine, err := wasm.New(ctx, wasm.Config{Dir: dir, MemoryBytes: dayfly.DefaultSpec().Limits.MemoryBytes})
	if err != nil {
		return err
	}
	defer engine.Close(ctx)
	p := &plan{Format: wasm.Format, Program: program, Files: map[string]ahead{}}
	known := map[[sha256.Size]byte]compiled{} // files under several names are compiled once
	for i, name := range program.Modules() {
		module, err := readModule(task, name)
		if err != nil {
			return err
		}
		began := time.Now()
		sum := sha256.Sum256(module)
		made, ok := known[sum]
		if !ok {
			made.file = fmt.Sprintf("%s/%d.wasm", planDir, i)
			made.module, made.code, err = compileOne(ctx, engine, module, filepath.Join(task, made.file))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			known[sum] = made
		}
		p.Files[name] = ahead{File: made.file, Code: made.code}
		fmt.Fprintf(out, "%s: %d KiB, compiled in %s\n", name, (len(module)+1023)>>10,
			time.Since(began).Round(time.Millisecond))
		if err := finishRoutes(ctx, program, name, made.module); err != nil {
			return err
		}
	}
	for _, text := range program.Notices {
		fmt.Fprintln(out, "note:", text)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	return os.WriteFile(filepath.Join(task, planFile), text, 0o644)
}

// compiled is what was made of one file.
type compiled struct {
	module     *wasm.Module
	file, code string
}

// compileOne makes the machine code of one module, and the file that is loaded with it.
func compileOne(
	ctx context.Context, engine *wasm.Engine, module []byte, file string,
) (loaded *wasm.Module, code string, err error) {
	stripped, err := wasm.Strip(module)
	if err != nil {
		return nil, "", err
	}
	loaded, made, err := engine.Prepare(ctx, stripped)
	if err != nil {
		return nil, "", err
	}
	return loaded, made.Code, os.WriteFile(file, made.Skeleton, 0o644)
}

// finishRoutes checks the entries of a module's routes, and adds those that it tells
// itself.
func finishRoutes(ctx context.Context, program *wagi.Program, name string, module *wasm.Module) error {
	for _, route := range program.Routes {
		if route.Module != name {
			continue
		}
		if err := checkEntry(&route, module); err != nil {
			return err
		}
		if route.Pattern == "" || !module.Exports(wagi.RoutesEntry) {
			continue
		}
		printed := &bounded{most: routesBytesMax}
		err := module.Run(ctx, &wasm.Call{Entry: wagi.RoutesEntry, Args: []string{name}, Stdout: printed})
		if err != nil {
			return fmt.Errorf("%s of %s: %w", wagi.RoutesEntry, name, err)
		}
		if err := program.AddSubroutes(route, printed.String()); err != nil {
			return err
		}
	}
	return nil
}

// bounded keeps what is written up to a bound, and refuses what is past it.
type bounded struct {
	bytes.Buffer
	most int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, fmt.Errorf("more than %d bytes were printed", b.most)
	}
	return b.Buffer.Write(p)
}
