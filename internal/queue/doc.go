// SPDX-License-Identifier: Apache-2.0

// Package queue executes events durably: what it accepted is executed until it
// succeeded or is given up as a dead letter, also over crashes.
//
//	Push ─▶ WORK ─────────▶ lane ─▶ attempt ─▶ Invoker (the same code as HTTP)
//	  │   work.P.F.LANE      ▲         ├─ ok ───────▶ gone; success destination
//	  │                      │ due     ├─ retryable ─▶ LATER, after a wait
//	  └─▶ LATER ─────────────┘         └─ given up ──▶ DEAD; failure destination
//	      later.P.F.LANE.ID
//
// A lane is a function's line of events of one origin: "-" for plain asynchronous calls,
// else the name of a trigger, whose batch, order and concurrency are the lane's. The
// events of one lane do not wait for those of another.
//
// It does not know what events look like to functions (package envelope), nor which
// events a trigger wants (package trigger).
//
// Guarantees:
//   - Push returns when the event is on disk as package bus promises: kill -9 does not
//     lose it. It is executed at least once; a crash repeats attempts that were under
//     way, and no others.
//   - One idempotency key is accepted once within its window, also over crashes.
//   - A retry is counted when the function failed, never when the platform did.
//   - An ordered lane runs the events of one key one after the other, over failures
//     and crashes; different keys run at once.
//   - Lanes, bodies, attempts, waits and executions are bounded. A full lane refuses
//     with kind exhausted.
//   - An event that waits for its time is on disk, and on time to the millisecond.
//   - Every goroutine ends with Run.
package queue
