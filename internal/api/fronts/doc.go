// SPDX-License-Identifier: Apache-2.0

// Package fronts is the part of the management API that publishes fronts, and says which
// route a request takes.
//
//	PUT …/front ─▶ decode, check ─▶ Keep secrets ─▶ Compile ─▶ catalog ─▶ served
//	GET …/front ◀─ secrets redacted             GET …/routes/match ◀─ why this route
//
// A front that does not compile changes nothing. When the answer to a PUT is given, the
// gateway serves the front: no request that comes later sees the one before.
package fronts
