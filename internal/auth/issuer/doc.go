// SPDX-License-Identifier: Apache-2.0

// Package issuer knows who issues tokens: what an OpenID provider says of itself, and the keys
// that it signs with.
//
//	Issuer.Keys ─▶ fresh? ─yes─▶ keys
//	                 ├ stale ──▶ keys, and one fetch in the background
//	                 └ none ───▶ wait for one fetch ─▶ discovery ─▶ JWKS
//	Issuer.Renew ─▶ a token names a key that is not there: one fetch, every ten seconds at most
//
// It does not look at tokens (package jwt) and knows no sessions (package login).
//
// Guarantees:
//   - Keys are asymmetric, strong enough, and each serves the algorithms of its own kind only,
//     whatever a token says.
//   - However many requests wait, an issuer is asked once at a time, and not again for ten
//     seconds after it answered, five after it failed.
//   - Keys outlive an issuer that cannot be reached, for a day. A key that the issuer took back
//     goes within the hour, or sooner if the issuer says so by Cache-Control.
//   - Only https is spoken, or http on this machine; redirects are not followed. Link-local
//     addresses and those of clouds' metadata are never reached, and what a public issuer names
//     must be public, too: a document cannot send the node into its own network.
//   - Answers are bounded in bytes and time.
package issuer
