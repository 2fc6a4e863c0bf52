// SPDX-License-Identifier: Apache-2.0

// Package apikey keeps the API keys of projects: made here, told once, and known again.
//
//	Create, Rotate ─▶ store: digests ─▶ watch ─▶ table in memory
//	Revoke ─────────▶        (bucket apikeys)          ▲
//	                              text of a key ─▶ Verify ─▶ key, or unauthenticated
//
// The text of a key is dfk_ID_SECRET: the identity stays when a key is rotated, the secret is
// 260 random bits. What is kept of the secret is its SHA-256: a slow hash protects what people
// can guess, and nobody guesses these. Where a request carries a key is package auth's.
//
// Guarantees:
//   - The text of a key is in no record, log line or error.
//   - Verify does no I/O and takes as long for an identity that does not exist as for one with
//     another secret. A key of another project is not known.
//   - When Create, Rotate or Revoke return, this node acts on it; other nodes as soon as they
//     hear of it. A record that cannot be understood opens nothing.
//   - When a secret was last used is written once a minute, and may lack a minute after a crash.
package apikey
