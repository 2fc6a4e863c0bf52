// SPDX-License-Identifier: Apache-2.0

// Package cors lets pages of other origins use a route, as the Fetch standard has it.
//
//	OPTIONS with Origin and Access-Control-Request-Method ─▶ Preflight ─▶ 204 or 403
//	any other request ─▶ the route ─▶ Apply to the answer's head
//
// Origins are compared exactly; "https://*.example.com" stands for every name one label
// below, as a host of a front does. The origin null is everybody's, of any sandboxed frame,
// so only "*" lets it in. What the target itself says of CORS is replaced. Every answer of
// the route varies by Origin, unless all origins get the same.
//
// It protects nobody from requests: a browser hides answers from pages that may not see
// them, and that is all.
package cors
