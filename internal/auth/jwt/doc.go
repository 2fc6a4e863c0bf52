// SPDX-License-Identifier: Apache-2.0

// Package jwt lets in who bears a signed token of an issuer: a JSON Web Token.
//
//	request ─▶ header or cookie ─▶ known already? ──────────yes──────────▶ principal
//	                                  │no                                      ▲
//	                                  └▶ parse ─▶ key ─▶ signature ─▶ claims ──┤
//	                                                                    └▶ scopes missing: denied
//
// Where keys come from is the business of package issuer. What claims allow is that of routes.
//
// Guarantees, those of RFC 8725:
//   - A token is read by one parser, once, and what was verified is what is used.
//   - A token chooses neither the algorithm nor the key: the front lists algorithms, all of
//     them asymmetric, and a key serves those of its own kind. There is no none, no shared
//     secret, no key in a header (jwk, jku, x5u) and no critical extension that is passed over.
//   - Issuer, audience and expiry are always there and always checked.
//   - A token that is bound to a certificate is good with that certificate only. One that is
//     bound to a DPoP key is refused, rather than taken without its proof.
//   - A verdict is remembered by the token's digest for as long as token and keys are good; it
//     goes as soon as the issuer's keys change. Memory is bounded.
//   - A refusal says what is wrong with the token, and nothing about keys.
package jwt
