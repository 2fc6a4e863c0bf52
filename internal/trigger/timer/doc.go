// SPDX-License-Identifier: Apache-2.0

// Package timer fires the crons of what is live, and keeps a ledger of every due time.
//
//	catalog ─▶ heap of next times ─▶ one alarm ─▶ decide ─▶ claim ─▶ queue.Push ─▶ confirm
//	                 ▲                              │ ran, late, skipped, missed
//	                 └──────── next due time ◀──────┴─▶ ledger (bucket crons)
//
// It does not execute anything: an event that is due is accepted by package queue, which
// retries, orders and bounds it as any other. When a cron is due is package cron's to
// say, what time it is package clock's.
//
// A due time is claimed in the ledger by compare-and-set before its event is pushed, and
// confirmed after it. The event's identity is made of function, trigger and due time.
//
// Guarantees:
//   - A due time fires one event, however many nodes watch the same ledger. A crash
//     between claim, push and confirmation neither loses it nor fires another.
//   - Every due time is in the ledger with its outcome, and why; of each cron the newest
//     200 entries are kept. Due times of which nothing came because no node ran are
//     found when one runs again, and are caught up as the cron says.
//   - A ledger outlives changes of its expression and rollbacks; it ends with its function.
//     What is due once (at) fires once, however often it is deployed.
//   - A cron that is not due costs memory only: no goroutine, timer or consumer of its own.
package timer
