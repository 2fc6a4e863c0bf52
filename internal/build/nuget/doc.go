// SPDX-License-Identifier: Apache-2.0

// Package nuget finds what can be called in C#, and what .NET or Mono makes of it.
//
//	.csproj, loose sources, published assemblies ─▶ one project ─▶ Candidates ─▶ Finish
//
// Where a machine has only the other of .NET and Mono, Fallback and Switch change the plan.
// The project is looked for once.
package nuget
