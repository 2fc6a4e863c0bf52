// SPDX-License-Identifier: Apache-2.0

// Package wire is how the nouns of the management API that have a package of their own read
// requests and write answers.
//
//	api.routes ◀── Routes() of api/fronts and its like: patterns and handlers
//	handler    ──▶ Decode, Query ─▶ … ─▶ WriteJSON, or an error: api maps its kind
//
// Tokens, limits, deadlines, problems and the log are api's, in one place.
package wire
