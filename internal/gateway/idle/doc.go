// SPDX-License-Identifier: Apache-2.0

// Package idle ends streams on which nothing moves any more: WebSockets, event streams, and
// answers of servers that went silent.
//
//	reader ◀── Read ──┐
//	                  stream ── nothing either way for the span ──▶ Close, Read gives ErrIdle
//	writer ─── Write ─┘
//
// A byte in either direction keeps a stream alive. Read and Write cost a clock reading each;
// one timer per stream does the rest. A stream is closed once, whoever asks first.
package idle
