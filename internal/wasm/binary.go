// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"bytes"
	"encoding/binary"

	"github.com/dayfly-faas/dayfly"
)

// HeadBytes is how much of a file Check needs.
const HeadBytes = 8

var (
	magic     = []byte{0, 'a', 's', 'm'}
	core      = []byte{1, 0, 0, 0} // a module of the core specification
	component = []byte{0, 0, 1, 0} // its last two bytes are the layer, 1
	nameWord  = []byte("\x04name") // the custom section of the names of functions
	customID  = byte(0)            // of a custom section
	layerAt   = len(magic)         // where version and layer are
	errBroken = "the module is cut off or not in the binary format of WebAssembly"
)

// IsModule tells whether a file that begins so is WebAssembly of any kind.
func IsModule(head []byte) bool { return bytes.HasPrefix(head, magic) }

// Check tells what is wrong with a file that begins so, if it can be told from that.
func Check(head []byte) error {
	switch {
	case !IsModule(head):
		return dayfly.Errorf(dayfly.KindInvalid, "it is not WebAssembly: it does not begin with \\0asm")
	case len(head) < HeadBytes:
		return dayfly.Errorf(dayfly.KindInvalid, "%s", errBroken)
	case bytes.Equal(head[layerAt:HeadBytes], core):
		return nil
	case bytes.Equal(head[layerAt+2:HeadBytes], component[2:]):
		return dayfly.Errorf(dayfly.KindInvalid, "it is a component of the component model (WASI preview 2 or "+
			"later), which is not run here: build a module for WASI preview 1 instead").
			WithHint("Rust: --target wasm32-wasip1; TinyGo: -target wasip1; Go: GOOS=wasip1 GOARCH=wasm")
	}
	return dayfly.Errorf(dayfly.KindInvalid, "it is WebAssembly of version %d, which is not known",
		binary.LittleEndian.Uint32(head[layerAt:HeadBytes]))
}

// Strip gives a module without its custom sections but that of names, which stacks are
// made of: debug information is most of many modules, and reading it takes longer than
// the rest of a cold start.
func Strip(module []byte) ([]byte, error) {
	if err := Check(module); err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(module)), module[:HeadBytes]...)
	err := eachSection(module, func(id byte, whole, content []byte) error {
		if id != customID || bytes.HasPrefix(content, nameWord) {
			out = append(out, whole...)
		}
		return nil
	})
	return out, err
}

// eachSection calls do for each section of a module, with all of it and its content.
func eachSection(module []byte, do func(id byte, whole, content []byte) error) error {
	for rest := module[HeadBytes:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return dayfly.Errorf(dayfly.KindInvalid, "%s", errBroken)
		}
		head := 1 + n
		whole := head + int(size)
		if err := do(rest[0], rest[:whole], rest[head:whole]); err != nil {
			return err
		}
		rest = rest[whole:]
	}
	return nil
}
