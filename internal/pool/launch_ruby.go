// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/ruby"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// rubyLaunch starts the Ruby guest.
func (p *Pool) rubyLaunch(l *launch, spec *dayfly.Spec) error {
	const dir = guestTarget + "/ruby"
	l.argv = append(append([]string{l.runtime.Path}, ruby.Flags()...), dir+"/"+ruby.Entry)
	l.mounts = append(l.mounts, sandbox.Mount{Source: filepath.Join(p.cfg.GuestDir, "ruby"), Target: dir})
	p.relayed(l, spec)
	return nil
}
