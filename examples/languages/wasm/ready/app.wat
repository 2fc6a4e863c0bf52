;; SPDX-License-Identifier: Apache-2.0
;; What app.wasm is, which was assembled by hand: internal/wasm/assemble writes it.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (memory (export "memory") 1)
  ;; one buffer: 49 bytes at 16
  (data (i32.const 0) "\10\00\00\00\31\00\00\00")
  (data (i32.const 16) "Content-Type: text/plain\n\nhello from a few bytes\n"))
