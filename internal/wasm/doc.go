// SPDX-License-Identifier: Apache-2.0

// Package wasm compiles and runs WASI modules (preview 1) inside the process that calls
// it, which is always one inside a box: the guest of contract wasm, or a build step.
//
//	file ─▶ Check ─▶ Strip ─▶ Load ─▶ Module ─▶ Run: fresh memory, _start, gone
//	                           │ ▲                 nil · *Exit · *Trap
//	               machine code▼ │mapped
//	                   .dayfly/wasm of the bundle
//
// What a module is called with (CGI, WAGI) is the matter of internal/guest/wasi and
// internal/wasm/wagi.
//
// Guarantees. Every Run has memory, tables and globals of its own, and what one call
// wrote another never reads. Memory has a bound and does not move when it grows.
// Nothing ends a module that loops but the end of the process: the switch that could
// makes hot code seven to ten times slower, and the pool ends boxes anyway.
//
// Trust. Machine code in a bundle was made inside a box, from a module that is not
// trusted, and may be anything. It is loaded inside the function's own box only, where
// native code may run as well: what holds a module is the box, and the wall that
// WebAssembly puts around it comes on top. The platform's own process never calls Load.
package wasm
