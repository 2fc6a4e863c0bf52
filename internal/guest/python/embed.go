// SPDX-License-Identifier: Apache-2.0

package python

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Entry is the file, within the installed folder, that the interpreter runs.
const Entry = "guest.py"

//go:embed source/guest.py source/dayfly_guest/*.py
var source embed.FS

// Args are the interpreter's options before the path of Entry: isolated from the
// environment and from the user's folders, without site, writing no byte code.
func Args() []string { return []string{"-I", "-S", "-B"} }

// Files is the guest's source, rooted at the folder to install.
func Files() fs.FS {
	files, err := fs.Sub(source, "source")
	if err != nil {
		panic("bug: the embedded guest has no folder: " + err.Error())
	}
	return files
}

// Install writes the guest's files below dir, which it makes when it is missing.
// Files of the same names are replaced.
func Install(dir string) error {
	return fs.WalkDir(Files(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read embedded guest: %w", err)
		}
		target := filepath.Join(dir, path)
		if entry.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return fmt.Errorf("make guest folder: %w", err)
			}
			return nil
		}
		return write(target, path)
	})
}

// write puts one embedded file in place atomically, so that an interpreter that
// starts meanwhile reads the old or the new one, never a part.
func write(target, path string) error {
	data, err := fs.ReadFile(Files(), path)
	if err != nil {
		return fmt.Errorf("read embedded guest: %w", err)
	}
	temporary := target + ".new"
	if err := os.WriteFile(temporary, data, 0o644); err != nil {
		return fmt.Errorf("write guest file: %w", err)
	}
	if err := os.Rename(temporary, target); err != nil {
		return fmt.Errorf("place guest file: %w", err)
	}
	return nil
}

// Compile lets interpreter write its byte code of the guest installed in dir, which
// saves compiling at every start. Several interpreters may share dir. The byte code
// is bound to no timestamp, so dir may be copied, but must be compiled again after
// Install.
func Compile(ctx context.Context, interpreter, dir string) error {
	cmd := exec.CommandContext(ctx, interpreter, "-I", "-S", "-m", "compileall", "-q", "-f",
		"--invalidation-mode", "unchecked-hash", filepath.Join(dir, "dayfly_guest"))
	cmd.Env = []string{}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile guest with %s: %w: %s", interpreter, err, out)
	}
	return nil
}
