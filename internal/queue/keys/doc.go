// SPDX-License-Identifier: Apache-2.0

// Package keys remembers idempotency keys: which event each became, for a time.
//
//	Lock ─▶ Get ─▶ none ─▶ Create ─▶ (the event is written) ─▶ Accept
//	           ├─▶ pending: a crash came between; the caller looks whether the event is there
//	           └─▶ accepted: a duplicate
//
// It does not write events, nor look for them.
//
// Guarantees: of those who hold a key's lock there is one in this process; what Create and
// Accept wrote survives kill -9; a record vanishes when its window is over.
package keys
