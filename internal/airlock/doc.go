// SPDX-License-Identifier: Apache-2.0

// Package airlock is the way into a box: a tiny process that clones the first process
// of each box and lets it play a tape of system calls before it becomes user code.
//
//	sandbox/process ──tape, descriptors──▶ airlock ──clone──▶ child ──plays──▶ execve
//	                ◀──────── pid ────────        (parent: the dayfly process)
//
// The airlock is this same executable, started again under the name dayfly-airlock.
// It takes over in its package initialisation, before the packages that make the
// binary large are initialised, and never returns; docs/decisions/0011 says why. For
// that it imports os, syscall and unsafe only.
//
// What a tape does is decided by sandbox/process; the airlock knows no policy. The
// child is a fork without exec: it must neither allocate, grow its stack nor call into
// the Go runtime, so everything it needs lies ready in memory and it makes raw system
// calls only. A step that fails ends it and is reported by number.
//
// Guarantees: a child's parent is the process that started the airlock, so that
// process waits for it; a child runs no program before its whole tape succeeded; when
// the starter dies, so do the airlock and (by their own tapes) the children.
package airlock
