// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Places inside a step's box. The code is where it is at run time, so that what a
// compiler writes down about paths stays true.
const (
	taskDir    = "/var/task"
	cacheDir   = "/var/cache/build"
	binaryPath = "/opt/dayfly/dayfly"
	caBundle   = "/etc/ssl/certs/ca-certificates.crt"
)

// step is one program that runs in a box.
type step struct {
	Stage string   `json:"stage"`
	Name  string   `json:"name"` // for people: "pip install"
	Argv  []string `json:"argv"`
	Env   []string `json:"env"`
	// Mounts are read-only paths of the host, at the same place in the box.
	Mounts []string `json:"mounts"`
	// Online gives the step a way to the internet.
	Online bool `json:"online"`
	// MayFail lets the build go on after an exit status that is not zero.
	MayFail bool `json:"may_fail"`
	// NeedsBinary mounts our own executable at binaryPath.
	NeedsBinary bool `json:"needs_binary"`
}

// steps lists what a plan needs done, in order.
func (j *job) steps(ctx context.Context) ([]step, error) {
	var list []step
	var err error
	switch j.plan.Install {
	case detect.InstallPip:
		list, err = j.pipSteps(ctx)
	case detect.InstallNpm:
		list, err = j.npmSteps(ctx)
	case detect.InstallGo:
		list, err = j.goSteps(ctx)
	case detect.InstallJava:
		list, err = j.javaSteps(ctx)
	case detect.InstallRuby:
		list, err = j.rubySteps(ctx)
	case detect.InstallPHP:
		list, err = j.phpSteps(ctx)
	case detect.InstallDotNet:
		list, err = j.dotnetSteps(ctx)
	case detect.InstallRust:
		list, err = j.rustSteps(ctx)
	case detect.InstallWasm:
		list, err = j.wasmSteps(ctx)
	case detect.InstallNone:
		if j.plan.Compile {
			list = []step{j.compileStep()}
		}
	}
	if err != nil {
		return nil, err
	}
	if j.plan.TypeScript != "" {
		list = append(list, step{
			Stage: StageCompile, Name: "typescript", NeedsBinary: true,
			Argv: []string{
				binaryPath, "guest", "typescript", "--entry", j.plan.TypeScript,
				"--output", j.plan.Output, "--target", "node" + j.runtime.Version,
			},
		})
	}
	return list, nil
}

// pipSteps install what Python code requires below .dayfly/python, where the guest
// looks for it, and compile it all, so that no cold start has to.
func (j *job) pipSteps(ctx context.Context) ([]step, error) {
	pip := []string{j.runtime.Path, "-I", "-m", "pip"}
	mounts := slices.Clone(j.runtime.Prefixes)
	if !hasPip(j.runtime) {
		other, err := j.otherPip(ctx)
		if err != nil {
			return nil, err
		}
		pip = []string{other.Path, "-I", "-m", "pip", "--python", j.runtime.Path}
		mounts = append(mounts, other.Prefixes...)
	}
	install := append(pip, "install", "--target", taskDir+"/.dayfly/python", "--no-input",
		"--disable-pip-version-check", "--no-warn-script-location", "--no-compile",
		"--progress-bar", "off", "--root-user-action", "ignore")
	for _, file := range j.plan.Requirements {
		install = append(install, "--requirement", file)
	}
	install = append(install, j.plan.Packages...)
	if j.plan.Project {
		install = append(install, ".")
	}
	env := []string{"PIP_CACHE_DIR=" + cacheDir + "/pip", "PYTHONDONTWRITEBYTECODE=1"}
	first := step{
		Stage: StageInstall, Name: "pip install", Argv: install, Env: env, Mounts: mounts, Online: true,
	}
	return []step{first, j.compileStep()}, nil
}

// compileStep writes byte code that is never checked against its source: the bundle
// does not change. Packages may hold templates that are no valid Python, so it may fail.
func (j *job) compileStep() step {
	return step{
		Stage: StageCompile, Name: "compileall", MayFail: true, Mounts: j.runtime.Prefixes,
		Argv: []string{
			j.runtime.Path, "-I", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash",
			"-x", `/node_modules/|/\.venv/`, taskDir,
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
func (j *job) otherPip(ctx context.Context) (toolchain.Runtime, error) {
	list, err := j.runtimes.List(ctx)
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

// npmSteps install what Node code depends on. A build script runs in between, with
// development dependencies, which are taken away again.
func (j *job) npmSteps(ctx context.Context) ([]step, error) {
	cli, mounts, err := j.npm(ctx)
	if err != nil {
		return nil, err
	}
	env := []string{
		"npm_config_cache=" + cacheDir + "/npm", "npm_config_update_notifier=false",
		"npm_config_fund=false", "npm_config_audit=false", "npm_config_progress=false", "CI=true",
	}
	npm := func(stage, name string, args ...string) step {
		return step{
			Stage: stage, Name: "npm " + name, Env: env, Mounts: mounts, Online: true,
			Argv: append([]string{j.runtime.Path, cli, name}, args...),
		}
	}
	install, extra := "install", []string{"--no-save"}
	if j.plan.Locked {
		install, extra = "ci", nil
	}
	if j.plan.Script == "" {
		return []step{npm(StageInstall, install, append(extra, "--omit=dev")...)}, nil
	}
	build := npm(StageCompile, "run", j.plan.Script)
	build.Name = "npm run " + j.plan.Script
	build.Env = append(slices.Clone(env), "NODE_ENV=production", "NEXT_TELEMETRY_DISABLED=1")
	return []step{
		npm(StageInstall, install, append(extra, "--include=dev")...), build,
		npm(StageInstall, "prune", "--omit=dev"),
	}, nil
}

// npm finds npm's script, of our runtime or of another: it runs on either.
func (j *job) npm(ctx context.Context) (script string, mounts []string, err error) {
	list, err := j.runtimes.List(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, r := range append([]toolchain.Runtime{j.runtime}, list...) {
		if r.Language != toolchain.Node {
			continue
		}
		prefix := filepath.Dir(r.Bin())
		for _, place := range []string{
			filepath.Join(prefix, "lib/node_modules/npm/bin/npm-cli.js"),
			filepath.Join(prefix, "share/nodejs/npm/bin/npm-cli.js"),
			filepath.Join(prefix, "share/npm/bin/npm-cli.js"),
		} {
			if _, err := os.Stat(place); err == nil {
				return place, append(slices.Clone(j.runtime.Prefixes), r.Prefixes...), nil
			}
		}
	}
	return "", nil, dayfly.Errorf(dayfly.KindUnavailable,
		"no Node on this machine has npm, which the source's dependencies need").
		WithHint("install it, such as with the package npm")
}

// environment is what a step sees: nothing of the host's but what is passed on.
func (j *job) environment(s step) []string {
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if bin := j.runtime.Bin(); bin != "" {
		search = bin + ":" + search
	}
	env := []string{
		"PATH=" + search, "HOME=/tmp", "TMPDIR=/tmp", "LANG=C.UTF-8", "PWD=" + taskDir,
		"PIP_CERT=" + caBundle, "SSL_CERT_FILE=" + caBundle, "REQUESTS_CA_BUNDLE=" + caBundle,
		"NODE_EXTRA_CA_CERTS=" + caBundle, "GIT_SSL_CAINFO=" + caBundle, "CURL_CA_BUNDLE=" + caBundle,
	}
	return append(append(env, j.cfg.Env...), s.Env...)
}

// mounts are what a step's box sees beside its root.
func (j *job) mounts(s step, cache string) []sandbox.Mount {
	list := []sandbox.Mount{
		{Source: j.code, Target: taskDir, Writable: true},
		{Source: cache, Target: cacheDir, Writable: true},
	}
	seen := map[string]bool{}
	for _, place := range s.Mounts {
		if !seen[place] {
			list = append(list, sandbox.Mount{Source: place, Target: place})
		}
		seen[place] = true
	}
	if s.NeedsBinary {
		list = append(list, sandbox.Mount{Source: j.cfg.Binary, Target: binaryPath})
	}
	return list
}
