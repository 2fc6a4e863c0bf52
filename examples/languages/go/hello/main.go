// SPDX-License-Identifier: Apache-2.0

// Hello greets whom its standard input names.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	name := strings.TrimSpace(string(input))
	if name == "" {
		name = "from Go"
	}
	fmt.Println("hello", name)
}
