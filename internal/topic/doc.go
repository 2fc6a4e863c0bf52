// SPDX-License-Identifier: Apache-2.0

// Package topic keeps events in order, for anyone who reads them, for a time.
//
//	Publish (a queue's messages) ──┐                  ┌─▶ Read: from a cursor, a sequence,
//	Emit (changes of objects and ──┼─▶ EVENTS stream ─┤        or a time
//	      values, if wanted)       │                  └─▶ swept: past retention, or short of
//	Define, Ensure, Remove ─▶ queue records               room and passed by every cursor
//
// A source is what events are of: a queue, a bucket of objects, a bucket of values. Each
// has one subject of the stream. A cursor is a durable position in one source, with
// an owner who advances it: topic keeps it and does not drop what it has not passed, but
// copies nothing. Filters, functions and triggers are package trigger's.
//
// A cursor is a record, not a consumer of the server: a reader that starts again goes
// on exactly behind what it advanced over, with nothing redelivered out of order, and a
// cursor that nobody moves costs nothing.
//
// Guarantees:
//   - What Publish and Emit returned without error is durable as package bus promises.
//   - The events of one source are read in the order in which they were acknowledged;
//     those of one Publish in their order.
//   - Two events of one source with the same ExtensionDedupe, less than DedupeWindow
//     apart, are kept once.
//   - An event goes only when its retention is over, or when the stream is short of room
//     and every cursor of its source has passed it. A stream that is full with what is
//     still to be read refuses more: kind exhausted.
//   - Who watches a source is woken after each event of it; wakes may be spurious.
//   - No text of a user gets into a subject unescaped.
package topic
