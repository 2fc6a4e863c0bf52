// SPDX-License-Identifier: Apache-2.0

// Package retell sets the journal right after a crash. What happened to events in the last
// moments before a kill is in the streams, which are written at once, and not in the
// journal, which is written behind them.
//
//	WORK ──┐
//	LATER ─┼─▶ Run ─▶ lives that the journal does not know, or that have gone on
//	DEAD ──┘    ▲
//	            └─ lives that the journal believes to go on
//
// An event that the journal believes to wait, and that is in none of the streams, has
// ended well: all other ends are written to a stream or a mark before the event goes.
//
// Guarantees: only the journal is written; what this process has told of an event by
// itself is never replaced; what cannot be judged stays as it is; reading is bounded.
package retell
