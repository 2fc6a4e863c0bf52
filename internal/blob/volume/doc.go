// SPDX-License-Identifier: Apache-2.0

// Package volume keeps bytes in files that are named by random identities.
//
//	Receive ─▶ few bytes? ─yes─▶ Intake.Data, for the record
//	               └no─▶ chunks ─┬─▶ file ─▶ fsync of file and folder ─┬─▶ Intake.ID
//	                             └─▶ MD5 and checksum, meanwhile ──────┘
//	Open, OpenJoined ─▶ Reader            Sweep removes what nothing names
//
// A file means nothing until a record names it, so it is written in its place and needs
// no temporary name; what a crash leaves is swept. Package blob has the records.
//
// Guarantees:
//   - What Receive gave is durable. What it refused leaves nothing.
//   - Data takes a fixed amount of memory, whatever its size: a few chunks for each that
//     is being received.
//   - Concurrent syncs of one folder are done as one.
//   - A Volume may be used from any goroutine, except that Sweep needs it alone.
package volume
