// SPDX-License-Identifier: Apache-2.0

// Package notice knows who is to hear of a bucket's changes by what is kept with the
// bucket itself: S3's notification configuration.
//
//	Parse ◀── XML of a client ──▶ Check: ids, events, filters, overlaps ──▶ kept with the bucket
//	                                                                              │
//	Board.Triggers(function) ◀── in memory, by function ◀── read again at each change
//	Board.Of(project)        ◀── what goes onto queues, too
//
// The manifest's triggers are part of a revision; these are not: they live and die with
// the bucket's document. It copies no events (package trigger does), and does not know
// which functions and queues exist.
//
// Guarantees:
//   - What Parse returned can be written as XML again and read to the same.
//   - A rule has the same trigger's name for as long as its bucket and its id are the same,
//     over restarts. No trigger of a manifest has such a name.
//   - A rule only reaches functions and queues of its bucket's project.
//   - The watcher is called after the board has the change, before the change of the
//     bucket returns to who made it.
//   - Triggers takes no lock and does no I/O.
package notice
