// SPDX-License-Identifier: Apache-2.0

// Package store keeps small versioned records that are changed by compare-and-set and
// can be watched.
//
//	Create, Update, Delete ─▶ one bucket, ordered ─▶ Watch: all there is, then each change
//	Get, List ◀──────────────┘
//
// A key is a path, "function/default/thumbnail"; a prefix is some of its leading
// segments. A value is up to 512 KiB of anything.
//
// It does not know what records mean, and makes no change of two keys at once: who
// needs that writes the records in an order that is right after each step.
//
// Guarantees:
//   - Versions grow with every write of the bucket, over all keys: they order changes.
//   - A write that returned without error is durable as package bus promises.
//   - Of two updates from one version, one succeeds and the other is a conflict.
//   - A watcher sees the changes of the bucket in their order. Where a key changed
//     more than once it may see the last value only; it never sees an older one after.
//   - A Store may be used from any goroutine.
package store
