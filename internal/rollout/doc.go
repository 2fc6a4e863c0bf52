// SPDX-License-Identifier: Apache-2.0

// Package rollout takes uploaded source to live calls, and back again.
//
//	Deploy ─▶ build ─▶ publish revision ─▶ start one instance ─▶ activate ─▶ retire old
//	                                          └ not ready: discard; the old one serves on
//	Rollback ─▶ start one instance of the older revision ─▶ activate
//
// The switch is atomic and no call fails because of it: calls that hold the old
// revision end on it, new ones get the new one, whose first instance is warm by then.
// Deploys of one function run one after the other; of different functions, together.
//
// Rollout does not know how code is built (build) nor what a revision's record looks
// like on disk (catalog).
package rollout
