// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: what a person or a script types, and what they read.
//
//	args ─▶ Main ─┬─ up ──────────▶ node, in this process
//	              ├─ doctor ──────▶ node, or this host when none is up
//	              ├─ guest ───────▶ code that runs inside a sandbox
//	              └─ all others ──▶ client ─▶ management API
//
// One file per noun. This package has the nodes and the functions; data has what functions
// keep and exchange, later what is executed without a caller, and term what all of them
// share. With --json every answer goes to stdout as JSON: one value, or one a line where it
// streams; an error goes to stderr. For people, an error is one line, followed by a hint
// when something can be done.
//
// Package cli holds no logic of the platform: whatever it can do, the management API
// can, too.
package cli
