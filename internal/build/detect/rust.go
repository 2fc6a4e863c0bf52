// SPDX-License-Identifier: Apache-2.0

package detect

// RustPlan is what building Rust takes beside the rest of a plan.
type RustPlan struct{}

// rust looks for Rust.
func (s *source) rust() []candidate { return nil }

func (s *source) finishRust(plan *Plan) {}
