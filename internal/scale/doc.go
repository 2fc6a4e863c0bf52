// SPDX-License-Identifier: Apache-2.0

// Package scale decides how many instances a function has on this node.
//
//	observed, limits ─▶ Decide ─▶ start so many, retire these, because
//	position in line ─▶ Wait   ─▶ how long a call there can expect to wait
//	gaps between calls ─▶ History ─▶ NewPlan ─▶ Verdict: warm till, warm again at, why
//
// The plan of a function weighs the memory of idle instances against the cold starts that
// they spare, by the gaps that were seen; simulations use it, nodes not yet.
//
// It is arithmetic: no clock, log, lock or I/O, and the same input gives the same
// output. Who observes and who acts is the pool's matter; what to evict when memory
// is short is place's.
//
// Guarantees, whatever is observed: a decision never leads past Max, starts no more
// for waiting calls than the Gate allows, never retires what Min needs or while calls
// wait, never starts and retires at once, and names each instance to retire once.
package scale
