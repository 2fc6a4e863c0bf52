// SPDX-License-Identifier: Apache-2.0

// Command wasm takes events as a CGI program does.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	body, _ := io.ReadAll(os.Stdin)
	fmt.Fprintln(os.Stderr, "got", os.Getenv("REQUEST_METHOD"), os.Getenv("PATH_INFO"), os.Getenv("HTTP_CE_TYPE"), string(body))
	if strings.Contains(string(body), "bad") {
		os.Exit(1)
	}
	fmt.Print("Content-Type: text/plain\r\n\r\ndone\n")
}
