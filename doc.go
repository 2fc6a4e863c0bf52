// SPDX-License-Identifier: Apache-2.0

// Package dayfly is the vocabulary of the platform: the nouns that every other
// package speaks of, the rules of their identities, and the kinds of errors.
//
//	Project ─┬─ Function ─── Revision ─── Bundle
//	         │      ▲ Alias ────┘
//	         └─ Invocation ──▶ Result (or Failure) ──▶ Record
//
// It holds no behaviour beyond parsing, validating and printing these nouns, and
// imports the standard library only. Engines, stores and doors live in internal/.
//
// Values are plain data. A *Revision is immutable once published and may be shared
// between goroutines; an *Invocation belongs to the call that made it.
package dayfly
