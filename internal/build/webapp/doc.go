// SPDX-License-Identifier: Apache-2.0

// Package webapp finds what of a folder is a web site, and what is the server behind it.
//
//	package.json, hugo.toml, index.html … ─▶ Find ─▶ Finding ─ Site ───▶ files for the door
//	                                                         └ Server ─▶ an http function
//
// It knows what the frameworks' own build commands leave behind: which folders hold files
// that need no server, at which paths they belong, and how the server is started. Gather
// puts them together as they are deployed. A folder that is not built yet is found too, and
// the finding says what builds it.
//
// It reads a bounded number of bytes and runs nothing. A folder that holds code beside its
// pages is not a site: detect finds what that code is.
package webapp
