// SPDX-License-Identifier: Apache-2.0

// Package gomod finds the program or the function of a Go source.
//
//	main package ─────────────────────▶ Candidates ─▶ Finish
//	functions without one ─▶ a main package is written (goshim) ─┘
package gomod
