// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"

	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
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
	list = append(list, j.typescriptSteps()...)
	return list, nil
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
