// SPDX-License-Identifier: Apache-2.0

// Package pool keeps warm instances of each revision on this node and executes calls
// on them.
//
//	Execute ─▶ idle instance? ─yes──────────────▶ exchange ─▶ release ─▶ idle ─▶ frozen
//	              └no─▶ waiting line (bounded) ─┐      ▲                  └▶ retired
//	                     │ first of the two:    ├──────┘
//	                     ├─ a released instance ┤
//	                     └─ a new one: stem ─▶ attach ─▶ specialise
//
// The binding is late: a new instance and a released one race for the head of the
// line, and the loser becomes idle. A call that cannot be served in time is refused
// on arrival, with how long to wait; once in line it is served, or fails at its own
// deadline. A function's failure (exception, exit, time-out, out of memory) is a
// Result; an error is the platform's or the caller's.
//
// Instances serve one revision for life. Everything is bounded: the line, the number
// of instances, cold starts at once, and the memory of all of them together, for
// which the least valuable idle instance gives way (place).
//
// Pool does not decide how many instances a quiet function keeps (scale, through
// scheduler), which revision is live (catalog), nor what isolates a box (sandbox).
// Its state is memory only. Locks: docs/LOCKS.md.
package pool
