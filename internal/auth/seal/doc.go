// SPDX-License-Identifier: Apache-2.0

// Package seal encrypts what a node hands to browsers and wants back unread and unchanged.
//
//	secret file ─▶ Secrets ─Box("login/PROJECT/NAME")─▶ Box.Seal ─▶ bytes ─▶ Box.Open
//	                  └ a new one every thirty days; the old one opens for thirty more
//
// A box is AES-256-GCM with keys that HKDF-SHA-256 derives from a secret and the purpose of
// the box. What is inside, and how long it counts, is the business of who seals.
//
// Guarantees:
//   - What one box sealed, a box of another purpose does not open, nor the same box when it is
//     said to be about something else.
//   - The file is readable by its owner only, and replaced whole: a crash leaves the old one or
//     the new one.
//   - A secret seals for thirty days, and opens for thirty more, which is the longest that a
//     session lives.
package seal
