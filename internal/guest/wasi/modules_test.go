// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"bytes"
	"encoding/binary"

	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

// The functions that the tests' modules import, by their numbers.
const (
	fdWrite = iota
	procExit
	environSizes
	environGet
	fdRead
	pollOneoff
	argsSizes
	argsGet
)

func i32(n int) []byte { return bytes.Repeat([]byte{assemble.I32}, n) }

func imports() []assemble.Import {
	function := func(name string, params, results int) assemble.Import {
		t := assemble.Type{Params: i32(params), Results: i32(results)}
		return assemble.Import{Module: "wasi_snapshot_preview1", Name: name, Type: t}
	}
	return []assemble.Import{function("fd_write", 4, 1), function("proc_exit", 1, 0),
		function("environ_sizes_get", 2, 1), function("environ_get", 2, 1), function("fd_read", 4, 1),
		function("poll_oneoff", 4, 1), function("args_sizes_get", 2, 1), function("args_get", 2, 1)}
}

// own is the number of a module's own function.
func own(n int) uint64 { return uint64(len(imports()) + n) }

func push(numbers ...int64) []byte {
	var code []byte
	for _, n := range numbers {
		code = append(code, assemble.I32Const(n)...)
	}
	return code
}

// Where the modules keep things: a vector at 0, what a call gives at 8, texts from 64
// on, what is read at 4096, and the environment from 16384 on.
const (
	resultAt  = 8
	numbersAt = 32
	textAt    = 64
	inputAt   = 4096
	pointerAt = 8192
	environAt = 16384
)

// vector is code that makes the vector of one buffer.
func vector(at, length int64) []byte {
	return assemble.Code(push(0, at), assemble.I32Store, push(4, length), assemble.I32Store)
}

// write is code that writes what the vector says.
func write(fd int64) []byte {
	return assemble.Code(push(fd, 0, 1, resultAt), assemble.Call(fdWrite), assemble.Drop)
}

// program is a module that runs code; text is put at textAt.
func program(text string, code ...[]byte) *assemble.Module {
	return &assemble.Module{Imports: imports(), MemoryPages: 2,
		Data:  []assemble.Data{{Offset: textAt, Bytes: []byte(text)}},
		Funcs: []assemble.Func{{Export: wasm.StartEntry, Code: assemble.Code(code...)}}}
}

// say is a module that prints a text.
func say(text string) *assemble.Module {
	return program(text, vector(textAt, int64(len(text))), write(1))
}

// echo is a module that prints its input, part by part.
func echo() *assemble.Module {
	read := assemble.Code(push(0, 0, 1, resultAt), assemble.Call(fdRead), assemble.Drop)
	taken := assemble.Code(push(resultAt), assemble.I32Load)
	return program("Content-Type: a/b\n\n", vector(textAt, 19), write(1),
		assemble.Loop, vector(inputAt, 4096), read,
		push(0, inputAt), assemble.I32Store, push(4), taken, assemble.I32Store, write(1),
		taken, assemble.RepeatIf, assemble.End)
}

// tell is a module that prints its environment, or its arguments, each with a zero
// behind it.
func tell(sizes, get uint64) *assemble.Module {
	return program("", push(numbersAt, numbersAt+4), assemble.Call(sizes), assemble.Drop,
		push(pointerAt, environAt), assemble.Call(get), assemble.Drop,
		push(0, environAt), assemble.I32Store,
		push(4), push(numbersAt+4), assemble.I32Load, assemble.I32Store, write(1))
}

// sleep is code that sleeps for so many nanoseconds.
func sleep(nanoseconds uint64) (code []byte, data assemble.Data) {
	const subscriptionAt, eventAt = 2048, 2304
	subscription := make([]byte, 48) // user data, clock at 8, its number at 16, the time at 24
	binary.LittleEndian.PutUint32(subscription[16:], 1)
	binary.LittleEndian.PutUint64(subscription[24:], nanoseconds)
	return assemble.Code(push(subscriptionAt, eventAt, 1, resultAt), assemble.Call(pollOneoff), assemble.Drop),
		assemble.Data{Offset: subscriptionAt, Bytes: subscription}
}
