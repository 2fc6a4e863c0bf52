// SPDX-License-Identifier: Apache-2.0

// Package access is the part of the management API that makes, rotates and revokes the API
// keys of projects.
//
//	POST …/keys ─▶ Create ─▶ the text of the key, told this once
//	POST …/keys/{key}/rotate ─▶ Rotate ─▶ another text, the one before for a grace
//	GET …/keys ◀─ what is known of each, never a text or a digest of one
//
// Guarantees: the text of a key is in the one answer that makes it, which no cache may keep.
package access
