// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/cgroup"
)

// filesEnough open files serve any usual function.
const filesEnough = 4096

// Features implements sandbox.Driver.
func (d *Driver) Features() []sandbox.Feature {
	h := d.host
	claims := []claim{{"user namespace", h.userNS == nil, "root inside is nobody outside",
		fmt.Sprint(h.userNS), "set the named kernel setting to allow user namespaces"}}
	for _, n := range []struct{ name, detail string }{
		{"pid", "only its own processes"}, {"mount", "a root of its own"},
		{"network", "its own devices, addresses and ports"}, {"ipc", "its own queues and segments"},
		{"uts", "its own host name"}, {"cgroup", "its own view of control groups"},
	} {
		claims = append(claims, claim{n.name + " namespace", h.userNS == nil, n.detail,
			"it needs a user namespace", "allow user namespaces"})
	}
	files := fmt.Sprintf("up to %d for each process", h.enforcement.filesMax)
	claims = append(claims, []claim{
		{"separate users", d.ids.each > 1, d.ids.describe(), d.ids.describe(),
			"install newuidmap (package uidmap) and give the user ranges in /etc/subuid and /etc/subgid"},
		{"seccomp", h.seccomp, "allow-list of system calls", "the kernel has no filters",
			"use a kernel with CONFIG_SECCOMP_FILTER"},
		{"no_new_privs", true, "no capabilities, set-user-ID programs give none", "", ""},
		{"landlock", h.landlock > 0, fmt.Sprintf("version %d", h.landlock),
			"the kernel has no Landlock", "use Linux 5.13 or later, started with lsm=…,landlock"},
		{"code attach", h.mountAPI, "open_tree and move_mount", "kernel " + h.kernel + " is too old",
			"use Linux 5.12 or later"},
		{"memory overcommit", h.overcommit != "2", "runtimes may reserve more than they use",
			"vm.overcommit_memory is 2: runtimes that reserve much, such as Node and Java, may fail",
			"sysctl vm.overcommit_memory=0"},
		{"open files", h.enforcement.filesMax >= filesEnough, files, files,
			"raise the hard limit: ulimit -Hn, or LimitNOFILE= of the systemd unit"},
	}...)
	var out []sandbox.Feature
	for _, c := range append(claims, d.cgroupClaims()...) {
		out = append(out, c.feature())
	}
	return out
}

func (d *Driver) cgroupClaims() []claim {
	const delegate = "run as root, or under systemd with Delegate=yes " +
		"(systemd-run --user --scope -p Delegate=yes dayfly up)"
	var out []claim
	for _, f := range []struct {
		job       cgroup.Job
		name      string
		otherwise string
	}{
		{cgroup.Memory, "cgroup memory", "only each process is bounded, by RLIMIT_DATA"},
		{cgroup.CPU, "cgroup cpu", "processor time is shared, not limited"},
		{cgroup.Pids, "cgroup pids", "only the number of processes of a user is bounded, by RLIMIT_NPROC"},
		{cgroup.Freezing, "cgroup freezer", "idle instances are not frozen"},
		{cgroup.Killing, "cgroup kill", "a sandbox ends by killing its first process, which is enough"},
	} {
		version, given := d.cgroups.Does(f.job)
		out = append(out, claim{f.name, given, fmt.Sprintf("version %d", version),
			f.otherwise + ": " + d.cgroups.Why(), delegate})
	}
	return out
}

// claim is a mechanism, and what to say when it is given and when not.
type claim struct {
	name      string
	given     bool
	detail    string
	otherwise string
	remedy    string
}

func (c claim) feature() sandbox.Feature {
	if c.given {
		return sandbox.Feature{Name: c.name, Given: true, Detail: c.detail}
	}
	return sandbox.Feature{Name: c.name, Detail: c.otherwise, Remedy: c.remedy}
}

// describe tells how users are told apart.
func (i *ids) describe() string {
	switch i.each {
	case 1:
		return "all sandboxes run as one user"
	case idsFew:
		return "two user ids of their own for each sandbox"
	}
	return fmt.Sprintf("%d user ids of their own for each sandbox", i.each)
}
