// SPDX-License-Identifier: Apache-2.0

package detect

// PHPPlan is what building PHP takes beside the rest of a plan.
type PHPPlan struct{}

// php looks for PHP.
func (s *source) php() []candidate { return nil }

func (s *source) finishPHP(plan *Plan) {}
