// SPDX-License-Identifier: Apache-2.0

// Package inner runs one program inside a box for a guest of ours that stands before it.
//
//	box ─▶ our guest (first process) ─▶ Start ─▶ the program ─▶ what it starts
//	                      └ exits as the program did ◀┘  └ reaped when orphaned
//
// The first process of a box inherits every orphan in it, and its end is the end of all;
// so it reaps what the program leaves behind, and ends when the program does. A signal
// cannot end it from inside: it exits with 128 and the signal's number, as shells do,
// and the pool reads it so (ExitOf).
package inner
