// SPDX-License-Identifier: Apache-2.0

package detect

// wasm looks for WebAssembly modules.
func (s *source) wasm() []candidate { return nil }
