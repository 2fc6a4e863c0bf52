// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// linker is what rustc links programs with; it is in every box when the host has it.
const linker = "/usr/bin/cc"

// cargoScript compiles with cargo and takes the program out of the target folder, which
// is kept between builds. Sources look new every time: an upload keeps no times, and
// cargo believes in times. Arguments: the program's destination, its name, cargo, words.
const cargoScript = `set -e
output=$1 name=$2 cargo=$3
shift 3
target=` + CacheDir + `/cargo/target
find . -type f -exec touch -c {} +
"$cargo" build --release --target-dir "$target" "$@"
mkdir -p "$(dirname "$output")"
for file in "$target/release/$name" "$target"/*/release/"$name"; do
  if [ -f "$file" ]; then exec cp "$file" "$output"; fi
done
echo "cargo left no program $name below $target" >&2
exit 1`

// rustSteps compile a Rust program.
func (k *kitchen) rustSteps(ctx context.Context) ([]Step, error) {
	if _, err := os.Stat(linker); err != nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable,
			"Rust needs a linker, and there is no %s on this machine", linker).
			WithHint("install one: apt install gcc libc6-dev")
	}
	runtime, err := k.compiler(ctx, toolchain.Rust)
	if err != nil {
		return nil, err
	}
	output := TaskDir + "/" + look.Program
	plan := k.plan.Rust
	if plan.File != "" {
		return []Step{{
			Stage: StageCompile, Name: "rustc", Mounts: runtime.Prefixes,
			Argv: []string{"/bin/sh", "-c", `mkdir -p "$(dirname "$1")" && exec "$2" --edition 2021 ` +
				`-C opt-level=3 -C strip=symbols --crate-name app -o "$1" "$3"`,
				"sh", output, runtime.Path, plan.File},
		}}, nil
	}
	cargo := filepath.Join(runtime.Bin(), "cargo")
	if _, err := os.Stat(cargo); err != nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable,
			"there is no cargo beside %s, which builds Rust sources", runtime.Path).
			WithHint("install it: apt install cargo, or rustup toolchain install stable")
	}
	// A crate may depend on one of its own name, so that its name alone says too little.
	crate := url.URL{Scheme: "file", Path: path.Join(TaskDir, plan.Folder), Fragment: plan.Package}
	argv := []string{"/bin/sh", "-c", cargoScript, "sh", output, plan.Bin, cargo,
		"--manifest-path", path.Join(plan.Folder, "Cargo.toml"),
		"--package", crate.String(), "--bin", plan.Bin}
	if plan.Locked {
		argv = append(argv, "--locked")
	}
	return []Step{{
		Stage: StageCompile, Name: "cargo build", Argv: argv, Mounts: runtime.Prefixes, Online: true,
		Env: []string{
			"CARGO_HOME=" + CacheDir + "/cargo/home", "RUSTC=" + runtime.Path,
			"CARGO_PROFILE_RELEASE_STRIP=symbols", "CARGO_TERM_COLOR=never",
			"CARGO_TERM_PROGRESS_WHEN=never", "CARGO_HTTP_CAINFO=" + CABundle,
		},
	}}, nil
}

// compiler gives the job's own runtime when it is of that language, else the default of
// the language.
func (k *kitchen) compiler(ctx context.Context, language toolchain.Language) (toolchain.Runtime, error) {
	if k.runtime.Language == language {
		return k.runtime, nil
	}
	return k.runtimes.Find(ctx, dayfly.RuntimeName(language))
}
