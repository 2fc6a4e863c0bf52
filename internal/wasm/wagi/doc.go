// SPDX-License-Identifier: Apache-2.0

// Package wagi reads what says which modules answer which paths: modules.toml of WAGI,
// spin.toml of Spin 1 as far as its components are WAGI modules, or a module alone.
//
//	modules.toml ─┐
//	spin.toml    ─┼─▶ Program: Routes, each a module, its entry, environment, volumes
//	app.wasm     ─┘        Match(path) ─▶ the route whose pattern is the longest
//
// It runs nothing and opens no module. Paths in a Program stay below the code: a
// pattern or file that does not is refused when it is read.
package wagi
