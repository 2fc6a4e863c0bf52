// SPDX-License-Identifier: Apache-2.0

// Package api is the management door of a node: the HTTP API that the command line,
// the Go client and the console speak.
//
//	request ─▶ origin, token ─▶ slot ─▶ deadline ─▶ handler ─▶ JSON, or a stream
//	                                                  └ error ─▶ problem (status.go)
//
// routes.go is its table of contents, docs/formats/management-api.md its description
// and /v1/openapi.json the same for machines.
//
// Guarantees. Nothing but GET /health answers without the token. A body that holds an
// unknown field, or more than its bound, changes nothing. Every answer that is not a
// success is application/problem+json and carries a kind; what is internal is logged
// and not shown. A stream ends with an explicit last line, so that a cut connection is
// never taken for success. Requests of each class are bounded; past the bound they are
// refused at once, with Retry-After.
//
// Package api does not decide anything about functions: rollout, catalog, pool and
// invoke do. It does not listen: node owns the socket.
package api
