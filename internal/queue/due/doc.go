// SPDX-License-Identifier: Apache-2.0

// Package due knows in memory which events wait for their time, and which have come to it
// and still wait for their lane.
//
//	Put ─▶ waiting (a heap by time) ─ Advance ─▶ ready, by lane ─ Take ─▶ executed
//	                                                 ▲                      │
//	                                                 └───── GiveBack ───────┘
//
// It keeps no event's content, and does not know the clock: who runs it does. An event is
// known from Put until Remove or Claim, also while it is executed.
//
// Guarantees: methods may be called from any goroutine; of one identity there is one event,
// and the newest Put counts; events of a lane become ready in the order of their times.
package due
