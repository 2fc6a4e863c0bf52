// SPDX-License-Identifier: Apache-2.0

package python

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
)

// Entry is the script among Files that the interpreter starts.
const Entry = "guest.py"

// Loop is the argument after Entry for a guest whose functions will run on an event
// loop: it loads that beforehand, which takes 40 ms and 4 MiB that others do not spend.
const Loop = "loop"

// Zygote is the argument after Entry, and after Loop, for a guest that greets nobody but
// forks others like it, which greet (source/dayfly_guest/zygote.py).
const Zygote = "zygote"

//go:embed source/guest.py source/dayfly_guest/*.py
var source embed.FS

// Args are the interpreter's options before the path of Entry: isolated from the
// environment and from the user's folders, without site, writing no byte code.
func Args() []string { return []string{"-I", "-S", "-B"} }

// Files are the guest's scripts. The host writes them to one folder that every sandbox
// of a Python runtime sees.
func Files() fs.FS {
	files, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded guest has no folder: " + err.Error())
	}
	return files
}

// Compile lets interpreter write its byte code of the guest installed in dir, which
// saves compiling at every start. Several interpreters may share dir. The byte code
// is bound to no timestamp, so dir may be copied, but must be compiled again when the
// files change.
func Compile(ctx context.Context, interpreter, dir string) error {
	cmd := exec.CommandContext(ctx, interpreter, "-I", "-S", "-m", "compileall", "-q", "-f",
		"--invalidation-mode", "unchecked-hash", filepath.Join(dir, "dayfly_guest"))
	cmd.Env = []string{}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile guest with %s: %w: %s", interpreter, err, out)
	}
	return nil
}
