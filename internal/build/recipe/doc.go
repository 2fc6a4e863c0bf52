// SPDX-License-Identifier: Apache-2.0

// Package recipe knows how each language's sources are installed and compiled: with the
// language's own tools, as its users would.
//
//	plan (what was detected) + runtimes of this machine ── Steps ──▶ programs to run in a box
//	                                                               argv · environment · mounts
//
// It runs nothing: build does, in a sandbox. A file holds one language, or the languages
// of one machine.
//
// Guarantees. A step names only places inside its box and read-only paths of the host.
// A tool that this machine lacks is an error that says which, and how to get it.
package recipe
