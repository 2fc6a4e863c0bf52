// SPDX-License-Identifier: Apache-2.0

// Package pace decides how many executions of a lane run at once, and how long to wait
// before another attempt.
//
//	pace measured ─▶ Window ─▶ more room while that helps, half of it without capacity
//	attempts, policy, what the function asked for ─▶ Backoff ─▶ a wait, with jitter
//
// It is pure but for chance: no clock, no waiting, no lock; who uses it guards it.
//
// Guarantees: a window has room for one at least, and never for more than the lane's most; a
// wait is never longer than the policy's, but for what the function asked for, which is
// bounded.
package pace
