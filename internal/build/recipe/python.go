// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// pipSteps install what Python code requires below .dayfly/python, where the guest
// looks for it, and compile it all, so that no cold start has to.
func (k *kitchen) pipSteps(ctx context.Context) ([]Step, error) {
	pip := []string{k.runtime.Path, "-I", "-m", "pip"}
	mounts := slices.Clone(k.runtime.Prefixes)
	if !hasPip(k.runtime) {
		other, err := k.otherPip(ctx)
		if err != nil {
			return nil, err
		}
		pip = []string{other.Path, "-I", "-m", "pip", "--python", k.runtime.Path}
		mounts = append(mounts, other.Prefixes...)
	}
	install := append(pip, "install", "--target", TaskDir+"/.dayfly/python", "--no-input",
		"--disable-pip-version-check", "--no-warn-script-location", "--no-compile",
		"--progress-bar", "off")
	for _, file := range k.plan.Requirements {
		install = append(install, "--requirement", file)
	}
	if k.plan.Locked {
		install = append(install, "--no-deps") // the lock file has them all
	}
	install = append(install, k.plan.Packages...)
	if k.plan.Project {
		install = append(install, ".")
	}
	env := []string{"PIP_CACHE_DIR=" + CacheDir + "/pip", "PYTHONDONTWRITEBYTECODE=1",
		"PIP_ROOT_USER_ACTION=ignore"} // a variable, as older pips refuse the option
	first := Step{
		Stage: StageInstall, Name: "pip install", Argv: install, Env: env, Mounts: mounts, Online: true,
	}
	steps := []Step{first}
	if k.plan.SessionKey != "" {
		steps = append(steps, k.keyStep(k.plan.SessionKey))
	}
	return append(steps, k.compileStep()), nil
}

// keyStep writes a random key.
func (k *kitchen) keyStep(file string) Step {
	return Step{Stage: StageCompile, Name: "session key", Mounts: k.runtime.Prefixes,
		Argv: []string{k.runtime.Path, "-I", "-c",
			"import secrets, sys; open(sys.argv[1], 'x').write(secrets.token_hex(32))", file}}
}

// compileStep writes byte code that is never checked against its source: the bundle
// does not change. Packages may hold templates that are no valid Python, so it may fail.
func (k *kitchen) compileStep() Step {
	return Step{
		Stage: StageCompile, Name: "compileall", MayFail: true, Mounts: k.runtime.Prefixes,
		Argv: []string{
			k.runtime.Path, "-I", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash",
			"-x", `/node_modules/|/\.venv/`, TaskDir,
		},
	}
}

// hasPip tells whether an interpreter can run pip.
func hasPip(r toolchain.Runtime) bool {
	prefix := filepath.Dir(r.Bin())
	parts := strings.SplitN(r.Version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	minor := "python" + parts[0] + "." + parts[1]
	for _, folder := range []string{
		filepath.Join(prefix, "lib", minor, "site-packages", "pip"),
		filepath.Join(prefix, "lib", minor, "dist-packages", "pip"),
		filepath.Join(prefix, "local", "lib", minor, "dist-packages", "pip"),
		filepath.Join(prefix, "lib", "python3", "dist-packages", "pip"),
	} {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

// otherPip finds an interpreter whose pip can install for ours.
func (k *kitchen) otherPip(ctx context.Context) (toolchain.Runtime, error) {
	list, err := k.runtimes.List(ctx)
	if err != nil {
		return toolchain.Runtime{}, err
	}
	for _, r := range list {
		if r.Language == toolchain.Python && hasPip(r) {
			return r, nil
		}
	}
	return toolchain.Runtime{}, dayfly.Errorf(dayfly.KindUnavailable,
		"no Python on this machine has pip, which the source's requirements need").
		WithHint("install it, such as with the package python3-pip")
}
