// SPDX-License-Identifier: Apache-2.0

package wasm_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

const (
	wasi        = "wasi_snapshot_preview1"
	memoryBytes = 8 << 20
)

func i32(n int) []byte { return bytes.Repeat([]byte{assemble.I32}, n) }

func imports() []assemble.Import {
	function := func(name string, params, results int) assemble.Import {
		return assemble.Import{Module: wasi, Name: name, Type: assemble.Type{Params: i32(params), Results: i32(results)}}
	}
	return []assemble.Import{function("fd_write", 4, 1), function("proc_exit", 1, 0), function("environ_get", 2, 1)}
}

const (
	fdWrite = iota
	procExit
	environGet
)

func push(numbers ...int64) []byte {
	var code []byte
	for _, n := range numbers {
		code = append(code, assemble.I32Const(n)...)
	}
	return code
}

// say is code that prints so many bytes of memory from 16 on.
func say(length int64) []byte {
	return assemble.Code(push(0, 16), assemble.I32Store, push(4, length), assemble.I32Store,
		push(1, 0, 1, 8), assemble.Call(fdWrite), assemble.Drop)
}

func program(code ...[]byte) *assemble.Module {
	return &assemble.Module{Imports: imports(), MemoryPages: 1, Funcs: []assemble.Func{
		{Export: wasm.StartEntry, Code: assemble.Code(code...)}}}
}

func engine(t testing.TB) *wasm.Engine {
	t.Helper()
	e, err := wasm.New(t.Context(), wasm.Config{Dir: filepath.Join(t.TempDir(), "none"), Scratch: t.TempDir(),
		MemoryBytes: memoryBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	return e
}

// run loads and runs a module and gives what it printed.
func run(t testing.TB, e *wasm.Engine, module []byte) (string, error) {
	t.Helper()
	m, err := e.Load(t.Context(), module)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = m.Run(t.Context(), &wasm.Call{Env: []string{"A=1", "B=22"}, Stdout: &out})
	return out.String(), err
}

func TestModulesRun(t *testing.T) {
	t.Parallel()
	e := engine(t)
	hello := program(say(5))
	hello.Data = []assemble.Data{{Offset: 16, Bytes: []byte("hello")}}
	for name, tc := range map[string]struct {
		module *assemble.Module
		want   string
	}{
		"prints":      {hello, "hello"},
		"environment": {program(push(1024, 16), assemble.Call(environGet), assemble.Drop, say(9)), "A=1\x00B=22\x00"},
		"exit 0":      {program(push(0), assemble.Call(procExit), assemble.Unreachable), ""},
	} {
		if got, err := run(t, e, tc.module.Bytes()); got != tc.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
		}
	}
}

func TestEndsThatAreNotWell(t *testing.T) {
	t.Parallel()
	e := engine(t)
	recursion := program()
	recursion.Funcs = append(recursion.Funcs, assemble.Func{Code: assemble.Unreachable})
	recursion.Funcs[0].Code = assemble.Call(uint64(len(recursion.Imports)) + 1)
	large := program()
	large.MemoryPages = memoryBytes>>16 + 1
	started := program()
	started.Start = uint64(len(started.Imports)) + 1
	started.Funcs[0].Code = assemble.Unreachable
	outside := program()
	outside.Data = []assemble.Data{{Offset: 1 << 17, Bytes: []byte("x")}}
	for name, tc := range map[string]struct {
		module *assemble.Module
		want   string
	}{
		"unreachable":         {program(assemble.Unreachable), "trap unreachable"},
		"in a function below": {recursion, "trap unreachable"},
		"division by zero":    {program(push(1, 0), assemble.I32DivS, assemble.Drop), "trap integer divide by zero"},
		"outside of memory":   {program(push(1<<20), assemble.I32Load, assemble.Drop), "trap out of bounds memory access"},
		"exit status":         {program(push(3), assemble.Call(procExit)), "exit status 3"},
		"memory at the start": {large, "trap the module could not be started within 8388608 bytes of memory"},
		"start function":      {started, "trap"},
		"data out of memory":  {outside, "trap"},
	} {
		_, err := run(t, e, tc.module.Bytes())
		var trap *wasm.Trap
		got := "nothing"
		if errors.As(err, &trap) {
			got = "trap " + trap.Reason
			if strings.HasPrefix(tc.want, "trap unreachable") && len(trap.Stack) == 0 {
				t.Errorf("%s: no stack", name)
			}
		} else if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestMemoryHasABound(t *testing.T) {
	t.Parallel()
	e := engine(t)
	grow := func(pages int64) *assemble.Module {
		// exits with 1 when growing is refused: what grow gives is -1 then
		m := program(push(pages), assemble.MemoryGrow, push(1), assemble.I32Add,
			[]byte{0x45}, assemble.Call(procExit)) // i32.eqz
		return m
	}
	if _, err := run(t, e, grow(memoryBytes>>16-1).Bytes()); err != nil {
		t.Errorf("growing to the limit: %v", err)
	}
	for _, pages := range []int64{memoryBytes >> 16, 65535, -1} {
		var exit *wasm.Exit
		if _, err := run(t, e, grow(pages).Bytes()); !errors.As(err, &exit) || exit.Status != 1 {
			t.Errorf("growing by %d pages: %v, want it refused", pages, err)
		}
	}
}

func TestNoCallReadsWhatAnotherWrote(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int64{"small": 1 << 10, "large": 7 << 20} {
		e := engine(t)
		check := assemble.Code(push(at), assemble.I32Load, assemble.Call(procExit))
		grow := assemble.Code(push(memoryBytes>>16-1), assemble.MemoryGrow, assemble.Drop)
		dirty := program(grow, push(at, 77), assemble.I32Store)
		for range 3 {
			if _, err := run(t, e, dirty.Bytes()); err != nil {
				t.Fatal(err)
			}
			if _, err := run(t, e, program(grow, check).Bytes()); err != nil {
				t.Errorf("%s: memory of a fresh instance is not zero: %v", name, err)
			}
		}
	}
}

func TestFilesThatAreNoModule(t *testing.T) {
	t.Parallel()
	e := engine(t)
	foreign := program()
	foreign.Imports[0].Module = "env"
	good := program(say(1)).Bytes()
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"text":         {[]byte("(module)"), "it is not WebAssembly"},
		"nothing":      {nil, "it is not WebAssembly"},
		"cut head":     {good[:6], "cut off"},
		"component":    {[]byte("\x00asm\x0d\x00\x01\x00"), "component model"},
		"version 2":    {[]byte("\x00asm\x02\x00\x00\x00"), "version 2"},
		"cut":          {good[:len(good)-3], ""},
		"other import": {foreign.Bytes(), "it imports the function fd_write of env"},
	} {
		_, err := e.Load(t.Context(), tc.file)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an invalid error with %q", name, err, tc.want)
		}
	}
}

func TestStripLeavesWhatCounts(t *testing.T) {
	t.Parallel()
	m := program(say(5))
	m.Data = []assemble.Data{{Offset: 16, Bytes: []byte("hello")}}
	plain := m.Bytes()
	m.Customs = []assemble.Custom{{Name: ".debug_info", Bytes: make([]byte, 100_000)}}
	got, err := wasm.Strip(m.Bytes())
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Strip = %d bytes, %v; want the %d bytes of the module without it", len(got), err, len(plain))
	}
	if _, err := wasm.Strip(plain[:len(plain)-1]); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("a cut module: %v, want invalid", err)
	}
}

// prepared compiles a module into a folder as a build does.
func prepared(t testing.TB, module []byte) (string, wasm.Prepared) {
	t.Helper()
	dir := t.TempDir()
	e, err := wasm.New(t.Context(), wasm.Config{Dir: dir, MemoryBytes: memoryBytes})
	if err != nil {
		t.Fatal(err)
	}
	_, p, err := e.Prepare(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	return dir, p
}

func TestMachineCodeIsTakenWhereItFits(t *testing.T) {
	t.Parallel()
	m := program(say(5))
	m.Data = []assemble.Data{{Offset: 16, Bytes: []byte("hello")}}
	module := m.Bytes()
	damage := func(t *testing.T, dir string, change func(string) error) {
		files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		if err != nil || len(files) != 2 {
			t.Fatalf("%d files, want the probe's and the module's: %v", len(files), err)
		}
		for _, file := range files {
			if err := change(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tc := range map[string]struct {
		change func(string) error
		want   string
	}{
		"as made":           {func(string) error { return nil }, "mapped"},
		"other processor":   {func(f string) error { return os.Rename(f, f+"x") }, "misfit"},
		"damaged":           {func(f string) error { return os.Truncate(f, 20) }, "misfit"},
		"changed in middle": {func(f string) error { return overwrite(f, 60) }, "misfit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, ahead := prepared(t, module)
			damage(t, dir, tc.change)
			e, err := wasm.New(t.Context(), wasm.Config{Dir: dir, Scratch: t.TempDir(), MemoryBytes: memoryBytes})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			m, err := e.Map(t.Context(), ahead)
			switch {
			case err == nil:
				got = "mapped"
			case errors.Is(err, wasm.ErrMisfit):
				got = "misfit"
				if m, err = e.Load(t.Context(), module); err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("it was %s, want %s", got, tc.want)
			}
			var out bytes.Buffer
			if err := m.Run(t.Context(), &wasm.Call{Stdout: &out}); err != nil || out.String() != "hello" {
				t.Errorf("it printed %q, %v", &out, err)
			}
			if err := e.Done(); err != nil {
				t.Error(err)
			}
		})
	}
}

// overwrite changes one byte of a file.
func overwrite(file string, at int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte{0xcc}, at)
	return err
}

// BenchmarkRun is what of a warm call is the module's own.
func BenchmarkRun(b *testing.B) {
	m, err := engine(b).Load(b.Context(), program(say(5)).Bytes())
	if err != nil {
		b.Fatal(err)
	}
	files := wasm.NewFiles([]wasm.Mount{{Guest: "/", Host: "/"}, {Guest: "/tmp", Host: b.TempDir(), Writable: true}})
	for b.Loop() {
		var out bytes.Buffer
		call := &wasm.Call{Env: []string{"A=1"}, Stdout: &out, Stdin: strings.NewReader(""), Files: files}
		if err := m.Run(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad is what a cold start takes to map a module that was compiled before.
func BenchmarkLoad(b *testing.B) {
	module := program(say(5)).Bytes()
	dir, ahead := prepared(b, module)
	for b.Loop() {
		b.StopTimer()
		e, err := wasm.New(b.Context(), wasm.Config{Dir: dir, Scratch: b.TempDir(), MemoryBytes: memoryBytes})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := e.Map(b.Context(), ahead); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = e.Done()
		_ = e.Close(b.Context())
		b.StartTimer()
	}
}

// FuzzStrip holds that no file makes the cutting of modules fail but with an error, and
// that what it gives is still whole.
func FuzzStrip(f *testing.F) {
	f.Add(program(say(5)).Bytes())
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, module []byte) {
		stripped, err := wasm.Strip(module)
		if err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Errorf("error %v, want an invalid one", err)
			}
			return
		}
		again, err := wasm.Strip(stripped)
		if err != nil || !bytes.Equal(again, stripped) {
			t.Errorf("stripping twice gives %x, %v; want %x", again, err, stripped)
		}
	})
}
