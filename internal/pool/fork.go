// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/zygote"
)

// forkWait bounds a fork, from the order to the guest's hello: 5 ms on a quiet machine.
// What takes longer is given up and booted instead.
const forkWait = 3 * time.Second

// zygoteBudget lends the node's memory to zygotes, without having instances give way.
type zygoteBudget struct{ *budget }

// Take implements zygote.Budget.
func (b zygoteBudget) Take(bytes int64) bool { return b.takeFree(bytes) }

// Free implements zygote.Budget.
func (b zygoteBudget) Free(bytes int64) { b.free(bytes) }

func keyOf(l *launch, project dayfly.ProjectName) zygote.Key {
	return zygote.Key{Project: project, Kind: l.key}
}

// wantZygote lets the project have something to fork from by its next cold starts.
func (p *Pool) wantZygote(l *launch, project dayfly.ProjectName) {
	if len(l.zygote) == 0 {
		return
	}
	p.young.Want(keyOf(l, project),
		sandbox.Spec{Argv: l.zygote, Env: l.bootEnv(), Dir: "/tmp", Mounts: l.mounts})
}

// fork makes a stem of the project's zygote; nil when it must be booted.
func (p *Pool) fork(ctx context.Context, l launch, project dayfly.ProjectName) *stem {
	key := keyOf(&l, project)
	if len(l.zygote) == 0 || !p.young.Has(key) {
		return nil
	}
	forkCtx, cancel := context.WithTimeout(ctx, forkWait)
	defer cancel()
	born := false
	start := func(ctx context.Context, spec sandbox.Spec) (sandbox.Box, error) {
		box, err := p.young.Fork(ctx, key, spec)
		born = err == nil
		return box, err
	}
	st, err := p.furnish(forkCtx, l, []string{sandbox.Itself}, start)
	if err == nil {
		return st
	}
	if ctx.Err() == nil && !errors.Is(err, zygote.ErrNone) {
		p.log.Warn("fork failed, a box is booted instead", "project", project, "error", err)
		if born || forkCtx.Err() != nil {
			p.young.Failed(key, nil, err)
		}
	}
	return nil
}

// Zygotes tells of what instances are forked from.
func (p *Pool) Zygotes() []zygote.Report { return p.young.Report() }
