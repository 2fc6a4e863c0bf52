// SPDX-License-Identifier: Apache-2.0

// Package router finds the route of a request.
//
//	host ─▶ exact name, else *.parent, else * ─▶ trie of that host
//	path ─▶ Clean ─▶ /orders/7 ─▶ orders ─▶ {id} ─▶ method ─▶ value
//	                 segment by segment: literal, then capture, then rest
//
// Of several patterns that match, the first wins that is better in this order: a pattern
// that names the host, one that names a wildcard, one that names none; from the left, a
// segment that is literal, one that is captured, the rest of the path; a pattern that names
// the method, one that takes all. A path that is matched for other methods only gives
// these.
//
// Paths that two programs may read differently are the way around a rule: what the router
// takes for /public/.. the function behind takes for /admin. So there is one form of a path,
// that Clean gives, which all that follows must use, and a path that can be read in several
// ways is refused unless all of them lead to the same route:
//
//	refused     a dot segment, also encoded or before ";" or next to %2F; a backslash, a
//	            control character or NUL, also encoded; bytes that are no UTF-8; a "%" that
//	            begins no escape
//	one route   %2F (data or a slash?), // (one slash or an empty segment?), ;x (a parameter
//	            or part of the name?)
//	the same    %7E and ~, %2b and %2B: Clean gives the shorter form, in upper case
//	ignored     one slash at the end, unless a pattern has it: /orders/ goes to /orders
//
// Letters of a path are told apart by case, those of a host are not.
//
// Guarantees. A Table never changes; Match may be called from any goroutine, takes one
// allocation at most for a path without escapes, and visits at most visitsMax nodes,
// whatever the routes are. Two patterns that match the same requests are an error of Add.
package router
