// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"

	"github.com/tetratelabs/wazero/api"
)

// The functions of WASI that give the environment are ours: the library's own want it
// in a configuration that is copied for each variable, which took longer than all else
// of a call.

// Results of WASI functions.
const (
	errnoSuccess = 0
	errnoFault   = 21 // an address outside of memory
)

// environKey finds the environment of the call in a context.
type environKey struct{}

func environOf(ctx context.Context) []string {
	env, _ := ctx.Value(environKey{}).([]string)
	return env
}

// environSizes is environ_sizes_get(count, bytes).
func environSizes(ctx context.Context, mod api.Module, stack []uint64) {
	env := environOf(ctx)
	total := 0
	for _, kv := range env {
		total += len(kv) + 1
	}
	memory := mod.Memory()
	ok := memory.WriteUint32Le(uint32(stack[0]), uint32(len(env))) &&
		memory.WriteUint32Le(uint32(stack[1]), uint32(total))
	stack[0] = errnoOf(ok)
}

// environGet is environ_get(pointers, text).
func environGet(ctx context.Context, mod api.Module, stack []uint64) {
	memory, ok := mod.Memory(), true
	pointer, at := uint32(stack[0]), uint32(stack[1])
	for _, kv := range environOf(ctx) {
		end := at + uint32(len(kv))
		ok = ok && memory.WriteUint32Le(pointer, at) && memory.WriteString(at, kv) && memory.WriteByte(end, 0)
		pointer, at = pointer+4, end+1
	}
	stack[0] = errnoOf(ok)
}

func errnoOf(ok bool) uint64 {
	if ok {
		return errnoSuccess
	}
	return errnoFault
}
