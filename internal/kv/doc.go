// SPDX-License-Identifier: Apache-2.0

// Package kv keeps the values of projects: small byte strings under keys, in buckets,
// with versions, expiry, counters and watching.
//
//	Put Delete Increment ─▶ the key's turn ─▶ check the condition ─▶ record in VALUES ─┐
//	            ▲                                                      (durable)       │
//	       expiry, when due                      acknowledge ◀─ Emit, if wanted ◀──────┤
//	Get ◀─ VALUES: the newest message of the key                                       ▼
//	List, Buckets ◀────────────────────────────────────────── index: keys, in order, in memory
//	Watch ◀─ VALUES: a consumer of the bucket's subjects
//
// VALUES is the truth; the index of keys is rebuilt from it by Open. It is not the place
// for anything large (package blob) nor for records of the platform itself (package store).
//
// Guarantees:
//   - What was acknowledged survives kill -9, as package bus promises.
//   - The changes of one key happen one after the other, each on what the one before it
//     left: a condition (a version, or absence) and an increment hold also when many ask
//     at once. Versions grow over the whole node, whatever the key.
//   - A value that has expired is not seen by any reader from that moment on. It is
//     deleted, and told of as deleted, within a second while the node runs, and at the
//     next start otherwise. Put again before that, it is not told of as deleted.
//   - When a bucket is wanted (Emitter.Wants), each change becomes an event: those of one
//     key in order, none left out, at least once. An event that could not be told at
//     once is owed: the record says so, and the next change of that key waits until it
//     is told. After a crash the events of the last second may be told again; such a
//     repeat has the same identity as the first.
//   - A watcher sees the changes in the order of versions. It may miss a value that was
//     replaced before the watcher came to it, never the newest; a deletion is told for
//     an hour, or until a hundred thousand others followed it.
//   - A bucket is there as long as it holds a value. Projects do not see each other.
//
// Its methods may be called from any goroutine.
package kv
