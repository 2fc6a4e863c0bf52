// SPDX-License-Identifier: Apache-2.0

// Package process makes boxes out of Linux namespaces, control groups, seccomp and
// Landlock: the sandbox.Driver of a usual host.
//
//	Start ─▶ script of system calls ─▶ airlock ─clone─▶ child at its gate
//	  │                                                    │ ids, cgroups written
//	  └─ gate opened ─▶ child plays: root, limits, filter ─▶ sealed ─▶ execve
//
// A script holds the whole policy of a box as plain data; package airlock only plays
// it. Every piece of the host that a box sees is opened here, as a detached read-only
// mount, and handed over by descriptor: the box never has a path to anything else.
//
// Package process does not configure networks beyond the box's loopback (egress does)
// and knows no languages.
//
// Guarantees: a box's processes end with this process, also on kill -9; each box has
// user ids that no other running box has, where the host gives that many; a box costs
// no thread while it runs; when Done is closed its cgroup has no process and its user
// ids may be given to another.
package process
