// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"

	"github.com/dayfly-faas/dayfly/internal/build/recipe"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// steps lists what the plan needs done, in order.
func (j *job) steps(ctx context.Context) ([]recipe.Step, error) {
	return recipe.Steps(ctx, j.order())
}

func (j *job) order() recipe.Order {
	return recipe.Order{Plan: j.plan, Root: j.root, Runtime: j.runtime, Runtimes: j.runtimes, Env: j.cfg.Env,
		Say: j.say}
}

// environment is what a step sees: nothing of the host's but what is passed on.
func (j *job) environment(s recipe.Step) []string {
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if bin := j.runtime.Bin(); bin != "" {
		search = bin + ":" + search
	}
	env := []string{
		"PATH=" + search, "HOME=/tmp", "TMPDIR=/tmp", "LANG=C.UTF-8", "PWD=" + recipe.TaskDir,
		"PIP_CERT=" + recipe.CABundle, "SSL_CERT_FILE=" + recipe.CABundle, "REQUESTS_CA_BUNDLE=" + recipe.CABundle,
		"NODE_EXTRA_CA_CERTS=" + recipe.CABundle, "GIT_SSL_CAINFO=" + recipe.CABundle, "CURL_CA_BUNDLE=" + recipe.CABundle,
	}
	return append(append(env, j.cfg.Env...), s.Env...)
}

// mounts are what a step's box sees beside its root.
func (j *job) mounts(s recipe.Step, cache string) []sandbox.Mount {
	list := []sandbox.Mount{
		{Source: j.code, Target: recipe.TaskDir, Writable: true},
		{Source: cache, Target: recipe.CacheDir, Writable: true},
	}
	seen := map[string]bool{}
	for _, place := range s.Mounts {
		if !seen[place] {
			list = append(list, sandbox.Mount{Source: place, Target: place})
		}
		seen[place] = true
	}
	if s.NeedsBinary {
		list = append(list, sandbox.Mount{Source: j.cfg.Binary, Target: recipe.BinaryPath})
	}
	return list
}
