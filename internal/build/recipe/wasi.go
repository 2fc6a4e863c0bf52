// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/wasm"
)

const (
	// clang compiles C to modules, and wasiRoot has the C library for them.
	clang    = "/usr/bin/clang"
	wasiRoot = "/usr/lib/wasm32-wasi/libc.a"
	// wasiCPlusPlus is the C++ library beside it.
	wasiCPlusPlus = "/usr/include/wasm32-wasi/c++"
	// wasmLD links modules where Rust brings no linker.
	wasmLD = "/usr/bin/wasm-ld"
	// wasmCompileName is the step that makes machine code.
	wasmCompileName = "wasm compile"
)

// wasmRustScript compiles with cargo and takes the module out of the target folder.
// Arguments: the module's destination, its name, the target, cargo, words.
const wasmRustScript = `set -e
output=$1 name=$2 target=$3 cargo=$4
shift 4
folder=` + CacheDir + `/cargo/target-wasm
find . -type f -exec touch -c {} +
"$cargo" build --release --target "$target" --target-dir "$folder" "$@"
mkdir -p "$(dirname "$output")"
exec cp "$folder/$target/release/$name.wasm" "$output"`

// wasmSteps compile sources to modules, and modules to machine code.
func (k *kitchen) wasmSteps(ctx context.Context) ([]Step, error) {
	var list []Step
	for _, source := range k.plan.Wasm.Sources {
		var s Step
		var err error
		switch source.Compiler {
		case look.WasmGo:
			s, err = k.wasmGoStep(ctx, source)
		case look.WasmTinyGo:
			s, err = k.wasmTinyGoStep(ctx, source)
		case look.WasmRust:
			s, err = k.wasmRustStep(ctx, source)
		case look.WasmC:
			s, err = k.wasmCStep(source)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return append(list, Step{
		Stage: StageCompile, Name: wasmCompileName, NeedsBinary: true,
		// What is remembered for one processor or compiler is not taken for another.
		Env:  []string{"MACHINE_CODE=" + wasm.Fingerprint()},
		Argv: append([]string{BinaryPath, "guest", "wasm-compile", TaskDir}, k.plan.Command...),
	}), nil
}

// wasmGoStep compiles Go, whose own library knows WASI.
func (k *kitchen) wasmGoStep(ctx context.Context, source look.WasmSource) (Step, error) {
	runtime, err := k.compiler(ctx, toolchain.Go)
	if err != nil {
		return Step{}, err
	}
	argv := []string{
		runtime.Path, "build", "-C", path.Join(TaskDir, source.Folder), "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w", "-o", path.Join(TaskDir, source.Output),
	}
	return Step{
		Stage: StageCompile, Name: "go build", Mounts: runtime.Prefixes, Online: true,
		Argv: append(argv, goWords(source)...),
		Env: []string{
			"GOOS=wasip1", "GOARCH=wasm", "GOTOOLCHAIN=local", "GOPATH=" + CacheDir + "/go",
			"GOMODCACHE=" + CacheDir + "/go/mod", "GOCACHE=" + CacheDir + "/go/build",
			"GOENV=off", "GOTELEMETRY=off",
		},
	}, nil
}

// goWords say which package is compiled.
func goWords(source look.WasmSource) []string {
	if len(source.Files) > 0 {
		return source.Files
	}
	return []string{"./" + strings.TrimPrefix(path.Clean(source.Package), "./")}
}

// tinygoPlaces is where packages and archives of TinyGo put it.
func tinygoPlaces() []string {
	return []string{"/usr/local/tinygo", "/usr/local/lib/tinygo", "/usr/lib/tinygo", "/opt/tinygo"}
}

// wasmTinyGoStep compiles Go with TinyGo, which needs Go's own library, too.
func (k *kitchen) wasmTinyGoStep(ctx context.Context, source look.WasmSource) (Step, error) {
	runtime, err := k.compiler(ctx, toolchain.Go)
	if err != nil {
		return Step{}, err
	}
	for _, prefix := range tinygoPlaces() {
		program := filepath.Join(prefix, "bin/tinygo")
		if _, err := os.Stat(program); err != nil {
			continue
		}
		argv := []string{
			"/bin/sh", "-c", `cd "$1" && shift && exec "$@"`, "sh", path.Join(TaskDir, source.Folder),
			program, "build", "-target", "wasip1", "-opt", "2", "-no-debug", "-o", path.Join(TaskDir, source.Output),
		}
		return Step{
			Stage: StageCompile, Name: "tinygo build", Online: true,
			Mounts: append([]string{prefix}, runtime.Prefixes...),
			Argv:   append(argv, goWords(source)...),
			Env: []string{
				"PATH=" + runtime.Bin() + ":/usr/local/bin:/usr/bin:/bin", "TINYGOROOT=" + prefix,
				"GOTOOLCHAIN=local", "GOENV=off", "GOPATH=" + CacheDir + "/go",
				"GOMODCACHE=" + CacheDir + "/go/mod", "GOCACHE=" + CacheDir + "/go/build",
			},
		}, nil
	}
	return Step{}, dayfly.Errorf(dayfly.KindUnavailable,
		"the source has the build constraint tinygo, and there is no TinyGo on this machine").
		WithHint("unpack it to /usr/local/tinygo, or take the constraint out: Go compiles to WASI, too")
}

// rustTargets are the names of WASI preview 1, the newer first.
func rustTargets() []string { return []string{"wasm32-wasip1", "wasm32-wasi"} }

// wasmRust finds a Rust that has the library for WASI.
func (k *kitchen) wasmRust(ctx context.Context) (runtime toolchain.Runtime, target string, err error) {
	list, err := k.runtimes.List(ctx)
	if err != nil {
		return runtime, "", err
	}
	for _, runtime := range list {
		if runtime.Language != toolchain.Rust {
			continue
		}
		for _, target := range rustTargets() {
			library := filepath.Join(filepath.Dir(runtime.Bin()), "lib/rustlib", target)
			if info, err := os.Stat(library); err == nil && info.IsDir() {
				return runtime, target, nil
			}
		}
	}
	return runtime, "", dayfly.Errorf(dayfly.KindUnavailable,
		"no Rust on this machine has the library for WASI, target %s", rustTargets()[0]).
		WithHint("install it: rustup target add wasm32-wasip1, or apt install rustc cargo lld libstd-rust-dev-wasm32")
}

// wasmLinker gives what links modules: Rust's own releases bring it along, distributions
// have it in a package of its own.
func wasmLinker(runtime toolchain.Runtime) (string, error) {
	pattern := filepath.Join(filepath.Dir(runtime.Bin()), "lib/rustlib/*/bin/rust-lld")
	if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
		return found[0], nil
	}
	if _, err := os.Stat(wasmLD); err != nil {
		return "", dayfly.Errorf(dayfly.KindUnavailable,
			"Rust links modules with lld, and there is no %s on this machine", wasmLD).
			WithHint("install it: apt install lld")
	}
	return wasmLD, nil
}

func (k *kitchen) wasmRustStep(ctx context.Context, source look.WasmSource) (Step, error) {
	runtime, target, err := k.wasmRust(ctx)
	if err != nil {
		return Step{}, err
	}
	linker, err := wasmLinker(runtime)
	if err != nil {
		return Step{}, err
	}
	output := path.Join(TaskDir, source.Output)
	if len(source.Files) > 0 {
		return Step{
			Stage: StageCompile, Name: "rustc", Mounts: runtime.Prefixes,
			Argv: []string{"/bin/sh", "-c", `mkdir -p "$(dirname "$1")" && exec "$2" --edition 2021 --target "$3" ` +
				`-C opt-level=3 -C "linker=$5" --crate-name app -o "$1" "$4"`,
				"sh", output, runtime.Path, target, source.Files[0], linker},
		}, nil
	}
	argv := []string{"/bin/sh", "-c", wasmRustScript, "sh", output, source.Bin, target,
		filepath.Join(runtime.Bin(), "cargo"), "--manifest-path", path.Join(source.Folder, "Cargo.toml"),
		"--package", source.Package, "--bin", source.Bin}
	if source.Locked {
		argv = append(argv, "--locked")
	}
	return Step{
		Stage: StageCompile, Name: "cargo build", Argv: argv, Mounts: runtime.Prefixes, Online: true,
		Env: []string{
			"CARGO_HOME=" + CacheDir + "/cargo/home", "RUSTC=" + runtime.Path,
			"CARGO_TARGET_" + strings.ToUpper(strings.ReplaceAll(target, "-", "_")) + "_LINKER=" + linker,
			"CARGO_PROFILE_RELEASE_DEBUG=false", "CARGO_TERM_COLOR=never",
			"CARGO_TERM_PROGRESS_WHEN=never", "CARGO_HTTP_CAINFO=" + CABundle,
		},
	}, nil
}

// wasmCStep compiles C with clang and the C library for WASI.
func (k *kitchen) wasmCStep(source look.WasmSource) (Step, error) {
	compiler, words := clang, []string{"--target=wasm32-wasi", "-O2"}
	needed, packages := []string{clang, wasiRoot, wasmLD}, "clang lld wasi-libc libclang-rt-dev-wasm32"
	if slices.ContainsFunc(source.Files, func(file string) bool { return path.Ext(file) != ".c" }) {
		compiler, words = clang+"++", append(words, "-fno-exceptions")
		needed, packages = append(needed, wasiCPlusPlus), packages+" libc++-dev-wasm32 libc++abi-14-dev-wasm32"
	}
	for _, place := range needed {
		if _, err := os.Stat(place); err != nil {
			return Step{}, dayfly.Errorf(dayfly.KindUnavailable,
				"C is compiled to WebAssembly with clang and wasi-libc, and there is no %s on this machine", place).
				WithHint("install them: apt install %s", packages)
		}
	}
	script := `mkdir -p "$(dirname "$1")" && output=$1 && shift && exec "$@" -o "$output"`
	argv := append([]string{"/bin/sh", "-c", script, "sh", path.Join(TaskDir, source.Output), compiler}, words...)
	return Step{Stage: StageCompile, Name: path.Base(compiler), Argv: append(argv, source.Files...)}, nil
}
