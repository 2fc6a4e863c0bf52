// SPDX-License-Identifier: Apache-2.0

// Package ndjson writes an answer that is a stream of JSON values, one a line.
//
//	New ─▶ Begin? ─▶ Put, Put, … each sent at once
//
// Guarantees:
//   - The head is out with the first line, or with Begin.
//   - Once the caller is gone nothing is written, and every Put says so.
//   - A caller that takes nothing for the pace given to New is gone.
//   - Its methods may be called from any goroutine.
package ndjson
