// SPDX-License-Identifier: Apache-2.0

// Package wasi is the guest of the wasm contract. It runs inside the box and calls a
// fresh instance of a WASI module (preview 1) for each call, as CGI and WAGI do.
//
//	build box   Compile: module ─▶ .dayfly/wasm: program.json, modules, machine code
//	stem        Main: engine made and warmed ─▶ hello
//	instance    specialise: map the machine code ─▶ ready
//	            request ─▶ route ─▶ instance: body on stdin, CGI variables in the environment
//	                                stdout ─▶ answer      stderr ─▶ log lines
//
// An exit status other than 0 is the failure Runtime.ExitError, a trap Runtime.Trap with
// the module's stack. A module sees the code read-only as / and /tmp; nothing else of the
// box, and no network: preview 1 has none.
//
// Trust. The machine code in a bundle may be anything, see internal/wasm: it is loaded in
// this process, inside the function's box, which holds it as it holds native code. Time
// and memory are the box's limits; the memory of an instance is bounded below them, so
// that a module that asks for too much is refused rather than ended.
//
// Guarantees. A call never sees what another left in memory. A bundle without machine
// code, or with such as does not fit, works: it is compiled in place, and the log says so.
package wasi
