// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/php"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// phpLaunch starts the PHP guest.
func (p *Pool) phpLaunch(l *launch, spec *dayfly.Spec) error {
	const dir = guestTarget + "/php"
	l.argv = append(append([]string{l.runtime.Path}, php.Flags()...), dir+"/"+php.Entry)
	l.mounts = append(l.mounts, sandbox.Mount{Source: filepath.Join(p.cfg.GuestDir, "php"), Target: dir})
	p.relayed(l, spec)
	return nil
}
