// SPDX-License-Identifier: Apache-2.0

// Package site serves the files of a folder as a web site.
//
//	Open ─▶ walk: every path that answers ─▶ background: tags, small files, br zstd gzip
//	Serve ─▶ _redirects! ─▶ file or page ─▶ _redirects ─▶ fallback ─▶ not handled ─▶ 404.html
//	                            └▶ _headers ─▶ 304 │ 206 │ 200, precompressed or by sendfile
//
// The folder does not change while it is open, so all that can be known is found out once:
// a request is one look-up in a map, and a path that is not in it reaches no file. Hidden
// files are not in it, nor what a link leads to outside of the folder, nor the files
// _headers and _redirects, whose syntax is that of Netlify and Cloudflare Pages.
//
// What the site does not have is left to the caller: Outcome tells whether it was handled,
// and where a rule of status 200 sends it instead.
//
// Guarantees: a Site serves any number of goroutines. Entity tags are strong and made of the
// content. One file is compressed at a time among all sites of a Shelf, and memory is
// bounded by it. A Site that was closed still serves, for requests that found it just before
// it was replaced. A redirect never leads to a host that a caller chose.
package site
