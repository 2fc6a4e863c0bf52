// SPDX-License-Identifier: Apache-2.0

// Package password tells whether a password is that of a hash, without letting strangers buy
// the processor with guesses.
//
//	Parse(hash) ─▶ Hash          Make(password) ─▶ hash
//	Check(hash, password) ─▶ known verdict? ─yes─▶ right or wrong
//	                          └no─▶ line (bounded, by address) ─▶ slot ─▶ bcrypt, argon2id
//
// Hashes are those of bcrypt ($2a$, $2b$, $2y$: htpasswd -B) and argon2id in the PHC form, as
// other programs make them. Who the users are is package auth's.
//
// Guarantees:
//   - No password is kept: verdicts are remembered by an HMAC of hash and password whose key
//     is made when the process starts, for minutes.
//   - At most half of the processors hash, at most four calls of one address wait or hash, and
//     the line is bounded: past that it is exhausted, at once.
//   - The memory and the time that a hash takes are bounded when it is parsed.
//   - A password whose verdict is remembered passes, whatever stands in the line.
package password
