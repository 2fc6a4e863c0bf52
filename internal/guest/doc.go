// SPDX-License-Identifier: Apache-2.0

// Package guest is the host's side of a conversation with one sandboxed process: it
// makes an instance out of a stem and exchanges calls for answers.
//
//	Conn ── Hello ─▶ Specialise ─▶ Exchange, Exchange …   frames on descriptor 3
//	Server ───────── Await ──────▶ Exchange, Exchange …   HTTP to $PORT in the box
//
// Both stream bodies in both directions with bounded memory: a slow client stops the
// guest, a slow guest stops the client. What the guest says is never trusted: sizes,
// states and headers are checked, and a breach ends the connection.
//
// Package guest does not start, limit or end processes (sandbox) nor choose which
// instance serves a call (pool). The guests themselves are guest/python, guest/node
// and guest/stdio; docs/formats/frames.md is the protocol.
package guest
