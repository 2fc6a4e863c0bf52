// SPDX-License-Identifier: Apache-2.0

package detect

// RubyPlan is what building Ruby takes beside the rest of a plan.
type RubyPlan struct{}

// ruby looks for Ruby.
func (s *source) ruby() []candidate { return nil }

func (s *source) finishRuby(plan *Plan) {}
