// SPDX-License-Identifier: Apache-2.0

package detect

// JavaPlan is what building the JVM languages takes beside the rest of a plan.
type JavaPlan struct{}

// java looks for the JVM languages.
func (s *source) java() []candidate { return nil }

func (s *source) finishJava(plan *Plan) {}
