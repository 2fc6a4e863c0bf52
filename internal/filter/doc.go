// SPDX-License-Identifier: Apache-2.0

// Package filter says whether an event is one that somebody wants.
//
//	text ── Compile ──▶ Filter ── Match(event) ──▶ yes, no, or why it cannot be said
//	        CEL:      event.type == "order.paid" && event.data.total > 100.0
//	        pattern:  {"type": ["order.paid"], "data": {"total": [{"numeric": [">", 100]}]}}
//
// A text that begins with "{" is a pattern as Amazon EventBridge has them; any other is
// an expression of the Common Expression Language over the variable event: id, source,
// type, subject and time, data (what its JSON says, or its text, or its bytes) and
// attributes (all others, by name).
//
// Texts and events come from strangers, so both are bounded: the length and depth of a
// text, and what one Match may cost. Nothing of CEL is made before the first expression
// is compiled.
//
// Guarantees: Match has no effect and does no I/O; it may be called from any goroutine.
// The error of a bad text says where it is wrong, as line and column.
package filter
