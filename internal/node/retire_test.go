// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What boxes of a killed node still hold does not keep the next node from starting.
func TestStartsWhereOldGuestsCannotBeRemoved(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: mounts")
	}
	dir := t.TempDir()
	held := filepath.Join(dir, "run", "guests", "python", "held")
	if err := os.MkdirAll(held, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", held, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	retired := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "run", "retired-*", "guests", "python", "held"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	release := func() {
		for _, path := range append(retired(), held) {
			_ = syscall.Unmount(path, syscall.MNT_DETACH)
		}
	}
	t.Cleanup(release)

	first := start(t, dir)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if len(retired()) != 1 {
		t.Errorf("retired = %v, want the one folder that is held", retired())
	}
	release()
	second := start(t, dir)
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
	if len(retired()) != 0 {
		t.Errorf("retired = %v, want none once nothing holds it", retired())
	}
}
