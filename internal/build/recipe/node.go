// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// typescriptSteps compile what of the source is TypeScript and will be loaded, all at
// once.
func (k *kitchen) typescriptSteps() []Step {
	modules := k.plan.Node.Modules
	if k.plan.TypeScript != "" {
		modules = append([]look.Compiled{{Source: k.plan.TypeScript, Output: k.plan.Output}}, modules...)
	}
	if len(modules) == 0 {
		return nil
	}
	argv := []string{BinaryPath, "guest", "typescript", "--target", "node" + k.runtime.Version}
	for _, m := range modules {
		argv = append(argv, "--entry", m.Source, "--output", m.Output)
	}
	return []Step{{Stage: StageCompile, Name: "typescript", NeedsBinary: true, Argv: argv}}
}

// npmEnvironment keeps package managers quiet, and their caches between builds.
var npmEnvironment = []string{
	"npm_config_cache=" + CacheDir + "/npm", "npm_config_update_notifier=false",
	"npm_config_fund=false", "npm_config_audit=false", "npm_config_progress=false", "CI=true",
	"YARN_CACHE_FOLDER=" + CacheDir + "/yarn", "YARN_GLOBAL_FOLDER=" + CacheDir + "/yarn-berry",
	"YARN_ENABLE_TELEMETRY=0", "YARN_NODE_LINKER=node-modules", "COREPACK_ENABLE_STRICT=0",
	"npm_config_store_dir=" + CacheDir + "/pnpm", "npm_config_node_linker=hoisted",
}

// copyFolder copies its first argument to the second.
const copyFolder = `mkdir -p "$(dirname "$2")" && cp -R "$1" "$2"`

// npmSteps install what Node code depends on. A build script runs in between, with
// development dependencies, which are taken away again.
func (k *kitchen) npmSteps(ctx context.Context) ([]Step, error) {
	manager, err := k.packageManager(ctx)
	if err != nil {
		return nil, err
	}
	run := func(stage string, args ...string) Step {
		argv := append([]string{k.runtime.Path, manager.script}, manager.in(k.plan.Node.Folder)...)
		return Step{
			Stage: stage, Name: manager.name + " " + args[0], Env: npmEnvironment, Mounts: manager.mounts,
			Online: true, Argv: append(argv, args...),
		}
	}
	if k.plan.Script == "" {
		return []Step{run(StageInstall, manager.install...)}, nil
	}
	build := run(StageCompile, "run", k.plan.Script)
	build.Name = manager.name + " run " + k.plan.Script
	build.Env = append(slices.Clone(npmEnvironment), "NODE_ENV=production", "NEXT_TELEMETRY_DISABLED=1",
		"NUXT_TELEMETRY_DISABLED=1", "ASTRO_TELEMETRY_DISABLED=1", "NG_CLI_ANALYTICS=false")
	list := []Step{run(StageInstall, manager.installAll...), build}
	for _, from := range k.plan.Node.Copies {
		list = append(list, Step{
			Stage: StageCompile, Name: "copy " + from.Source, MayFail: true,
			Argv: []string{"/bin/sh", "-c", copyFolder, "sh", from.Source, from.Output},
		})
	}
	if len(k.plan.Node.Drop) == 0 && len(manager.prune) > 0 {
		list = append(list, run(StageInstall, manager.prune...))
	}
	return list, nil
}

// unfocused are yarns that leave out what is for development only with a plugin.
var unfocused = grep.Of(`^yarn-[23]\.`)

// packageManager is how one package manager is told what to do.
type packageManager struct {
	name, script string
	mounts       []string
	folder       string   // the option that names the folder of package.json
	install      []string // without development dependencies
	installAll   []string
	prune        []string
}

func (m packageManager) in(folder string) []string {
	if folder == "" {
		return nil
	}
	return []string{m.folder, path.Join(TaskDir, folder)}
}

// packageManager chooses the one whose lock file the source has, if this machine has
// it; else npm.
func (k *kitchen) packageManager(ctx context.Context) (packageManager, error) {
	wanted := k.plan.Node.Manager
	if yarn := k.plan.Node.Yarn; yarn != "" {
		manager := packageManager{
			name: "yarn", script: path.Join(TaskDir, yarn), mounts: k.runtime.Prefixes, folder: "--cwd",
			install:    []string{"workspaces", "focus", "--production"},
			installAll: []string{"install", "--immutable"},
			prune:      []string{"workspaces", "focus", "--production"},
		}
		if unfocused.MatchString(path.Base(yarn)) {
			manager.install, manager.prune = manager.installAll, nil
		}
		return manager, nil
	}
	places := map[string][]string{
		"pnpm": {"lib/node_modules/pnpm/bin/pnpm.cjs"},
		"yarn": {"lib/node_modules/yarn/bin/yarn.js", "share/nodejs/yarn/bin/yarn.js", "share/yarn/bin/yarn.js"},
	}
	if wanted != "" {
		script, mounts, err := k.nodeProgram(ctx, places[wanted])
		switch {
		case err != nil:
			return packageManager{}, err
		case script == "":
			k.say(StageInstall, "%s is not on this machine: npm resolves the versions anew; "+
				"npm install --global %s makes its lock file count", wanted, wanted)
		case wanted == "pnpm":
			return packageManager{
				name: wanted, script: script, mounts: mounts, folder: "--dir",
				install:    []string{"install", "--frozen-lockfile", "--prod"},
				installAll: []string{"install", "--frozen-lockfile", "--prod=false"},
				prune:      []string{"prune", "--prod"},
			}, nil
		default:
			return packageManager{
				name: wanted, script: script, mounts: mounts, folder: "--cwd",
				install:    []string{"install", "--frozen-lockfile", "--production", "--non-interactive"},
				installAll: []string{"install", "--frozen-lockfile", "--production=false", "--non-interactive"},
				prune:      []string{"install", "--frozen-lockfile", "--production", "--ignore-scripts", "--prefer-offline"},
			}, nil
		}
	}
	return k.npm(ctx)
}

// npm finds npm's script, of our runtime or of another: it runs on either.
func (k *kitchen) npm(ctx context.Context) (packageManager, error) {
	script, mounts, err := k.nodeProgram(ctx, []string{
		"lib/node_modules/npm/bin/npm-cli.js", "share/nodejs/npm/bin/npm-cli.js", "share/npm/bin/npm-cli.js",
	})
	if err != nil {
		return packageManager{}, err
	}
	if script == "" {
		return packageManager{}, dayfly.Errorf(dayfly.KindUnavailable,
			"no Node on this machine has npm, which the source's dependencies need").
			WithHint("install it, such as with the package npm")
	}
	install := []string{"install", "--no-save"}
	if k.plan.Locked {
		install = []string{"ci"}
	}
	return packageManager{
		name: "npm", script: script, mounts: mounts, folder: "--prefix",
		install:    append(slices.Clone(install), "--omit=dev"),
		installAll: append(slices.Clone(install), "--include=dev"),
		prune:      []string{"prune", "--omit=dev"},
	}, nil
}

// nodeProgram finds a script that is installed beside some Node of this machine; empty
// when none has it.
func (k *kitchen) nodeProgram(ctx context.Context, places []string) (script string, mounts []string, err error) {
	list, err := k.runtimes.List(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, r := range append([]toolchain.Runtime{k.runtime}, list...) {
		if r.Language != toolchain.Node {
			continue
		}
		prefix := filepath.Dir(r.Bin())
		for _, place := range places {
			file := filepath.Join(prefix, place)
			if _, err := os.Stat(file); err == nil {
				return file, append(slices.Clone(k.runtime.Prefixes), r.Prefixes...), nil
			}
		}
	}
	return "", nil, nil
}
