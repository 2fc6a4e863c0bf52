// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"math"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox/cgroup"
)

// enforcement is what of the limits control groups enforce; rlimits do what they can
// for the rest.
type enforcement struct {
	memory, pids         bool
	filesMax, memlockMax uint64 // what we may grant at most
}

// host is what this host can do.
type host struct {
	kernel      string
	landlock    int  // version, 0 for none
	mountAPI    bool // open_tree, mount_setattr, move_mount
	seccomp     bool
	userNS      error // why no user namespace can be made
	overcommit  string
	enforcement enforcement
}

// lookAtHost asks the kernel.
func lookAtHost(c *cgroup.Tree) host {
	var h host
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.kernel = unix.ByteSliceToString(name.Release[:])
	}
	const askVersion = 1 // LANDLOCK_CREATE_RULESET_VERSION
	if v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion); errno == 0 {
		h.landlock = int(v)
	}
	err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{})
	h.mountAPI = err != unix.ENOSYS && err != unix.EPERM
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, 0)
	h.seccomp = errno != unix.ENOSYS
	h.userNS = userNamespaces()
	overcommit, _ := os.ReadFile("/proc/sys/vm/overcommit_memory")
	h.overcommit = strings.TrimSpace(string(overcommit))
	_, h.enforcement.memory = c.Does(cgroup.Memory)
	_, h.enforcement.pids = c.Does(cgroup.Pids)
	h.enforcement.filesMax = hardLimit(unix.RLIMIT_NOFILE)
	h.enforcement.memlockMax = hardLimit(unix.RLIMIT_MEMLOCK)
	return h
}

func hardLimit(resource int) uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(resource, &l) != nil {
		return math.MaxUint64
	}
	return l.Max
}

// userNamespaces tells why user namespaces are off, as far as settings say.
func userNamespaces() error {
	for file, off := range map[string]string{
		"/proc/sys/user/max_user_namespaces":                     "0",
		"/proc/sys/kernel/unprivileged_userns_clone":             "0",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
	} {
		b, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(b)) != off {
			continue
		}
		if file != "/proc/sys/user/max_user_namespaces" && os.Geteuid() == 0 {
			continue // forbids it to others only
		}
		return fmt.Errorf("%s is %s", file, off)
	}
	return nil
}

// require tells why boxes cannot be made at all.
func (h host) require() error {
	switch {
	case h.userNS != nil:
		return dayfly.Errorf(dayfly.KindUnavailable, "no user namespaces: %s", h.userNS)
	case !h.mountAPI:
		return dayfly.Errorf(dayfly.KindUnavailable,
			"kernel %s has no mount_setattr: sandboxes need Linux 5.12 or later", h.kernel)
	case !h.seccomp:
		return dayfly.Errorf(dayfly.KindUnavailable, "the kernel has no seccomp filters")
	case os.Geteuid() != 0:
		return dayfly.Errorf(dayfly.KindUnavailable,
			"sandboxes need root, or a user namespace of our own (EnterUserNamespace)")
	}
	return nil
}

// writeFile writes to a kernel file, which must exist.
func writeFile(path string, b []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, b)
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("write %s to %s: %w", strings.TrimSpace(string(b)), path, err)
	}
	return nil
}
