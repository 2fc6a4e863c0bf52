// SPDX-License-Identifier: Apache-2.0

package expression

import "cel.dev/cel-go/cel"

func library() []cel.EnvOption { return nil }

func programOptions() []cel.ProgramOption {
	return []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costMax),
		cel.InterruptCheckFrequency(interruptEvery)}
}
