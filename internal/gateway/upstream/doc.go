// SPDX-License-Identifier: Apache-2.0

// Package upstream hands requests on to other servers: the target "url" of a route.
//
//	dayfly.Request ─▶ URL from the template ─▶ head without what is the connection's
//	     └ body ─────────────────▶ HTTP/1.1, HTTP/2 or h2c ─▶ server
//	dayfly.Result ◀── head, body and trailers as they come ◀───┘
//
// It answers as a function does, with a Result, so that all that a route does with answers
// works for both: mapping, caching, compression, WebSockets.
//
// Both directions stream at once: gRPC passes as it is, with its trailers, to https by what
// TLS negotiates and to http as HTTP/2 with prior knowledge. Upgraded connections go over
// HTTP/1.1. Bodies are handed on as they are, compressed or not, and nothing is guessed about
// them. Redirects are the caller's to follow; one to the server's own address is told as an
// address of the route where that can be said.
//
// Who may write routes holds the node's token, so loopback and private addresses are allowed;
// those of link-local and of clouds' metadata never are, whatever a name resolves to, since
// what answers there trusts whoever reaches it. A request that went through Dayfly too often
// is refused: it goes in a circle.
//
// Bounds: the wait for a connection and for the head of an answer, the size of that head, how
// long nothing moves on an answer, connections per server. What ends a call before its head is
// an error of a kind; after it, the body's Read fails.
package upstream
