// SPDX-License-Identifier: Apache-2.0

// Package cache keeps answers as a shared cache does: RFC 9111.
//
//	request ─▶ kept and fresh? ─yes─▶ answer (304, a part, only the head)
//	             │ stale, and may be used ─▶ answer, and ask in the background
//	             └─ no ─▶ somebody asks already? ─yes─▶ wait for that answer
//	                          └─no─▶ next ─▶ recorder ─▶ the client, as it comes
//	                                             └─▶ kept, when it is whole and may be
//
// What makes one answer differ from another is the route, scheme, host, path, query, the
// route's own expressions and what the answer varies by. Whatever else could steer the target
// and is in no key, it does not see; a request with a body is never answered from here.
//
// Guarantees:
//   - An answer with Set-Cookie, to a request with credentials, or one that its target calls
//     private, never reaches another caller, unless the target says that it may.
//   - An answer that broke off is not kept. Nor is one that was on its way when it was purged.
//   - Memory is bounded, in bytes, for what is kept and what is on its way. Of n
//     projects that want more than there is each has an nth; answers that were used again go
//     after those that were not.
//   - Of concurrent requests for one answer one asks the target; when that one goes away or
//     fails the next does. Answers that may not be kept hold up nobody.
//   - Clients cannot make the cache ask the target: their Cache-Control is not looked at.
//
// It keeps nothing on disk, and nodes have caches of their own: Purge is for one node.
package cache
