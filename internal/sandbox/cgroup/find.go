// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupMount is a line of the mount table that is about control groups.
type cgroupMount struct {
	path    string
	unified bool
	options []string
}

// findHierarchies picks, for each job, the hierarchy that does it: version 2 where it
// has the controller, version 1 otherwise. Freezing and killing go to version 2
// wherever it is mounted, even without controllers.
func findHierarchies(name string) ([]hierarchy, string) {
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err.Error()
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err.Error()
	}
	return hierarchiesOf(string(table), string(own), name)
}

// hierarchiesOf does it for a mount table and a list of this process's groups.
func hierarchiesOf(table, own, name string) ([]hierarchy, string) {
	var out []hierarchy
	why := "no cgroup file system is mounted"
	for _, m := range parseMounts(table) {
		base, err := writableBase(m, own)
		if err != nil {
			why = err.Error()
			continue
		}
		h := hierarchy{base: base, unified: m.unified}
		if m.unified {
			h.jobs, err = delegate(base, name)
			if err != nil {
				why = err.Error()
			}
		} else {
			h.jobs = jobsOf(m.options)
		}
		out = append(out, h)
	}
	return assign(out), why
}

// assign leaves each job with one hierarchy and drops those without any.
func assign(trees []hierarchy) []hierarchy {
	slices.SortStableFunc(trees, func(a, b hierarchy) int {
		if a.unified == b.unified {
			return 0
		}
		if a.unified {
			return -1
		}
		return 1
	})
	var taken [jobs]bool
	var out []hierarchy
	for _, t := range trees {
		useful := false
		for j := range t.jobs {
			t.jobs[j] = t.jobs[j] && !taken[j]
			taken[j] = taken[j] || t.jobs[j]
			useful = useful || t.jobs[j]
		}
		if useful {
			out = append(out, t)
		}
	}
	return out
}

// parseMounts finds the cgroup mounts in a table like /proc/self/mounts.
func parseMounts(table string) []cgroupMount {
	var out []cgroupMount
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || (f[2] != "cgroup" && f[2] != "cgroup2") {
			continue
		}
		out = append(out, cgroupMount{
			path: unescapeMount(f[1]), unified: f[2] == "cgroup2",
			options: strings.Split(f[3], ","),
		})
	}
	return out
}

// unescapeMount undoes the octal escapes of mount tables.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// jobsOf tells what a version 1 hierarchy with these mount options does.
func jobsOf(options []string) (j [jobs]bool) {
	j[Memory] = slices.Contains(options, "memory")
	j[CPU] = slices.Contains(options, "cpu")
	j[cpuCount] = slices.Contains(options, "cpuacct")
	j[Pids] = slices.Contains(options, "pids")
	j[Freezing] = slices.Contains(options, "freezer")
	return j
}

// writableBase finds where groups may be made: the hierarchy's root, or else the
// group that this process is in, when it was delegated to us.
func writableBase(m cgroupMount, own string) (string, error) {
	if unix.Access(m.path, unix.W_OK) == nil {
		return m.path, nil
	}
	for line := range strings.Lines(own) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		mine := m.unified && f[1] == ""
		for _, c := range strings.Split(f[1], ",") {
			mine = mine || (!m.unified && c != "" && slices.Contains(m.options, c))
		}
		if !mine {
			continue
		}
		dir := filepath.Join(m.path, f[2])
		if unix.Access(dir, unix.W_OK) == nil &&
			unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) == nil {
			return dir, nil
		}
		return "", fmt.Errorf("%s is not writable for this user", dir)
	}
	return "", fmt.Errorf("%s is not writable for this user", m.path)
}

// delegate turns on the controllers of a version 2 group for the groups in it. A
// group that has processes of its own cannot do so, unless it is the true root;
// they are moved into a leaf beside ours then.
func delegate(base, name string) (j [jobs]bool, err error) {
	// Every group has its own cgroup.freeze, since Linux 5.2; the root has not.
	j[Freezing], j[Killing] = true, true
	have, err := os.ReadFile(filepath.Join(base, "cgroup.controllers"))
	if err != nil {
		return j, err
	}
	control := filepath.Join(base, "cgroup.subtree_control")
	for _, c := range []struct {
		name string
		jobs []Job
	}{{"memory", []Job{Memory}}, {"cpu", []Job{CPU, cpuCount}}, {"pids", []Job{Pids}}} {
		if !slices.Contains(strings.Fields(string(have)), c.name) {
			err = fmt.Errorf("%s has no %s controller", base, c.name)
			continue
		}
		failure := writeFile(control, []byte("+"+c.name))
		if errors.Is(failure, unix.EBUSY) {
			if failure = moveAside(base, name+".node"); failure == nil {
				failure = writeFile(control, []byte("+"+c.name))
			}
		}
		if failure != nil {
			err = failure
			continue
		}
		for _, n := range c.jobs {
			j[n] = true
		}
	}
	return j, err
}

// moveAside moves a group's own processes into a leaf below it.
func moveAside(base, leaf string) error {
	dir := filepath.Join(base, leaf)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(base, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(list)) {
		if n, err := strconv.Atoi(pid); err != nil || n == 0 {
			continue // of another pid namespace: not ours to move
		}
		if err := writeFile(filepath.Join(dir, "cgroup.procs"), []byte(pid)); err != nil &&
			!errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// prepare makes our folder in each hierarchy and turns on controllers below it.
func prepare(trees []hierarchy, name string, why *string) []hierarchy {
	var out []hierarchy
	for _, t := range trees {
		dir := filepath.Join(t.base, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			*why = err.Error()
			continue
		}
		if !t.unified {
			out = append(out, t)
			continue
		}
		for j, c := range map[Job]string{Memory: "+memory", CPU: "+cpu", Pids: "+pids"} {
			if !t.jobs[j] {
				continue
			}
			if err := writeFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(c)); err != nil {
				*why = err.Error()
				t.jobs[j] = false
			}
		}
		out = append(out, t)
	}
	return out
}
