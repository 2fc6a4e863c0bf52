// SPDX-License-Identifier: Apache-2.0

package pool

import "github.com/dayfly-faas/dayfly"

// dotnetLaunch starts the guest of that language.
func (p *Pool) dotnetLaunch(l *launch, _ *dayfly.Spec) error { return noGuest(l) }
