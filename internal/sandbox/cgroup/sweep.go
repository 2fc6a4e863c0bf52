// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// setUpTime is how long a node may take until its airlock runs.
const setUpTime = time.Minute

// thawAll lets go what our folder of an earlier life keeps frozen: in version 1 it
// would not die in any hierarchy. In version 2 there is no such file, and no need.
func thawAll(dir string) {
	states, _ := filepath.Glob(dir + "/*/freezer.state")
	for _, s := range states {
		writeFile(s, []byte("THAWED"))
	}
}

// sweep removes our folder of an earlier life with everything in it.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		sub := filepath.Join(dir, e.Name())
		deadline := time.Now().Add(groupRemoveWait)
		for pause := time.Millisecond; time.Now().Before(deadline); pause *= 2 {
			killAll(sub)
			if unix.Rmdir(sub) != unix.EBUSY {
				break
			}
			time.Sleep(pause)
		}
	}
}

// sweepDead removes the folders of nodes that were killed and never came back: those
// beside ours, with the same first word in their name, that have no process, not even
// an airlock, and are not being set up right now. A folder that is in use stays,
// because it cannot be removed.
func sweepDead(base, name string) {
	family, _, _ := strings.Cut(name, "-")
	found, _ := filepath.Glob(filepath.Join(base, family+"-*"))
	for _, dir := range found {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < setUpTime || filepath.Base(dir) == name {
			continue
		}
		groups, _ := filepath.Glob(dir + "/*/cgroup.procs")
		empty := true
		for _, procs := range groups {
			list, err := os.ReadFile(procs)
			empty = empty && err == nil && len(list) == 0
		}
		if !empty {
			continue
		}
		for _, procs := range groups {
			unix.Rmdir(filepath.Dir(procs))
		}
		unix.Rmdir(dir)
	}
}

// killAll ends every process in a group.
func killAll(dir string) {
	list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for field := range bytes.FieldsSeq(list) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 1 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
