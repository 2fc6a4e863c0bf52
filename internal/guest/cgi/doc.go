// SPDX-License-Identifier: Apache-2.0

// Package cgi is the Common Gateway Interface (RFC 3875) of the guests that run a
// program for each call: as a process (contract stdio) or as a module (contract wasm).
//
//	request head ─▶ Variables ─▶ environment
//	stdout ─▶ Answer ─▶ Target: status, header, body        stderr ─▶ Lines ─▶ log
//
// It runs inside the box. How the program is run is not its matter.
//
// Guarantees. Nothing of a request becomes more than one variable's value: names are
// made of header names alone, and HTTP_PROXY, which programs take for a setting, is
// never made. The header block of an answer is bounded.
package cgi
