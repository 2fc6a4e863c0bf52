// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// goSteps compile a Go program.
func (j *job) goSteps(ctx context.Context) ([]step, error) {
	runtime, err := j.compiler(ctx, toolchain.Go)
	if err != nil {
		return nil, err
	}
	made := step{
		Stage: StageCompile, Name: "go build", Mounts: runtime.Prefixes, Online: true,
		Env: []string{
			"CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOPATH=" + cacheDir + "/go",
			"GOMODCACHE=" + cacheDir + "/go/mod", "GOCACHE=" + cacheDir + "/go/build",
			"GOENV=off", "GOTELEMETRY=off",
		},
	}
	made.Argv = []string{
		runtime.Path, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
		"-o", taskDir + "/" + detect.Program(),
	}
	if j.plan.Contract == dayfly.ContractLambda {
		made.Argv = append(made.Argv, "-tags", "lambda.norpc") // without the runtime that AWS retired
	}
	if j.plan.Go.Shim {
		made.Argv = append(made.Argv, "-mod=mod")
	}
	if len(j.plan.Files) > 0 {
		made.Argv = append(made.Argv, j.plan.Files...)
	} else {
		made.Argv = append(made.Argv, "./"+strings.TrimPrefix(path.Clean(j.plan.Package), "./"))
	}
	if !j.plan.Go.Tidy {
		return []step{made}, nil
	}
	tidy := made
	tidy.Stage, tidy.Name = StageInstall, "go mod tidy"
	tidy.Argv = []string{runtime.Path, "mod", "tidy", "-e"}
	return []step{tidy, made}, nil
}
