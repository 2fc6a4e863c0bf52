// SPDX-License-Identifier: Apache-2.0

// Package trigger copies events to the work of the functions that want them.
//
//	catalog: which triggers are live ──▶ one copier for each that takes a queue's
//	                                     messages, or changes of objects or values
//	topic: events of its source ── read behind its cursor ──▶ match: names, prefix, suffix,
//	                                                          filter
//	                                              ──▶ queue.PushAll ──▶ advance the cursor
//
// Each trigger has a cursor of its own, so several functions see the same message, and
// one that is slow holds up no other. A cursor is placed when its trigger first goes
// live, stays over deploys that keep the trigger, and goes with it. Timers and webhooks
// are packages trigger/timer and trigger/hook: they have no source to follow.
//
// Guarantees:
//   - Every event of a source that matches is in the work of the function at least
//     once: the cursor moves after the copy is durable. What a crash makes be copied
//     twice is known by its sequence and dropped, unless it was executed already.
//   - Copies are in the order of the source.
//   - A lane without room stops its copier, not the source: the rest waits in topic.
//   - An event that a filter cannot be applied to, or that the function's limits refuse, is
//     passed over, counted, and the reason kept for Status.
//   - When Settle returned, everything published from then on is seen by the triggers of
//     that function's live revision.
//   - Replay copies again what is kept and moves no cursor.
package trigger
