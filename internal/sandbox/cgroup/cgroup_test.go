// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHierarchies reads mount tables of hosts that this machine is not.
func TestHierarchies(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"memory", "cpu,cpuacct", "pids", "freezer", "unified", "v2", "v2/own"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("v2/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n")
	write("v2/cgroup.subtree_control", "")
	write("unified/cgroup.controllers", "hugetlb\n")
	write("unified/cgroup.subtree_control", "")

	v1 := "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n" +
		"cgroup " + dir + "/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n" +
		"cgroup " + dir + "/memory cgroup rw,memory 0 0\n" +
		"cgroup " + dir + "/pids cgroup rw,pids 0 0\n" +
		"cgroup " + dir + "/freezer cgroup rw,freezer 0 0\n"
	for name, c := range map[string]struct {
		table string
		want  map[Job]string // which hierarchy does a job
	}{
		"version 1": {v1, map[Job]string{Memory: "memory", CPU: "cpu,cpuacct",
			cpuCount: "cpu,cpuacct", Pids: "pids", Freezing: "freezer"}},
		"hybrid": {v1 + "cgroup2 " + dir + "/unified cgroup2 rw 0 0\n", map[Job]string{Memory: "memory",
			CPU: "cpu,cpuacct", cpuCount: "cpu,cpuacct", Pids: "pids", Freezing: "unified",
			Killing: "unified"}},
		"version 2": {"cgroup2 " + dir + "/v2 cgroup2 rw 0 0\n", map[Job]string{Memory: "v2", CPU: "v2",
			cpuCount: "v2", Pids: "v2", Freezing: "v2", Killing: "v2"}},
		"none": {"proc /proc proc rw 0 0\n", map[Job]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			trees, _ := hierarchiesOf(c.table, "0::/\n", "dayfly-test")
			got := make(map[Job]string)
			for _, tree := range trees {
				for j, does := range tree.jobs {
					if does {
						got[Job(j)] = filepath.Base(tree.base)
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("jobs (-want +got):\n%s", diff)
			}
		})
	}
}
