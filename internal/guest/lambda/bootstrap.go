// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// bootstraps are the programs that are looked for when the revision names none but the
// usual one, in this order. The code's own folder comes before them.
var bootstraps = []string{"/opt/bootstrap", "/var/runtime/bootstrap"}

// command gives the program of a revision with its whole environment.
func command(rev *frame.SpecialiseHead) (*exec.Cmd, error) {
	path, err := find(rev)
	if err != nil {
		return nil, err
	}
	var args []string
	if len(rev.Command) > 1 {
		args = rev.Command[1:]
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = rev.Task
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = make([]string, 0, len(rev.Env))
	for name, value := range rev.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	slices.Sort(cmd.Env)
	return cmd, nil
}

// find resolves the program: below the code folder, at its own path, or on the PATH.
func find(rev *frame.SpecialiseHead) (string, error) {
	if len(rev.Command) == 0 || filepath.Clean(rev.Command[0]) == "bootstrap" {
		tried := append([]string{filepath.Join(rev.Task, "bootstrap")}, bootstraps...)
		for _, path := range tried {
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				return path, runnable(path)
			}
		}
		return "", dayfly.Errorf(dayfly.KindInvalid, "Couldn't find valid bootstrap(s): %v", tried[:2])
	}
	name := rev.Command[0]
	local := name
	if !filepath.IsAbs(name) {
		local = filepath.Join(rev.Task, name)
	}
	if _, err := os.Stat(local); err == nil {
		return local, runnable(local)
	}
	if !strings.ContainsRune(name, '/') {
		for _, dir := range filepath.SplitList(rev.Env["PATH"]) {
			path := filepath.Join(dir, name)
			if filepath.IsAbs(path) && runnable(path) == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is neither in the code nor on the PATH", name)
}

func runnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be looked at: %w", path, err)
	case info.IsDir():
		return fmt.Errorf("%s is a folder, not a program", path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable", path)
	}
	return nil
}
