// SPDX-License-Identifier: Apache-2.0

// Package scale decides how many instances a revision has on this node. It is pure:
// what was observed and the time go in, a decision comes out.
//
//	Observed, Limits, now ─▶ Decide ─▶ start so many, retire these
//	place in line, instances, service time ─▶ Wait ─▶ how long a call would wait
//
// Scale never logs, sleeps, locks or looks at a clock, so that the same code serves the
// node and any simulation of it. It does not choose nodes nor victims of memory
// pressure (place).
package scale
