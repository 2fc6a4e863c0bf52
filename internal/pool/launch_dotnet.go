// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/dotnet"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// dotnetLaunch starts the guest of C#, compiled by the runtime's own compiler when it is
// needed for the first time.
func (p *Pool) dotnetLaunch(ctx context.Context, l *launch, spec *dayfly.Spec) error {
	const dir = guestTarget + "/dotnet"
	runtime := dotnet.Runtime{Path: l.runtime.Path, Version: l.runtime.Version,
		IsMono: l.runtime.Language == toolchain.Mono}
	folder, err := dotnet.Install(ctx, runtime, filepath.Join(p.cfg.GuestCache, "dotnet"))
	if err != nil {
		return err
	}
	l.argv = runtime.Args(dir)
	l.mounts = append(l.mounts, sandbox.Mount{Source: folder, Target: dir})
	p.relayed(l, spec)
	return nil
}
