// SPDX-License-Identifier: Apache-2.0

// Package policy says how a lane is executed just now, by what the function's live revision
// and the trigger of the lane say.
//
//	lane ─▶ live revision ─▶ its trigger, or a bucket's own ─▶ Policy: batch, order, how
//	                                                           many at once, retries
//
// It asks memory only, and keeps nothing: whoever executes asks before each execution.
//
// Guarantees: a lane whose function or trigger is gone is told apart from one that waits; an
// ordered source is ordered whatever its trigger says.
package policy
