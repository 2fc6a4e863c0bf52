// SPDX-License-Identifier: Apache-2.0

// Package invoke is the narrow waist: every call of a function passes through it,
// whatever caused it.
//
//	Invoke ─▶ resolve revision ─▶ check limits ─▶ Executor.Execute ─▶ Result
//	                                                    Body.Close ─▶ record
//
// Nothing persistent happens before the answer; the record of the call is handed to
// the recorders, which must not block, when the answer's body is closed.
//
// Invoke does not know HTTP status codes of errors (doors do) nor instances (pool).
package invoke
