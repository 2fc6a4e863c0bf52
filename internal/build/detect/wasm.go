// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/cargo"
	"github.com/dayfly-faas/dayfly/internal/build/gomod"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

// wasmProgram is where the module of a compiled source goes in its bundle.
const wasmProgram = ".dayfly/bin/app.wasm"

// wasmNames are modules that are taken where there are several, in this order.
var wasmNames = []string{"main.wasm", "app.wasm", "index.wasm", "handler.wasm", "function.wasm"}

var (
	wasmConstraint   = grep.Of(`(?m)^//go:build\s.*\bwasip1\b`)
	tinygoConstraint = grep.Of(`(?m)^//go:build\s.*\btinygo\b`)
	wasmTarget       = grep.Of(`(?m)^\s*target\s*=\s*\[?\s*"(wasm32-wasi[a-z0-9]*)"`)
	cWasm            = grep.Of(`\b__wasi|\b__wasm|<wasi/|\b(?:import|export)_name\(|` +
		`"(?:REQUEST_METHOD|PATH_INFO|QUERY_STRING|SCRIPT_NAME)"`)
	cMain = grep.Of(`(?m)^\s*(?:int|void|auto)\s+main\s*\(`)
)

var cSuffixes = []string{".c", ".cc", ".cpp", ".cxx"}

// modules looks for WebAssembly modules, and for sources that say they want to be one.
func modules(s *look.Source) []look.Candidate {
	for _, name := range []string{wagi.ModulesFile, wagi.SpinFile} {
		if s.Has(name) && (name == wagi.SpinFile || strings.Contains(s.Read(name), "[[module]]")) {
			return []look.Candidate{wasmManifest(s, name)}
		}
	}
	var found []look.Candidate
	if source, ok := wasmSource(s, "."); ok {
		c := wasmModule(wasmProgram)
		if source.Compiler != look.WasmC {
			c.Rank = look.RankDeclared // it says wasm, where it could be another program
		}
		c.Notices = []string{"the source is compiled to a WASI module"}
		found = append(found, c)
	}
	found = append(found, wasmFiles(s)...)
	if len(found) == 0 {
		found = nativeC(s)
	}
	return found
}

// cBuilders are files of what builds C and C++, which is not done here.
var cBuilders = []struct{ file, name string }{
	{"CMakeLists.txt", "CMake"}, {"meson.build", "Meson"}, {"configure.ac", "Autoconf"},
	{"Makefile", "make"}, {"makefile", "make"},
}

// nativeC says what to do with C that does not ask to be a module.
func nativeC(s *look.Source) []look.Candidate {
	files := cProgram(s, ".")
	for _, b := range cBuilders {
		isC := len(files) > 0 || !strings.HasSuffix(strings.ToLower(b.file), "makefile")
		if s.Has(b.file) && isC {
			return []look.Candidate{look.Problem(b.file + ": programs in C and C++ are not built by " + b.name +
				" here; build yours and deploy the program, such as with --command ./app")}
		}
	}
	if len(files) == 0 {
		return nil
	}
	return []look.Candidate{look.Problem(files[0] + " could be any program in C: say --runtime wasm to have it " +
		"compiled to WebAssembly, or compile it and deploy the program")}
}

func wasmModule(command ...string) look.Candidate {
	c := look.Runs(toolchain.Wasm, command...)
	c.Contract = dayfly.ContractWasm
	return c
}

// wasmFiles are modules that are ready.
func wasmFiles(s *look.Source) []look.Candidate {
	names := s.Names(".", look.Suffixed(".wasm"))
	if len(names) == 0 {
		return nil
	}
	name := names[0]
	if known := s.Present(wasmNames); len(known) > 0 {
		name = known[0]
	} else if len(names) > 1 {
		return []look.Candidate{look.Problem("there are several WebAssembly modules and none is called main.wasm or " +
			"app.wasm: name one with --command")}
	}
	if err := wasm.Check(wasmHead(s, name)); err != nil {
		return []look.Candidate{look.Problem(name + ": " + err.Error())}
	}
	return []look.Candidate{wasmModule(name)}
}

// wasmHead gives the first bytes of a module, not as text.
func wasmHead(s *look.Source, name string) []byte {
	f, err := s.Files.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, wasm.HeadBytes)) // what cannot be read is no module
	return head
}

// wasmManifest is a file that names modules. Those that are not there must have a source.
func wasmManifest(s *look.Source, name string) look.Candidate {
	program, err := wasmManifestProgram(s, name)
	if err != nil {
		return look.Problem(err.Error())
	}
	for _, module := range program.Modules() {
		if s.Has(module) {
			if err := wasm.Check(wasmHead(s, module)); err != nil {
				return look.Problem(module + ": " + err.Error())
			}
			continue
		}
		if _, ok := wasmSourceOf(s, module); !ok {
			stem := strings.TrimSuffix(module, path.Ext(module))
			return look.Problem(fmt.Sprintf("%s names %s, which is not in the source, nor what it could be compiled "+
				"from: %s.c, %s.go or the folder %s", name, module, stem, stem, stem))
		}
	}
	c := wasmModule(name)
	c.Rank, c.Notices = look.RankDeclared, program.Notices
	return c
}

func wasmManifestProgram(s *look.Source, name string) (*wagi.Program, error) {
	text := s.Read(name)
	if !look.Parsable(text) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is too large or nested too deeply", name)
	}
	return wagi.Parse(name, text)
}

// wantsWasm tells whether the settings ask for a module.
func wantsWasm(s *look.Source) bool {
	language, _ := toolchain.ParseName(s.Settings.Runtime)
	return language == toolchain.Wasm || s.Settings.Contract == string(dayfly.ContractWasm)
}

// wasmSource finds what of a folder is compiled to a module, if the source or the
// settings say that it shall be.
func wasmSource(s *look.Source, folder string) (look.WasmSource, bool) {
	if source, ok := wasmRust(s); ok && folder == "." {
		return source, true
	}
	if source, ok := wasmGo(s, folder, wantsWasm(s)); ok {
		return source, true
	}
	return wasmC(s, folder)
}

// wasmSourceOf finds the source of a module that a file names: one beside it with
// another suffix, or the folder of its name.
func wasmSourceOf(s *look.Source, module string) (look.WasmSource, bool) {
	stem := strings.TrimSuffix(module, path.Ext(module))
	for _, suffix := range cSuffixes {
		if s.Has(stem + suffix) {
			return look.WasmSource{Compiler: look.WasmC, Output: module, Folder: ".", Files: []string{stem + suffix}}, true
		}
	}
	if s.Has(stem + ".go") {
		files := []string{stem + ".go"}
		return look.WasmSource{Compiler: goCompiler(s, files), Output: module, Folder: ".", Files: files}, true
	}
	if !s.HasFolder(stem) {
		return look.WasmSource{}, false
	}
	found, ok := wasmGo(s, stem, true)
	if !ok {
		found, ok = wasmC(s, stem)
	}
	found.Output = module
	return found, ok
}

// wasmGo is a Go program that says it is for WASI, or that is asked for as a module.
func wasmGo(s *look.Source, folder string, isAsked bool) (look.WasmSource, bool) {
	files := gomod.Files(s, folder)
	pkg := folder
	if folder == "." && s.Has("go.mod") {
		if pkg, files, _ = gomod.Main(s, files); pkg == "" {
			return look.WasmSource{}, false
		}
	}
	says := slices.ContainsFunc(files, func(name string) bool { return wasmConstraint.MatchString(s.Read(name)) })
	if !gomod.IsMain(s, files) || !says && !isAsked {
		return look.WasmSource{}, false
	}
	source := look.WasmSource{Compiler: goCompiler(s, files), Output: wasmProgram, Folder: "."}
	switch {
	case folder != "." && s.Has(path.Join(folder, "go.mod")):
		source.Folder, source.Package = folder, "."
	case s.Has("go.mod"):
		source.Package = pkg
	default:
		source.Files = files
	}
	return source, true
}

func goCompiler(s *look.Source, files []string) look.WasmCompiler {
	for _, name := range files {
		if tinygoConstraint.MatchString(s.Read(name)) {
			return look.WasmTinyGo
		}
	}
	return look.WasmGo
}

// wasmRust is a crate whose cargo configuration, or whose deployer, asks for a module.
func wasmRust(s *look.Source) (look.WasmSource, bool) {
	says := wasmTarget.MatchString(s.Read(".cargo/config.toml")) || wasmTarget.MatchString(s.Read(".cargo/config"))
	if !says && !wantsWasm(s) {
		return look.WasmSource{}, false
	}
	bin, _ := cargo.Chosen(s)
	if bin == nil {
		if file := cargo.Single(s); file != "" {
			return look.WasmSource{Compiler: look.WasmRust, Output: wasmProgram, Folder: ".", Files: []string{file}}, true
		}
		return look.WasmSource{}, false
	}
	return look.WasmSource{
		Compiler: look.WasmRust, Output: wasmProgram, Folder: bin.Crate.Folder,
		Package: bin.Crate.Package.Name, Bin: bin.Name,
		Locked: s.Has("Cargo.lock") || s.Has(path.Join(bin.Crate.Folder, "Cargo.lock")),
	}, true
}

// wasmC is a folder of C or C++ that says it is for WASI or WebAssembly, or for CGI,
// which is how modules are called; or that is asked for as a module.
func wasmC(s *look.Source, folder string) (look.WasmSource, bool) {
	files := cProgram(s, folder)
	says := slices.ContainsFunc(files, func(name string) bool { return cWasm.MatchString(s.Read(name)) })
	if len(files) == 0 || folder == "." && !says && !wantsWasm(s) {
		return look.WasmSource{}, false
	}
	return look.WasmSource{Compiler: look.WasmC, Output: wasmProgram, Folder: ".", Files: files}, true
}

// cProgram gives the sources of a folder in C or C++ that has a program.
func cProgram(s *look.Source, folder string) []string {
	files := s.Names(folder, look.Suffixed(cSuffixes...))
	if !slices.ContainsFunc(files, func(name string) bool { return cMain.MatchString(s.Read(name)) }) {
		return nil
	}
	return files
}

// finishWasm says what is compiled before the modules are.
func finishWasm(s *look.Source, plan *look.Plan) {
	plan.Install = look.InstallWasm
	if len(plan.Command) == 0 {
		return
	}
	name := plan.Command[0]
	switch {
	case name == wasmProgram:
		if source, ok := wasmSource(s, "."); ok {
			plan.Wasm.Sources = []look.WasmSource{source}
		}
	case wagi.IsManifest(name):
		program, err := wasmManifestProgram(s, name)
		if err != nil {
			return // the build's box says why
		}
		for _, module := range program.Modules() {
			if source, ok := wasmSourceOf(s, module); ok && !s.Has(module) {
				plan.Wasm.Sources = append(plan.Wasm.Sources, source)
			}
		}
	}
}

// isWasmCommand tells whether a command is a module, or the file that names some.
func isWasmCommand(words []string) bool {
	return path.Ext(words[0]) == ".wasm" || wagi.IsManifest(words[0])
}
