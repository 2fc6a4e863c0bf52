// SPDX-License-Identifier: Apache-2.0

package pool

import "github.com/dayfly-faas/dayfly"

// phpLaunch starts the guest of that language.
func (p *Pool) phpLaunch(l *launch, _ *dayfly.Spec) error { return noGuest(l) }
