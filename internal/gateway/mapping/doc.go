// SPDX-License-Identifier: Apache-2.0

// Package mapping changes requests before they go to their target, and answers and errors on
// their way back, as a route says.
//
//	front.Request ─ CompileRequest ─▶ Request ─ Apply ─▶ path, query, header, body, event
//	front.Response ─ CompileResponse ─▶ Response ─ Head, Body ─▶ status, header, body
//	                                             └ Error ─▶ what is told in its place
//	route, params, principal ─ Tell ─▶ X-Dayfly- headers
//
// Expressions see the request and the answer as they came, whatever else is changed.
//
// Guarantees. What comes out is a request or an answer that HTTP can carry: a header never
// holds a line break, a path is one that the router would take. An error of compiling is a
// *front.Problem with a path below the section; one of applying is of kind invalid and has
// changed nothing. Compiled mappings may be used from any goroutine.
package mapping
