// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/java"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

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
