// SPDX-License-Identifier: Apache-2.0

// Package static serves the files of a site from inside a box: what a function is that
// has pages and no code.
//
//	GET /about ─▶ about.html, about/index.html, or a page for what is not there
//	           ─▶ its .br or .gz beside it, when the client takes that
//	           ─▶ ETag, ranges, conditional requests ─▶ answer
//
// It is a program of the http contract like any other: it listens on $PORT, and the
// platform treats it so.
//
// Guarantees. Nothing outside the folder is read, also not by links. Names that begin
// with a dot are not there, but for .well-known. Folders are not listed. What it keeps
// in memory is bounded.
package static
