// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOtherCgroups runs the suite on what this host would be with other control
// groups: the mounts that a host like that lacks are taken away, for the run alone.
func TestOtherCgroups(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the suite more often, which takes seconds")
	}
	if os.Geteuid() != 0 {
		t.Skip("unmounting needs root")
	}
	if _, err := os.Stat("/sys/fs/cgroup/unified"); err != nil {
		t.Skip("this host is not hybrid")
	}
	for name, c := range map[string]struct{ unmount, says string }{
		"version 1 alone": {"umount /sys/fs/cgroup/unified", "a_fork_bomb"},
		"version 2 without controllers": {
			"umount /sys/fs/cgroup/[a-t]*", "freeze_stops_and_thaw_continues"},
		"none": {"umount /sys/fs/cgroup/*", "a_signal_storm"},
	} {
		t.Run(name, func(t *testing.T) {
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			run := exec.Command("unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
				c.unmount+` && exec "$0" -test.run TestSuite -test.v -test.short -test.timeout 60s`, exe)
			out, err := run.CombinedOutput()
			if err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
			passed := false
			for _, line := range strings.Split(string(out), "\n") {
				passed = passed || strings.Contains(line, "--- PASS") && strings.Contains(line, c.says)
				if strings.Contains(line, "--- SKIP") {
					t.Log(line)
				}
			}
			if !passed {
				t.Errorf("%s did not run:\n%s", c.says, out)
			}
		})
	}
}
