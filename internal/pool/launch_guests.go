// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/dotnet"
	"github.com/dayfly-faas/dayfly/internal/guest/java"
	"github.com/dayfly-faas/dayfly/internal/guest/php"
	"github.com/dayfly-faas/dayfly/internal/guest/ruby"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// phpLaunch starts the PHP guest.
func (p *Pool) phpLaunch(l *launch, spec *dayfly.Spec) error {
	const dir = guestTarget + "/php"
	l.argv = append(append([]string{l.runtime.Path}, php.Flags()...), dir+"/"+php.Entry)
	l.mounts = append(l.mounts, sandbox.Mount{Source: filepath.Join(p.cfg.GuestDir, "php"), Target: dir})
	p.relayed(l, spec)
	return nil
}

// rubyLaunch starts the Ruby guest.
func (p *Pool) rubyLaunch(l *launch, spec *dayfly.Spec) error {
	const dir = guestTarget + "/ruby"
	l.argv = append(append([]string{l.runtime.Path}, ruby.Flags()...), dir+"/"+ruby.Entry)
	l.mounts = append(l.mounts, sandbox.Mount{Source: filepath.Join(p.cfg.GuestDir, "ruby"), Target: dir})
	p.relayed(l, spec)
	return nil
}

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

// javaLaunch starts the Java guest, compiled by the runtime's own JDK when it is needed
// for the first time. A virtual machine sets the bound of its heap at its start, so there
// are stems for each class of memory in use.
func (p *Pool) javaLaunch(ctx context.Context, l *launch, spec *dayfly.Spec) error {
	jdk := java.JDK{Version: l.runtime.Version, Path: l.runtime.Path}
	folder, err := p.java.Compile(ctx, jdk)
	if err != nil {
		return err
	}
	memory := java.HeapClass(spec.Limits.MemoryBytes)
	l.variant = fmt.Sprintf("/%s", dayfly.FormatBytes(memory))
	l.argv = append([]string{l.runtime.Path}, java.Args(folder, memory)...)
	l.mounts = append(l.mounts, sandbox.Mount{Source: folder, Target: folder})
	l.prepare = func(ctx context.Context) error { return p.java.Archive(ctx, jdk) }
	p.relayed(l, spec)
	return nil
}
