// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// goSteps compile a Go program.
func (k *kitchen) goSteps(ctx context.Context) ([]Step, error) {
	runtime, err := k.compiler(ctx, toolchain.Go)
	if err != nil {
		return nil, err
	}
	made := Step{
		Stage: StageCompile, Name: "go build", Mounts: runtime.Prefixes, Online: true,
		Env: []string{
			"CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOPATH=" + CacheDir + "/go",
			"GOMODCACHE=" + CacheDir + "/go/mod", "GOCACHE=" + CacheDir + "/go/build",
			"GOENV=off", "GOTELEMETRY=off",
		},
	}
	made.Argv = []string{
		runtime.Path, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-o", TaskDir + "/" + look.Program,
	}
	if k.plan.Contract == dayfly.ContractLambda {
		made.Argv = append(made.Argv, "-tags", "lambda.norpc") // without the runtime that AWS retired
	}
	if k.plan.Go.Shim {
		made.Argv = append(made.Argv, "-mod=mod")
	}
	if len(k.plan.Files) > 0 {
		made.Argv = append(made.Argv, k.plan.Files...)
	} else {
		made.Argv = append(made.Argv, "./"+strings.TrimPrefix(path.Clean(k.plan.Package), "./"))
	}
	if !k.plan.Go.Tidy {
		return []Step{made}, nil
	}
	tidy := made
	tidy.Stage, tidy.Name = StageInstall, "go mod tidy"
	tidy.Argv = []string{runtime.Path, "mod", "tidy", "-e"}
	return []Step{tidy, made}, nil
}
