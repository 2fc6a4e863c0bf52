// SPDX-License-Identifier: Apache-2.0

// Package index knows in memory which versions the keys of a bucket have.
//
//	Apply, Forget ─▶ tree of keys ─▶ versions, the newest first
//	Find, Stored ◀───────┤
//	Page ◀───────────────┘ from a key on, common prefixes jumped over
//
// It holds what lists and conditions need; the rest of an object is in its record, whose
// sequence it knows. Package blob fills it from the records and decides what they mean.
//
// Guarantees:
//   - Keys are in the order of their bytes.
//   - A page is as of several moments when it looks at many keys: writers get their turn
//     in between. What stays in place all the while is told once.
//   - A key takes about 150 bytes beside its own.
//   - An Index may be used from any goroutine.
package index
