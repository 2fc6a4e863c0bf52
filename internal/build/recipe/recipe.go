// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"

	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Places inside a step's box. The code is where it is at run time, so that what a
// compiler writes down about paths stays true.
const (
	TaskDir    = "/var/task"
	CacheDir   = "/var/cache/build"
	BinaryPath = "/opt/dayfly/dayfly"
	CABundle   = "/etc/ssl/certs/ca-certificates.crt"
)

// Stages of a build, in their order.
const (
	StageDetect  = "detect"
	StageInstall = "install"
	StageCompile = "compile"
	StagePack    = "pack"
)

// Step is one program that runs in a box.
type Step struct {
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
	// NeedsBinary mounts our own executable at BinaryPath.
	NeedsBinary bool `json:"needs_binary"`
}

// Order is what is to be built, and with what.
type Order struct {
	// Plan is what was detected. Files of ours that a step needs are added to its
	// Extra.
	Plan *look.Plan
	// Root is the source.
	Root *os.Root
	// Runtime is the chosen one; Runtimes are all of this machine.
	Runtime  toolchain.Runtime
	Runtimes *toolchain.Set
	// Env is passed on to every step, as KEY=value: proxies and package indexes.
	Env []string
	// Say tells the user something that was decided.
	Say func(stage, format string, args ...any)
}

// kitchen is one order on its way.
type kitchen struct {
	plan     *look.Plan
	root     *os.Root
	runtime  toolchain.Runtime
	runtimes *toolchain.Set
	env      []string
	say      func(stage, format string, args ...any)
}

func (o *Order) kitchen() *kitchen {
	return &kitchen{plan: o.Plan, root: o.Root, runtime: o.Runtime, runtimes: o.Runtimes, env: o.Env, say: o.Say}
}

// Steps lists what an order needs done, in order.
func Steps(ctx context.Context, order Order) ([]Step, error) {
	k := order.kitchen()
	list, err := k.install(ctx)
	if err != nil {
		return nil, err
	}
	return append(list, k.typescriptSteps()...), nil
}

// Settle completes a plan by what this machine has, before its Spec is made.
func Settle(order Order) { order.kitchen().choosePHPServer() }

// NewerJava finds the lowest Java of the machine that is above a version: Java runs
// what was written for an older one.
func NewerJava(ctx context.Context, order Order, version string) (toolchain.Runtime, bool) {
	return order.kitchen().newerJava(ctx, version)
}

func (k *kitchen) install(ctx context.Context) ([]Step, error) {
	switch k.plan.Install {
	case look.InstallPip:
		return k.pipSteps(ctx)
	case look.InstallNpm:
		return k.npmSteps(ctx)
	case look.InstallGo:
		return k.goSteps(ctx)
	case look.InstallJava:
		return k.javaSteps(ctx)
	case look.InstallRuby:
		return k.rubySteps(ctx)
	case look.InstallPHP:
		return k.phpSteps(ctx)
	case look.InstallDotNet:
		return k.dotnetSteps(ctx)
	case look.InstallRust:
		return k.rustSteps(ctx)
	case look.InstallWasm:
		return k.wasmSteps(ctx)
	}
	if k.plan.Compile {
		return []Step{k.compileStep()}, nil
	}
	return nil, nil
}
