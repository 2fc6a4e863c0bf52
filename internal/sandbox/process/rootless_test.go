// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const nobody = 65534

// TestRootless runs the suite as a user without any privilege.
func TestRootless(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	again(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
}

// TestSubordinateIDs runs the suite as root of a user namespace with the ids that
// newuidmap would give: one of the user's, and a range of 65536.
func TestSubordinateIDs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making a user namespace with many ids needs root")
	}
	ids := []syscall.SysProcIDMap{
		{ContainerID: 0, HostID: nobody, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536},
	}
	again(t, &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids, GidMappings: ids,
		GidMappingsEnableSetgroups: true, Credential: &syscall.Credential{},
	})
}

// again runs this test's executable with the given attributes.
func again(t *testing.T, attr *syscall.SysProcAttr) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the suite once more, which takes seconds")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for d := dir; d != "/"; d = d[:max(strings.LastIndex(d, "/"), 1)] {
		if d == os.TempDir() {
			break
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe", roleRootless,
		"-test.run", "^TestSuite$", "-test.v", "-test.short", "-test.timeout", "60s")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, skipped := range strings.Split(string(out), "\n") {
		if strings.Contains(skipped, "SKIP") || strings.Contains(skipped, "gives no") {
			t.Log(skipped)
		}
	}
}
