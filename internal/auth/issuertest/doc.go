// SPDX-License-Identifier: Apache-2.0

// Package issuertest is an issuer of tokens for tests: a server with metadata, keys that can
// be changed, and a signer that signs whatever it is told to.
//
//	Start ─▶ https://127.0.0.1:PORT ─▶ /.well-known/openid-configuration, /keys
//	Issuer.Sign(key, claims) ─▶ token
//
// It signs with go-jose, so that nothing it makes is made by what it tests. It is not a
// provider: nobody can log in there.
package issuertest
