// SPDX-License-Identifier: Apache-2.0

// Package event turns HTTP requests into the events that function platforms call their
// handlers with, and what handlers return into HTTP answers.
//
//	request head + body ── Encode, Params ──▶ event (JSON) ──▶ handler
//	status, headers, body ◀── Decode, ParamsAnswer ── result (JSON) ◀──┘
//	                      ◀── ReadPrelude ── prelude, 8 NUL bytes, body (streamed)
//
// The forms are AWS's payloads 2.0, 1.0 and those of its load balancer, and OpenWhisk's
// web actions. The guests of Python and Node do the same in their own languages;
// testdata holds the cases in which all must agree.
//
// Guarantees. Nothing here reads or writes anything but its arguments, any result is
// either an answer that HTTP can carry or Malformed, and memory is a small multiple of
// what was given.
package event
