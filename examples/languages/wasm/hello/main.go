// SPDX-License-Identifier: Apache-2.0

//go:build wasip1

// A WASI program in Go: GOOS=wasip1 GOARCH=wasm go build
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	name, _ := io.ReadAll(os.Stdin)
	if len(name) == 0 {
		name = []byte("WebAssembly")
	}
	fmt.Printf("Content-Type: text/plain\n\nhello from %s\n", name)
}
