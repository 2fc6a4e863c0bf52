// SPDX-License-Identifier: Apache-2.0

// Simulate runs the policies that keep functions warm, and those that place calls on
// nodes, over a trace that is made up or one of the public traces of Azure.
//
//	flags ─▶ trace ─▶ simtest.Run, for each policy ─▶ table, simulation.txt, simulation.svg
//
// The same seed gives the same figures.
package main
