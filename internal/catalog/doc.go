// SPDX-License-Identifier: Apache-2.0

// Package catalog knows every function, its revisions and which of them is live.
//
//	Publish, Activate, Rollback, Remove ─▶ store ─▶ watch ─▶ snapshot ─▶ Watch callbacks
//	Resolve, Function, Functions ◀───────────────────────────┘
//
// A deploy is two steps: Publish writes an immutable revision and gives it its number;
// Activate makes it live once it has answered its readiness check, or Discard takes
// it away again. Catalog does not build, start or check anything, and it holds no
// bundles: it names them by digest.
//
// Guarantees:
//   - Resolve does no I/O, takes no lock and allocates nothing.
//   - A *dayfly.Revision is immutable and shared; the same revision is the same pointer
//     for as long as it exists.
//   - What a method returned is durable as package bus promises, and what it did is
//     seen by every later call on this node.
//   - Making a revision live is one atomic write: every call gets the old or the new
//     one, also across a crash.
//   - A number is never used for two revisions, not even after a function was removed.
//   - Watch callbacks come in the order of changes, after the snapshot has them. A
//     callback that is slow delays no one else; it misses steps in between, never the
//     last one.
package catalog
