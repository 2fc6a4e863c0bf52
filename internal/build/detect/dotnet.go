// SPDX-License-Identifier: Apache-2.0

package detect

// DotNetPlan is what building C# takes beside the rest of a plan.
type DotNetPlan struct{}

// dotnet looks for C#.
func (s *source) dotnet() []candidate { return nil }

func (s *source) finishDotNet(plan *Plan) {}
