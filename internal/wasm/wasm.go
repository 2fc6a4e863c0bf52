// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/dayfly-faas/dayfly"
)

// Config says where an Engine keeps machine code.
type Config struct {
	// Dir is where the code is, or is put, that modules are compiled to. With Mapped it
	// need not be there yet.
	Dir string
	// Scratch is a folder that may be written to, for what Dir does not have. Empty
	// means that Dir may be written to itself.
	Scratch string
	// MemoryBytes bounds the memory of one instance.
	MemoryBytes int64
}

// Engine compiles modules. One goroutine at a time loads; any may run what was loaded.
type Engine struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	memory  *arena
	base    wazero.ModuleConfig

	own    string // the folder that the runtime takes for its cache; "" when that is Dir
	folder string // name of the folder for this version and machine
	dir    string
	wrote  bool // there is machine code in own
}

// New makes an Engine and warms it up: when it is there, the first module loads and
// runs at the speed of the second.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{memory: newArena(uint64(cfg.MemoryBytes)), dir: cfg.Dir}
	cacheDir := cfg.Dir
	if cfg.Scratch != "" {
		own, err := os.MkdirTemp(cfg.Scratch, "wasm-")
		if err != nil {
			return nil, fmt.Errorf("make folder for machine code: %w", err)
		}
		e.own, cacheDir = own, own
	}
	var err error
	if e.cache, err = wazero.NewCompilationCacheWithDir(cacheDir); err != nil {
		return nil, fmt.Errorf("open folder for machine code: %w", err)
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(e.cache).WithDebugInfoEnabled(false))
	if err := e.link(ctx); err != nil {
		return nil, fmt.Errorf("make WASI: %w", err)
	}
	e.base = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader).
		WithSysWalltime().WithSysNanotime().WithOsyield(runtime.Gosched)
	if err := e.warm(ctx, cacheDir); err != nil {
		return nil, err
	}
	if e.own != "" {
		return e, e.point()
	}
	return e, nil
}

// link makes the host's side of WASI.
func (e *Engine) link(ctx context.Context) error {
	builder := e.runtime.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(builder)
	two, one := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}
	builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(environSizes), two, one).
		Export("environ_sizes_get")
	builder.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(environGet), two, one).
		Export("environ_get")
	_, err := builder.Instantiate(ctx)
	return err
}

// Limit bounds the memory of instances made from now on.
func (e *Engine) Limit(memoryBytes int64) { e.memory.setLimit(uint64(memoryBytes)) }

// point makes the library look into Dir, which need not be there yet, where it looked
// for what it wrote itself.
func (e *Engine) point() error {
	mine := filepath.Join(e.own, e.folder)
	if err := os.RemoveAll(mine); err != nil {
		return fmt.Errorf("clear folder for machine code: %w", err)
	}
	if err := os.Symlink(filepath.Join(e.dir, e.folder), mine); err != nil {
		return fmt.Errorf("link machine code: %w", err)
	}
	return nil
}

// renew makes an empty folder for machine code of our own.
func (e *Engine) renew() error {
	mine := filepath.Join(e.own, e.folder)
	if err := os.RemoveAll(mine); err != nil {
		return fmt.Errorf("clear folder for machine code: %w", err)
	}
	if err := os.Mkdir(mine, 0o700); err != nil {
		return fmt.Errorf("make folder for machine code: %w", err)
	}
	e.wrote = true
	return nil
}

// Done ends loading: machine code that was written for it is removed.
func (e *Engine) Done() error {
	if !e.wrote {
		return nil
	}
	return os.RemoveAll(e.own)
}

// Module is a module that is ready to run.
type Module struct {
	engine   *Engine
	compiled wazero.CompiledModule
	exports  map[string]api.FunctionDefinition
}

// Load decodes and checks a module, and compiles it.
func (e *Engine) Load(ctx context.Context, module []byte) (*Module, error) {
	if err := Check(module); err != nil {
		return nil, err
	}
	if e.own != "" && !e.wrote {
		if err := e.renew(); err != nil {
			return nil, err
		}
	}
	return e.load(ctx, module)
}

func (e *Engine) load(ctx context.Context, module []byte) (m *Module, err error) {
	defer func() {
		if p := recover(); p != nil { // the library has bounds that it panics at
			err = dayfly.Errorf(dayfly.KindInvalid, "the module cannot be compiled: %v", p)
		}
	}()
	compiled, err := e.runtime.CompileModule(ctx, module)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%v", err)
	}
	for _, f := range compiled.ImportedFunctions() {
		if from, name, _ := f.Import(); from != wasi_snapshot_preview1.ModuleName {
			return nil, dayfly.Errorf(dayfly.KindInvalid,
				"it imports the function %.60s of %.60s: only %s is there", name, from,
				wasi_snapshot_preview1.ModuleName)
		}
	}
	return &Module{engine: e, compiled: compiled, exports: compiled.ExportedFunctions()}, nil
}

// Exports tells whether the module has a function of that name that can be an entry: it
// takes and gives nothing.
func (m *Module) Exports(name string) bool {
	f, ok := m.exports[name]
	return ok && len(f.ParamTypes()) == 0 && len(f.ResultTypes()) == 0
}

// Close frees everything.
func (e *Engine) Close(ctx context.Context) error {
	if err := e.runtime.Close(ctx); err != nil {
		return fmt.Errorf("close engine: %w", err)
	}
	e.memory.setLimit(0)
	if err := e.cache.Close(ctx); err != nil || e.own == "" {
		return err
	}
	return os.RemoveAll(e.own)
}
