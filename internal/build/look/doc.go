// SPDX-License-Identifier: Apache-2.0

// Package look is how detection looks at a source: its files within bounds, the ways to
// call it, and the plan that is made of the best.
//
//	files, settings ─▶ Source ─▶ Candidates (of every language) ─▶ the best ─▶ Plan
//	                     └ Read, Has, Walk … count bytes and names
//
// What several languages read alike is here too: files of other platforms, comments of
// scripts, and the guards before a parser. How one language looks is the package of that
// language, and which candidate is taken is detect's to say.
//
// Guarantees. A source costs a bounded number of bytes, files and names, whatever is in it.
// A Source is for one goroutine.
package look
