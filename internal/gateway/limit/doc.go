// SPDX-License-Identifier: Apache-2.0

// Package limit tells whether a request may pass: rates, quotas and how many at once.
//
//	request ─▶ who? ─▶ bucket of tokens (each rate)  ─▶ count of the window (each quota) ─▶ pass
//	                   in memory                        in memory, written each second
//	                        └────────── what was granted ──────────┘
//	                                  Exchange ⇄ other nodes
//
// Who is counted is an address (IPv6: its /64), a key, a user, everybody of the route
// together, or what an expression gives. A request takes from all limits of its route or
// from none.
//
// Guarantees:
//   - On one node a limit is exact, however many requests come at once.
//   - Memory is bounded. A full bucket is forgotten for free. When all have something taken
//     from them, the one of which the least is missing goes: to be forgotten, one who used
//     up its limit would have to find as many others who used up theirs.
//   - A quota survives a restart; kill -9 loses at most what was granted in the last second.
//   - Nodes that are joined tell each other what they granted, at least each 50 ms. Who was
//     let through by one is counted by all. Together, n nodes let through no more than the
//     limit, plus what n-1 of them grant between two tellings, at most n-1 bursts; that is a
//     debt, waited for before more pass, so it never adds up. A message that the bus loses is
//     not told again.
//
// It does not answer requests: an error of kind exhausted says for how long to wait.
package limit
