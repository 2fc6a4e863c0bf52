// SPDX-License-Identifier: Apache-2.0

// Package login sends browsers to an OpenID provider and knows them by a cookie afterwards.
//
//	page, no session ─▶ Start ─▶ provider: "who are you?" ─▶ PATH/callback ─▶ the page again
//	                     │ flow cookie: state, nonce,            │ code for tokens, with PKCE
//	                     └ verifier, where to go back            └▶ session cookie
//	page, session    ─▶ Authenticate ─▶ principal, with the claims of the user
//	POST PATH/logout ─▶ the session ends, here and at the provider if it has a way
//
// It is the authorization code flow with PKCE, state and nonce, of RFC 9700. Who may do what
// is the business of the route.
//
// Guarantees:
//   - The cookies are encrypted, HttpOnly and SameSite=Lax; over TLS they are Secure and have
//     the prefix __Host-, and no other is taken. One that was made for something else, for
//     another project, authenticator, issuer or client, or was changed, is none.
//   - A session gets a new identity at each login, and lives no longer than the front says.
//     One that logged out is refused, also as a copy and after a restart.
//   - A callback is taken within ten minutes, from the browser that started it, once there.
//   - Browsers go back to a path of the host that they came from, and nowhere else.
//   - With refresh tokens, a provider that ends a session ends it here when the access token
//     would have: within the hour. While the provider cannot be reached, sessions live on.
//   - Cookies hold twelve KiB in all. The ID token, a hint for logging out, is left
//     out first; beyond that the login fails, and claims are never cut.
package login
