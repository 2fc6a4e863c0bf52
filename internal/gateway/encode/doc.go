// SPDX-License-Identifier: Apache-2.0

// Package encode compresses answers for callers that take it.
//
//	answer ─▶ Writer ─ worth it, and taken? ─▶ br │ zstd │ gzip ─▶ client
//	             └────────── no ─────────────────────────────────▶ client
//
// Whether an answer is compressed is decided when its head is sent: by what the request
// accepts, by the content type, by the size, and never when the answer is compressed
// already, is a part of something, or forbids it (Cache-Control: no-transform). What is
// flushed reaches the client at once, so that event streams stay live.
//
// Compression tells an onlooker who counts bytes how much of an answer repeats itself. A
// page that holds a secret beside text of an attacker's choice can give the secret away so
// (BREACH). An answer is therefore left as it is when another site's page asked for it with
// the cookies of this one, unless a person clicked. A route whose answers hold secrets
// beside what callers send is best not compressed at all: compress: false.
//
// Guarantees: one Writer serves one answer and one goroutine. An answer that is cut off
// before Close is never given a proper end. A strong entity tag becomes a weak one.
// Files that are compressed beforehand are site's.
package encode
