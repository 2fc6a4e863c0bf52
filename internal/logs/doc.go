// SPDX-License-Identifier: Apache-2.0

// Package logs keeps what functions print and what is known of each invocation and event: the
// newest in memory, the rest on the bus until it is too old or too much.
//
//	Append ─┐    ┌─ shelf of a function ─┐        every 200 ms
//	Record ─┼──▶ │ lines ○○○○  records ○○ │ ──▶ batch ─▶ compressed ─▶ stream LOGS
//	Event ──┤    └───────────┬───────────┘                               │
//	        └─▶ totals       ├──▶ followers                              │
//	Find, Lines, Records,    │                                           │
//	FindEvent, Events ◀──────┴───────────────────────────────────────────┘
//
// It does not decide what is logged, and it is no place for the platform's own log.
// A record or an event given to it, or got from it, is shared: nobody may change it any more.
//
// Guarantees:
//   - Append, Record and Event do no I/O and never wait for a reader or for the disk.
//   - Functions do not crowd each other out. Each has a shelf of its own with a bound on
//     lines, records and bytes; when memory is short every shelf is cut down to an
//     equal share. Lines beyond what a shelf takes between two flushes are dropped and
//     counted, and the count appears among the lines.
//   - Memory is bounded: twice Config.MemoryBytes and Config.EventBytes for what is on
//     shelves, none of which takes the other's, and at most
//     8 MiB beside it, for shelves themselves, batches and followers.
//   - What was flushed survives a crash as package bus promises. A kill -9 loses what
//     came since the last flush (200 ms), and five seconds of Totals.
//   - Of an event the latest snapshot counts, over flushes and restarts.
//   - Lines of one function come in the order in which they were appended, each once.
//   - A follower that is slow loses lines and is told how many; it delays nobody.
//   - Calls that reached no revision share one shelf: names that strangers make up take
//     no room from those that exist.
package logs
