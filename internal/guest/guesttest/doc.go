// SPDX-License-Identifier: Apache-2.0

// Package guesttest boots guests for their tests, and calls them through the host's own
// side of the protocol.
//
//	Boot(t, "ruby", "guest.rb") ─▶ socketpair ─▶ hello ─▶ Become(revision) ─▶ Call(request) …
//
// Guarantees. The process has ended by the end of the test, and must have ended by itself
// once its connection was closed. What it logged can be read after each call.
package guesttest
