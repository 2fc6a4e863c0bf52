// SPDX-License-Identifier: Apache-2.0

// Package schema checks requests and answers against JSON Schemas (2020-12), as the key
// validate of a route says.
//
//	path, query, header, cookie ─▶ styles ─▶ types ─┐
//	body ─▶ media type ─▶ JSON, form or text ───────┴─▶ schema ─▶ []Field ─▶ Problem
//
// Schemas are compiled by a library and turned into a tree of our own, which is what
// requests are checked with: a caller sends what is checked, so the work must be bounded by
// the size of the request, whatever the schemas are.
//
// JSON is read as I-JSON (RFC 7493): a name that is there twice, half a surrogate pair or a
// number that no other program could read is refused, because what the function reads would
// not be what was checked. So is a parameter that is given twice and is no list.
//
// Guarantees: a Schema does not change and may be used by many at once. No check does input
// or output. Depth, values, steps and reported fields are bounded; patterns take linear time
// (RE2), so those with look-around or back references are refused when compiled.
package schema
