// SPDX-License-Identifier: Apache-2.0

// Package zygote keeps warm interpreters that boxes are forked from, one for each
// project and kind of guest.
//
//	Want ─▶ born (background): start ─▶ trial fork says hello ─▶ alive
//	Fork ─▶ alive? ─▶ box                                        │ 1,000 forks, 10 minutes
//	         └ no: ErrNone, and the caller boots                 ├─ used: a successor first
//	                                                             └─ unused: let go
//
// Guarantees: a zygote serves one project, since its forks share an address layout and
// the seed of hashes; it runs no function's code. A fork that fails, or does not answer
// in time, ends its zygote: the caller boots, and a new one is tried after a pause that
// doubles with each failure. The number of zygotes is bounded; the one unused longest
// gives way. What each zygote holds is taken from the caller's budget.
//
// How a process is forked into a box is sandbox's; what the fork speaks is guest's.
package zygote
