// SPDX-License-Identifier: Apache-2.0

// Package blob keeps the objects of buckets: bytes under a key, written whole or not at
// all, and told to whoever wants to know.
//
//	Put, Complete ─▶ data file, fsync ─┐   ┌─ condition met? (lock of the key)
//	Copy ─▶ hard link ─────────────────┼──▶┤─ record ─▶ OBJECTS: the one commit
//	Delete, SetTags ───────────────────┘   └─ index ─▶ Emitter ─▶ acknowledged
//	Open, Stat, List ◀── index (memory) ◀── OBJECTS, read at Open
//
// The stream OBJECTS is the truth: one message for each version of an object, for each
// multipart upload and each part. An index in memory, ordered by key, is made of it at
// Open. Data is in files that are named by random identities, never by keys; objects of
// few bytes are inside their record. It knows nothing of HTTP, signatures or XML.
//
// Guarantees:
//   - What Put, Complete, Copy and Delete acknowledged survives kill -9, whole. What was
//     not acknowledged is there whole or not at all. After a loss of power the records
//     of the last 100 ms may be missing, as package bus says; never half an object.
//   - A condition (IfNoneMatch, IfMatch) is judged at the commit: of two writers that
//     ask for the same, one succeeds.
//   - The changes of one key are told in their order, each at least once, before it is
//     acknowledged or, after a crash, by Run. Sequencers grow with each change.
//   - A reader that was opened reads that version to its end, also when it is replaced
//     or deleted meanwhile.
//   - Memory does not grow with the size of objects; it grows with their number.
//   - Lists are in the order of the keys' bytes.
//   - A Store may be used from any goroutine. A context that ends stops what waits for
//     data; a commit under way is finished.
package blob
