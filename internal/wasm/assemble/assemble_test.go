// SPDX-License-Identifier: Apache-2.0

package assemble_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/wasm/assemble"
)

var update = flag.Bool("update", false, "write the example's module anew")

// readyFile is the module of an example, which is deployed as it is. The text of it
// stands beside it.
const readyFile = "../../../examples/languages/wasm/ready/app.wasm"

func ready() []byte {
	const answer = "Content-Type: text/plain\n\nhello from a few bytes\n"
	i32 := func(n int) []byte { return bytes.Repeat([]byte{assemble.I32}, n) }
	vector := binary.LittleEndian.AppendUint32([]byte{16, 0, 0, 0}, uint32(len(answer)))
	m := assemble.Module{
		Imports: []assemble.Import{{Module: "wasi_snapshot_preview1", Name: "fd_write",
			Type: assemble.Type{Params: i32(4), Results: i32(1)}}},
		Funcs: []assemble.Func{{Export: "_start", Code: assemble.Code(
			assemble.I32Const(1), assemble.I32Const(0), assemble.I32Const(1), assemble.I32Const(8),
			assemble.Call(0), assemble.Drop)}},
		MemoryPages: 1,
		Data:        []assemble.Data{{Bytes: vector}, {Offset: 16, Bytes: []byte(answer)}},
	}
	return m.Bytes()
}

func TestTheReadyModuleIsWhatItsTextSays(t *testing.T) {
	t.Parallel()
	want := ready()
	if *update {
		if err := os.WriteFile(readyFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(readyFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, %v; want the %d that are assembled here", readyFile, len(got), err, len(want))
	}
}

func TestNumbersAreLEB128(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64][]byte{
		0: {0}, 63: {63}, 64: {0xc0, 0}, -1: {0x7f}, -64: {0x40}, -65: {0xbf, 0x7f}, 624485: {0xe5, 0x8e, 0x26},
	} {
		if got := assemble.Int(n); !bytes.Equal(got, want) {
			t.Errorf("Int(%d) = %x, want %x", n, got, want)
		}
	}
	if got := assemble.Uint(624485); !bytes.Equal(got, []byte{0xe5, 0x8e, 0x26}) {
		t.Errorf("Uint(624485) = %x", got)
	}
}
