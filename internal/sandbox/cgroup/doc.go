// SPDX-License-Identifier: Apache-2.0

// Package cgroup gives each box a control group in every hierarchy that this host has:
// version 2, version 1, or both side by side.
//
//	Open ─▶ find hierarchies ─▶ sweep what is left ─▶ groups made ahead
//	Acquire ─▶ Group: Limit, Join, Freeze ⇄ Thaw, Usage, Kill ─▶ Remove
//
// Where both versions are mounted, limits go where their controller is, and freezing
// and killing to version 2, which does both better. Without root it uses the group
// that was delegated to this process, and otherwise does nothing and says why.
//
// Package cgroup makes no processes. Guarantees: groups of an earlier life are empty
// and gone when Open returns; a Group holds two descriptors; nothing of ours is left
// after Close.
package cgroup
