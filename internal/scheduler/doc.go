// SPDX-License-Identifier: Apache-2.0

// Package scheduler is the loop that keeps the right number of instances.
//
//	every tick: pool.Observe ─▶ scale.Decide ─▶ pool.Resize
//
// Calls do not wait for it: the pool starts what a waiting call needs at once. The
// loop keeps minimums warm and ends what has idled too long. It holds no state of its
// own and decides nothing: scale does.
package scheduler
