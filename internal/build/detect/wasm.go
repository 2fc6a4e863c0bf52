// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

// WasmPlan is what building WASI modules takes beside the rest of a plan. What modules
// there are is found out in the build's box.
type WasmPlan struct {
	// Sources are compiled to modules first.
	Sources []WasmSource
}

// WasmCompiler says what compiles a source to a module.
type WasmCompiler string

// The compilers.
const (
	WasmGo     WasmCompiler = "go"
	WasmTinyGo WasmCompiler = "tinygo"
	WasmRust   WasmCompiler = "rust"
	WasmC      WasmCompiler = "c"
)

// WasmSource is one module that is compiled.
type WasmSource struct {
	Compiler WasmCompiler
	Output   string // below the code
	// Folder is where go.mod, Cargo.toml or the files are.
	Folder string
	// Package is a Go package below the folder, or the Rust crate; Bin its program.
	Package, Bin string
	// Files are what is compiled when there is no go.mod or Cargo.toml.
	Files  []string
	Locked bool
}

// wasmProgram is where the module of a compiled source goes in its bundle.
const wasmProgram = ".dayfly/bin/app.wasm"

// wasmNames are modules that are taken where there are several, in this order.
var wasmNames = []string{"main.wasm", "app.wasm", "index.wasm", "handler.wasm", "function.wasm"}

var (
	wasmConstraint   = regexp.MustCompile(`(?m)^//go:build\s.*\bwasip1\b`)
	tinygoConstraint = regexp.MustCompile(`(?m)^//go:build\s.*\btinygo\b`)
	wasmTarget       = regexp.MustCompile(`(?m)^\s*target\s*=\s*\[?\s*"(wasm32-wasi[a-z0-9]*)"`)
	cMain            = regexp.MustCompile(`(?m)^\s*(?:int|void|auto)\s+main\s*\(`)
)

var cSuffixes = []string{".c", ".cc", ".cpp", ".cxx"}

// wasm looks for WebAssembly modules, and for sources that say they want to be one.
func (s *source) wasm() []candidate {
	for _, name := range []string{wagi.ModulesFile, wagi.SpinFile} {
		if s.has(name) && (name == wagi.SpinFile || strings.Contains(s.read(name), "[[module]]")) {
			return []candidate{s.wasmManifest(name)}
		}
	}
	var found []candidate
	if source, ok := s.wasmSource("."); ok {
		c := wasmModule(wasmProgram)
		if source.Compiler != WasmC {
			c.rank = rankDeclared // it says wasm, where it could be another program
		}
		c.notices = []string{"the source is compiled to a WASI module"}
		found = append(found, c)
	}
	return append(found, s.wasmFiles()...)
}

func wasmModule(command ...string) candidate {
	c := runs(toolchain.Wasm, command...)
	c.contract = dayfly.ContractWasm
	return c
}

// wasmFiles are modules that are ready.
func (s *source) wasmFiles() []candidate {
	names := s.names(".", withSuffix(".wasm"))
	if len(names) == 0 {
		return nil
	}
	name := names[0]
	if known := s.present(wasmNames); len(known) > 0 {
		name = known[0]
	} else if len(names) > 1 {
		return []candidate{problem("there are several WebAssembly modules and none is called main.wasm or " +
			"app.wasm: name one with --command")}
	}
	if err := wasm.Check(s.wasmHead(name)); err != nil {
		return []candidate{problem(name + ": " + err.Error())}
	}
	return []candidate{wasmModule(name)}
}

// wasmHead gives the first bytes of a module, not as text.
func (s *source) wasmHead(name string) []byte {
	f, err := s.files.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, wasm.HeadBytes)) // what cannot be read is no module
	return head
}

// wasmManifest is a file that names modules. Those that are not there must have a source.
func (s *source) wasmManifest(name string) candidate {
	program, err := s.wasmProgram(name)
	if err != nil {
		return problem(err.Error())
	}
	for _, module := range program.Modules() {
		if s.has(module) {
			if err := wasm.Check(s.wasmHead(module)); err != nil {
				return problem(module + ": " + err.Error())
			}
			continue
		}
		if _, ok := s.wasmSourceOf(module); !ok {
			stem := strings.TrimSuffix(module, path.Ext(module))
			return problem(fmt.Sprintf("%s names %s, which is not in the source, nor what it could be compiled "+
				"from: %s.c, %s.go or the folder %s", name, module, stem, stem, stem))
		}
	}
	c := wasmModule(name)
	c.rank, c.notices = rankDeclared, program.Notices
	return c
}

func (s *source) wasmProgram(name string) (*wagi.Program, error) {
	text := s.read(name)
	if !parsable(text) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is too large or nested too deeply", name)
	}
	return wagi.Parse(name, text)
}

// wantsWasm tells whether the settings ask for a module.
func (s *source) wantsWasm() bool {
	language, _ := toolchain.ParseName(s.settings.Runtime)
	return language == toolchain.Wasm || s.settings.Contract == string(dayfly.ContractWasm)
}

// wasmSource finds what of a folder is compiled to a module, if the source or the
// settings say that it shall be.
func (s *source) wasmSource(folder string) (WasmSource, bool) {
	if source, ok := s.wasmRust(); ok && folder == "." {
		return source, true
	}
	if source, ok := s.wasmGo(folder, s.wantsWasm()); ok {
		return source, true
	}
	return s.wasmC(folder)
}

// wasmSourceOf finds the source of a module that a file names: one beside it with
// another suffix, or the folder of its name.
func (s *source) wasmSourceOf(module string) (WasmSource, bool) {
	stem := strings.TrimSuffix(module, path.Ext(module))
	for _, suffix := range cSuffixes {
		if s.has(stem + suffix) {
			return WasmSource{Compiler: WasmC, Output: module, Folder: ".", Files: []string{stem + suffix}}, true
		}
	}
	if s.has(stem + ".go") {
		files := []string{stem + ".go"}
		return WasmSource{Compiler: s.goCompiler(files), Output: module, Folder: ".", Files: files}, true
	}
	if !s.hasFolder(stem) {
		return WasmSource{}, false
	}
	found, ok := s.wasmGo(stem, true)
	if !ok {
		found, ok = s.wasmC(stem)
	}
	found.Output = module
	return found, ok
}

// wasmGo is a Go program that says it is for WASI, or that is asked for as a module.
func (s *source) wasmGo(folder string, isAsked bool) (WasmSource, bool) {
	files := s.goFiles(folder)
	pkg := folder
	if folder == "." && s.has("go.mod") {
		if pkg, files, _ = s.goPackage(files); pkg == "" {
			return WasmSource{}, false
		}
	}
	says := slices.ContainsFunc(files, func(name string) bool { return wasmConstraint.MatchString(s.read(name)) })
	if !s.isMain(files) || !says && !isAsked {
		return WasmSource{}, false
	}
	source := WasmSource{Compiler: s.goCompiler(files), Output: wasmProgram, Folder: "."}
	switch {
	case folder != "." && s.has(path.Join(folder, "go.mod")):
		source.Folder, source.Package = folder, "."
	case s.has("go.mod"):
		source.Package = pkg
	default:
		source.Files = files
	}
	return source, true
}

func (s *source) goCompiler(files []string) WasmCompiler {
	for _, name := range files {
		if tinygoConstraint.MatchString(s.read(name)) {
			return WasmTinyGo
		}
	}
	return WasmGo
}

// wasmRust is a crate whose cargo configuration, or whose deployer, asks for a module.
func (s *source) wasmRust() (WasmSource, bool) {
	says := wasmTarget.MatchString(s.read(".cargo/config.toml")) || wasmTarget.MatchString(s.read(".cargo/config"))
	if !says && !s.wantsWasm() {
		return WasmSource{}, false
	}
	bin, _ := s.rustBin()
	if bin == nil {
		if file := s.rustFile(); file != "" {
			return WasmSource{Compiler: WasmRust, Output: wasmProgram, Folder: ".", Files: []string{file}}, true
		}
		return WasmSource{}, false
	}
	return WasmSource{
		Compiler: WasmRust, Output: wasmProgram, Folder: bin.crate.folder,
		Package: bin.crate.Package.Name, Bin: bin.name,
		Locked: s.has("Cargo.lock") || s.has(path.Join(bin.crate.folder, "Cargo.lock")),
	}, true
}

// wasmC is a folder of C or C++ without a build system of its own.
func (s *source) wasmC(folder string) (WasmSource, bool) {
	files := s.names(folder, withSuffix(cSuffixes...))
	hasMain := slices.ContainsFunc(files, func(name string) bool { return cMain.MatchString(s.read(name)) })
	if !hasMain {
		return WasmSource{}, false
	}
	return WasmSource{Compiler: WasmC, Output: wasmProgram, Folder: ".", Files: files}, true
}

// finishWasm says what is compiled before the modules are.
func (s *source) finishWasm(plan *Plan) {
	plan.Install = InstallWasm
	if len(plan.Command) == 0 {
		return
	}
	name := plan.Command[0]
	switch {
	case name == wasmProgram:
		if source, ok := s.wasmSource("."); ok {
			plan.Wasm.Sources = []WasmSource{source}
		}
	case wagi.IsManifest(name):
		program, err := s.wasmProgram(name)
		if err != nil {
			return // the build's box says why
		}
		for _, module := range program.Modules() {
			if source, ok := s.wasmSourceOf(module); ok && !s.has(module) {
				plan.Wasm.Sources = append(plan.Wasm.Sources, source)
			}
		}
	}
}

// isWasmCommand tells whether a command is a module, or the file that names some.
func isWasmCommand(words []string) bool {
	return path.Ext(words[0]) == ".wasm" || wagi.IsManifest(words[0])
}
