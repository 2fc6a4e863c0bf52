// SPDX-License-Identifier: Apache-2.0

// Package turn lets things of one key come one after the other, and those of different
// keys side by side.
//
//	Arrive ─▶ its key is free: now          Release ─▶ what waited: Next, then Admit
//	        └ it is in use: it waits
//
// It is pure and not guarded: its user holds a lock.
package turn
