// SPDX-License-Identifier: Apache-2.0

// Package assemble writes small WebAssembly modules from a description in Go: the probe
// that package wasm warms itself up with, and the modules of tests, hostile ones too.
//
//	Module{Imports, Funcs, MemoryPages, Data} ─▶ Bytes ─▶ binary format 1
//
// It checks nothing: a description of a wrong module gives a wrong module. It is no
// parser and no assembler of the text format.
package assemble
