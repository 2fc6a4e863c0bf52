// SPDX-License-Identifier: Apache-2.0

// Package place decides which idle instances make room when memory is short, and which node
// of several takes a call.
//
//	now, clock, bytes needed, idle instances ─▶ Evict ─▶ those to end, and the new clock
//	function, loads of nodes ─▶ Choose ─▶ a node, by consistent hashing and its load
//
// Nodes are not joined yet: simulations use the ring.
//
// It is arithmetic: no clock, log, lock or I/O. How many instances a function should
// have is scale's matter; ending them is the pool's.
//
// The value of an instance is that of Greedy-Dual-Size-Frequency caching as FaasCache
// (Fuerst and Sharma, ASPLOS 2021) applies it to functions that are kept alive:
//
//	value = clock + uses, decayed by age × cold cost in ms ÷ size in MiB
//
// What is used often, dear to start and small stays; what lies unused for long goes,
// because its clock stays behind: the clock of an instance is that of the node when
// it was last used, and the node's rises to the value of whatever is evicted.
package place
