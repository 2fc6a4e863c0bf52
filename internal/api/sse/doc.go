// SPDX-License-Identifier: Apache-2.0

// Package sse writes server-sent events, as browsers read them.
//
//	Put ─▶ event: NAME, id: NUMBER, data: JSON ─▶ flushed
//	Beat ─▶ a comment: the connection lives
//
// The head of the answer goes out with the first of them. A reader that takes nothing for
// too long ends the stream with an error.
package sse
