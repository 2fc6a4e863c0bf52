// SPDX-License-Identifier: Apache-2.0

// Package simtest runs the deciders of Dayfly, packages scale and place, over the calls
// of a hundred thousand functions on a thousand nodes in simulated time.
//
//	Synthetic ─▶ Generate ─┐
//	Azure 2019, 2021 ──────┴▶ Trace ─▶ Run(nodes, policy) ─▶ Result ─▶ table, picture
//	                                    │ a call comes: place.Choose names the node,
//	                                    │ scale.Decide starts an instance or waits
//	                                    │ a function has nothing to do: scale.Plan
//	                                    └ memory is short: place.Evict
//
// What decides is the code that nodes run; what is simulated is calls, instances and
// nodes around it. Functions that are called seldom are followed call by call, to the
// nanosecond. Those that are called more than five times a minute are counted in steps
// of twenty seconds: every policy keeps them warm, and only how many instances they
// have is of interest. Nodes tell their loads each step, so that what is chosen by
// load is chosen by old news, as it is between machines.
//
// Guarantees: the same trace, configuration and policy give the same result to the last
// digit, whatever the number of cores.
package simtest
