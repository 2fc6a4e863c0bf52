// SPDX-License-Identifier: Apache-2.0

// Package quantity reads sizes, spans and shares of processors as people write them.
//
//	"256Mi" ─▶ ParseBytes ─▶ 268435456      Bytes and Span are fields of documents:
//	"1h30m" ─▶ ParseDuration ─▶ 90 min      they are read from such text, and written so
//	"0.5"   ─▶ ParseCPU ─▶ 500 thousandths
//
// A number without a unit is refused: nobody has to know whether seconds or milliseconds
// are meant. An error shows how to write it. It knows no bounds; who keeps a quantity has
// them.
package quantity
