// SPDX-License-Identifier: Apache-2.0

package php

import (
	"embed"
	"io/fs"
)

// Entry is the script among Files that the interpreter starts.
const Entry = "guest.php"

//go:embed source/guest.php source/dayfly
var source embed.FS

// Flags are the interpreter's options before the path of Entry: what PHP complains of
// goes to standard error as text, once.
func Flags() []string {
	return []string{"-d", "display_errors=stderr", "-d", "html_errors=0", "-d", "log_errors=0",
		"-d", "max_execution_time=0", "-d", "output_buffering=0"}
}

// Files are the guest's scripts. The host writes them to one folder that every sandbox
// of a PHP runtime sees.
func Files() fs.FS {
	files, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded guest has no folder: " + err.Error())
	}
	return files
}
