// SPDX-License-Identifier: Apache-2.0

package pool

import "github.com/dayfly-faas/dayfly"

// rubyLaunch starts the guest of that language.
func (p *Pool) rubyLaunch(l *launch, _ *dayfly.Spec) error { return noGuest(l) }
