// SPDX-License-Identifier: Apache-2.0

// Package clock is the platform's time, which a developer may put forward.
//
//	Now ◀─ real time + what Advance added
//	Alarm.Set(at) ─▶ time passes, or Advance ─▶ Ring ─▶ its owner's loop ─▶ Done
//
// Everything that happens at a time which a user wrote down asks this clock. A timeout, a
// pause or a measurement is real time and has no business here.
//
// A node's clock is real. That of a node for development is virtual: it starts at the real
// time and runs on with it, and Advance jumps. While Advance runs, time stands still at
// each alarm in turn, so that what an alarm fires sees its own moment.
//
// Guarantees:
//   - Alarms that Advance passes ring in the order of their times, one after the other:
//     the next one rings when the owner of the last has called Done, and an alarm that it
//     set meanwhile is part of the order.
//   - Time never goes back by what this package does, and an alarm never rings early. A
//     host whose time is set back or sleeps is noticed within a minute.
//   - An alarm costs one timer of the runtime, and nothing while it is not set.
package clock
