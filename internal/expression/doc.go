// SPDX-License-Identifier: Apache-2.0

// Package expression evaluates expressions over an HTTP request: who may use a route, what
// is counted, how a request becomes a function's and an answer the caller's.
//
//	text ── Compile(kind, phase) ──▶ Expression ── Bool, Text, Value(input) ──▶ result
//	        {"id": path.id, "user": jwt.sub}      └ makes only the variables that are used
//
// The language is the Common Expression Language. Its variables:
//
//	request   method, path, host, scheme, address, id
//	path      what the route captured, by name
//	query     the first value of each parameter; queries: lists of all
//	header    the first value of each header, by name in lower case; headers: lists
//	cookie    cookies by name
//	body      what JSON or a form says, else text
//	principal who is calling, or null; jwt its claims, key its API key
//	now       the time
//	response  status, header, headers and body: of an answer, in the phase of one
//	error     kind, message, hint, invocation and status: in the phase of an error
//
// Expressions and requests come from strangers, so both are bounded: the length and depth of
// a text, what one evaluation may cost, and how large a result may be.
//
// Guarantees. An evaluation has no effect and does no I/O; an Expression may be used from any
// goroutine. The error of a bad text says where it is wrong, as line and column.
package expression
