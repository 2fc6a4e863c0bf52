// SPDX-License-Identifier: Apache-2.0

// Package gateway is the public HTTP door: it finds the function that a request is
// for, invokes it and streams the answer.
//
//	/function/NAME[.PROJECT]/any/path ─┐
//	NAME.PROJECT.localhost/any/path ───┴▶ Invoke ─▶ head, body, trailers ─▶ client
//	  with X-Dayfly-Invoke: async ─────┐
//	/async-function/NAME/any/path ─────┴▶ queue.Push ─▶ 202, once it is on disk
//
// Every response carries X-Dayfly-Invocation, or X-Dayfly-Event. Bodies stream in both directions;
// upgraded connections (WebSocket) are spliced. An error kind becomes a status by
// the one table in answer.go, told as JSON with a message and a hint, never with an
// inner cause.
//
// Gateway does not know revisions or instances (invoke), and serves no management
// (api). It trusts no client: heads are bounded, slow ones are cut off, and
// X-Forwarded headers are set from the connection, not believed.
package gateway
