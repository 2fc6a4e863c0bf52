// SPDX-License-Identifier: Apache-2.0

// Package turns says whose cold start is next.
//
//	Enter ─▶ a place is free? ─yes─▶ go
//	             └no─▶ line of the project ─▶ its turn, round the projects that wait
//
// Guarantees: no more go at once than there are places; a project that starts a thousand
// functions makes another wait for one of its starts, and not for all; within a project who
// came first is first. Who gives up takes no turn.
package turns
