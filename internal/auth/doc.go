// SPDX-License-Identifier: Apache-2.0

// Package auth tells who is calling a front: each authenticator of it looks for credentials
// of its own kind in a request, and gives a principal.
//
//	front.Auth ─▶ Build ─▶ Authenticator
//	request ─▶ Authenticate ─▶ principal           let in
//	                        ├▶ nothing             no credentials of this kind: ask the next
//	                        └▶ unauthenticated     bad ones; denied: good ones, not enough
//
//	keys     a table in memory (apikey)           hmac      as webhooks are signed (webhook)
//	basic    password hashes (password)           function  asks the user's own (authorizer)
//	mtls     the client's certificate (mutual)    jwt, login  packages below this one
//
// What a principal may do is not its business, except for scopes that an authenticator asks
// for: that is the route's, by expressions.
//
// Guarantees:
//   - Credentials are compared by digests and in constant time; an answer does not tell whether
//     a user or a key exists, nor does the time that it takes.
//   - A header that must be there once is refused when it is there twice.
//   - Passwords and keys are never kept as they are, nor logged, nor given to functions by us.
//   - Work is bounded: hashes at once, answers of functions, what is remembered.
//   - Nothing is read or written on the way of a request, unless a function is asked.
package auth
