// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/cpu"
)

// Format is the version of what a build leaves in a bundle: raise it when that changes.
const Format = 2

// Fingerprint names what machine code depends on beside the module: our format, the
// compiler's version, and what the processor can. Where it differs a module must be
// compiled anew.
func Fingerprint() string {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/tetratelabs/wazero" {
				version = dep.Version
			}
		}
	}
	text := fmt.Sprint(Format, version, runtime.GOARCH, cpu.X86, cpu.ARM64)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
