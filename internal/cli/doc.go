// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: what a person or a script types, and what they read.
//
//	args ─▶ Main ─┬─ up ──────────▶ node, in this process
//	              ├─ doctor ──────▶ node, or this host when none is up
//	              ├─ guest ───────▶ code that runs inside a sandbox
//	              └─ all others ──▶ client ─▶ management API
//
// One file per noun. With --json every answer goes to stdout as JSON: one value, or one
// a line where it streams; an error goes to stderr. For people, an error is one
// line, followed by a hint when something can be done. exit.go holds the table of exit
// codes. Colour appears on a terminal only, and never with NO_COLOR. What functions,
// builds and callers wrote cannot command the terminal: plain.go spells its controls.
//
// Package cli holds no logic of the platform: whatever it can do, the management API
// can, too.
package cli
