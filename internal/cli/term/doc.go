// SPDX-License-Identifier: Apache-2.0

// Package term is what all commands share: one run of the command line, and how it talks
// to who typed it.
//
//	World ─▶ Session ─┬─ Connect ─────────────▶ client of the chosen node
//	                  ├─ On, Exactly, Since … ─▶ what the arguments mean, or why not
//	                  ├─ Printf, Table ───────▶ stdout: the answer, for people
//	                  ├─ PrintJSON ───────────▶ stdout: the answer, for programs
//	                  └─ PrintError ──────────▶ stderr: the error, then a hint
//
// exit.go holds the table of exit codes. Colour appears on a terminal only, and never
// with NO_COLOR. What functions, builds and callers wrote cannot command the terminal:
// plain.go spells its controls.
//
// Package term knows no command: those are of package cli and of its other parts.
package term
