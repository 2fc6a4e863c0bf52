// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// filesEnough open files serve any usual function.
const filesEnough = 4096

// Features implements sandbox.Driver.
func (d *Driver) Features() []sandbox.Feature {
	h := d.host
	out := []sandbox.Feature{
		feature("user namespace", h.userNS == nil, d.ids.describe(),
			fmt.Sprint(h.userNS), "set the named kernel setting to allow user namespaces"),
		feature("namespaces", h.userNS == nil,
			"own processes, mounts, network, IPC, host name and cgroup view for each sandbox",
			"they need a user namespace", "allow user namespaces"),
		feature("seccomp", h.seccomp, "allow-list of system calls", "the kernel has no filters",
			"use a kernel with CONFIG_SECCOMP_FILTER"),
		feature("no_new_privs", true, "no capabilities, set-user-ID programs give none", "", ""),
		feature("landlock", h.landlock > 0, fmt.Sprintf("version %d", h.landlock),
			"the kernel has no Landlock", "use Linux 5.13 or later with lsm=…,landlock"),
		feature("code attach", h.mountAPI, "open_tree and move_mount", "kernel "+h.kernel+" is too old",
			"use Linux 5.12 or later"),
		feature("memory overcommit", h.overcommit != "2", "runtimes may reserve more than they use",
			"vm.overcommit_memory is 2: runtimes that reserve much, such as Node and Java, may fail",
			"sysctl vm.overcommit_memory=0"),
		feature("open files", h.enforcement.filesMax >= filesEnough,
			fmt.Sprintf("up to %d for each process", h.enforcement.filesMax),
			fmt.Sprintf("at most %d for each process", h.enforcement.filesMax),
			"raise the hard limit: ulimit -Hn, or LimitNOFILE= of the systemd unit"),
	}
	return append(out, d.cgroupFeatures()...)
}

func (d *Driver) cgroupFeatures() []sandbox.Feature {
	const delegate = "run as root, or under systemd with Delegate=yes " +
		"(systemd-run --user --scope -p Delegate=yes dayfly up)"
	var out []sandbox.Feature
	for _, f := range []struct {
		job       job
		name      string
		otherwise string
	}{
		{jobMemory, "cgroup memory", "only each process is bounded, by RLIMIT_DATA"},
		{jobCPU, "cgroup cpu", "processor time is shared, not limited"},
		{jobPids, "cgroup pids", "only the number of processes of a user is bounded, by RLIMIT_NPROC"},
		{jobFreeze, "cgroup freezer", "idle instances are not frozen"},
		{jobKill, "cgroup kill", "a sandbox ends by killing its first process, which is enough"},
	} {
		version, given := d.cgroups.does(f.job)
		out = append(out, feature(f.name, given, fmt.Sprintf("version %d", version),
			f.otherwise+": "+d.cgroups.why, delegate))
	}
	return out
}

func feature(name string, given bool, detail, otherwise, remedy string) sandbox.Feature {
	if given {
		return sandbox.Feature{Name: name, Given: true, Detail: detail}
	}
	return sandbox.Feature{Name: name, Detail: otherwise, Remedy: remedy}
}

// describe tells how users are told apart.
func (i *ids) describe() string {
	switch i.each {
	case 1:
		return "all sandboxes run as one user: newuidmap and a range in /etc/subuid separate them"
	case idsFew:
		return "two user ids of their own for each sandbox"
	}
	return fmt.Sprintf("%d user ids of their own for each sandbox", i.each)
}
