// SPDX-License-Identifier: Apache-2.0

// Package apitest gives tests a management API with a small node behind it.
//
//	Start ─▶ Node ─▶ URL, Token: the real door, over a node that lives in memory
//
// The node keeps functions, sources, records and lines; a function answers with what
// its test sets. It does not build and does not run code: the end-to-end tests do.
package apitest
