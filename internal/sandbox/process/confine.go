// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/airlock"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	mayFail = airlock.MayFail
	// capabilitiesMax is beyond the last capability of any kernel so far (40).
	capabilitiesMax = 63
	// memlockBytes may be locked into memory: room for a few secrets.
	memlockBytes = 64 << 10
	// secureBits, all locked: no privileges for root, none kept over a change of
	// user, no ambient ones.
	secureBits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7
)

// birthSteps come first: find the descriptors, die with the driver, wait until the
// driver has set up identity and limits.
func (s *script) birthSteps(p *plumbing) {
	s.call("take the command socket", unix.SYS_DUP3, s.file(p.command), num(commandFD),
		num(unix.O_CLOEXEC))
	s.call("arm the death signal", unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(int(unix.SIGKILL)))
	s.call("await limits", unix.SYS_READ, num(commandFD), s.bytes(make([]byte, 8)),
		num(1)).Flags = airlock.Exact
	s.call("start a session", unix.SYS_SETSID)
}

// identitySteps make the process root of its user namespace, where it has one.
func (s *script) identitySteps(r idRange) {
	if !r.single() {
		s.call("leave groups", unix.SYS_SETGROUPS, num(0), num(0))
		s.call("become the box's root group", unix.SYS_SETRESGID, num(0), num(0), num(0))
		s.call("become the box's root", unix.SYS_SETRESUID, num(0), num(0), num(0))
	}
	s.call("enter a cgroup namespace", unix.SYS_UNSHARE, num(unix.CLONE_NEWCGROUP)).Flags = mayFail
	s.call("name the host", unix.SYS_SETHOSTNAME, s.text(hostName), num(len(hostName)))
}

// loopbackSteps bring up the lo device.
func (s *script) loopbackSteps() {
	request := make([]byte, 40) // struct ifreq
	copy(request, "lo")
	binary.NativeEndian.PutUint16(request[unix.IFNAMSIZ:], unix.IFF_UP|unix.IFF_RUNNING)
	s.call("open a socket", unix.SYS_SOCKET, num(unix.AF_INET),
		num(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), num(0)).Save = 1
	s.call("bring up loopback", unix.SYS_IOCTL, register(1), num(unix.SIOCSIFFLAGS), s.bytes(request))
	s.call("close a socket", unix.SYS_CLOSE, register(1))
}

// descriptorSteps arrange 0 to 4 and close everything else.
func (s *script) descriptorSteps(p *plumbing) {
	s.call("open /dev/null", unix.SYS_OPENAT, here(), s.text("/dev/null"),
		num(unix.O_RDWR), num(0)).Save = 1
	s.call("set standard input", unix.SYS_DUP3, register(1), num(0), num(0))
	for i, f := range p.outputs {
		from := register(1)
		if f != nil {
			from = s.file(f)
		}
		s.call("set output", unix.SYS_DUP3, from, num(i+1), num(0))
	}
	s.call("set control", unix.SYS_DUP3, s.file(p.control), num(controlFD), num(0))
	s.call("close descriptors", unix.SYS_CLOSE_RANGE, num(commandFD+1), num(^uint32(0)), num(0))
}

// limitSteps set what the kernel bounds for each process.
func (s *script) limitSteps(spec sandbox.Spec, e enforcement) {
	set := func(doing string, resource int, n uint64) {
		s.call(doing, unix.SYS_PRLIMIT64, num(0), num(resource), s.words(n, n), num(0))
	}
	set("limit open files", unix.RLIMIT_NOFILE, min(uint64(spec.Limits.Files), e.filesMax))
	set("limit core files", unix.RLIMIT_CORE, 0)
	set("limit locked memory", unix.RLIMIT_MEMLOCK, min(memlockBytes, e.memlockMax))
	set("limit real-time priority", unix.RLIMIT_RTPRIO, 0)
	for resource, n := range e.softLimits(spec.Limits) {
		// Only the soft limit: the driver could not raise a hard one again. The
		// system-call filter keeps the box from raising it.
		s.call("limit a process", unix.SYS_PRLIMIT64, num(0), num(resource),
			s.words(n, hardLimit(resource)), num(0))
	}
}

// softLimits are the rlimits that stand in for control groups.
func (e enforcement) softLimits(l dayfly.Limits) map[int]uint64 {
	out := make(map[int]uint64)
	if !e.memory {
		out[unix.RLIMIT_DATA] = min(uint64(l.MemoryBytes), hardLimit(unix.RLIMIT_DATA))
	}
	if !e.pids {
		out[unix.RLIMIT_NPROC] = min(uint64(l.Pids), hardLimit(unix.RLIMIT_NPROC))
	}
	return out
}

// privilegeSteps give up every privilege for good and become app.
func (s *script) privilegeSteps(r idRange) {
	s.call("renounce privileges", unix.SYS_PRCTL, num(unix.PR_SET_NO_NEW_PRIVS), num(1), num(0),
		num(0), num(0))
	for c := range capabilitiesMax + 1 {
		s.call("drop a capability", unix.SYS_PRCTL, num(unix.PR_CAPBSET_DROP), num(c)).Flags = mayFail
	}
	s.call("lock capabilities", unix.SYS_PRCTL, num(unix.PR_SET_SECUREBITS), num(secureBits))
	if !r.single() {
		s.call("become the app group", unix.SYS_SETRESGID, num(appID), num(appID), num(appID))
		s.call("become app", unix.SYS_SETRESUID, num(appID), num(appID), num(appID))
	}
	header := s.bytes(binary.NativeEndian.AppendUint64(nil, unix.LINUX_CAPABILITY_VERSION_3))
	s.call("drop all capabilities", unix.SYS_CAPSET, header, s.words(0, 0, 0))
	// A change of user disarms it.
	s.call("arm the death signal", unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(int(unix.SIGKILL)))
	s.call("set the file mask", unix.SYS_UMASK, num(0o022))
}

// filterSteps install the system-call filter.
func (s *script) filterSteps(filter []byte) {
	code := s.bytes(filter)
	program := s.words(uint64(len(filter)/8), 0) // struct sock_fprog
	s.call("point to the filter", airlock.CallPoint, num(program.value+8), num(code.value))
	s.call("install the system-call filter", unix.SYS_SECCOMP, num(unix.SECCOMP_SET_MODE_FILTER),
		num(0), program)
}

// Landlock access rights, by the version that brought them.
const (
	landlockRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR |
		unix.LANDLOCK_ACCESS_FS_EXECUTE
	landlockFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE |
		unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landlockV1   = 1<<13 - 1
	landlockAttr = 24 // bytes of the attribute struct that we fill
	// landlockScope keeps abstract sockets and signals within the box.
	landlockScope = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
)

// landlockSteps allow reading everywhere and writing where the box may write.
func (s *script) landlockSteps(version int, writable map[string]bool) {
	if version == 0 {
		return
	}
	handled, size, scope := uint64(landlockV1), 8, uint64(0)
	if version >= 2 {
		handled |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		handled |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		handled |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		size, scope = landlockAttr, landlockScope
	}
	s.call("make a Landlock rule set", unix.SYS_LANDLOCK_CREATE_RULESET, s.words(handled, 0, scope),
		num(size), num(0)).Save = 2
	const devices = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	s.landlockRule("/", handled&landlockRead)
	s.landlockRule("/dev", handled&(landlockRead|landlockFile))
	s.landlockRule("/proc", handled&(landlockRead|landlockFile))
	for target, file := range writable {
		rights := handled &^ devices
		if file {
			rights &= landlockFile
		}
		s.landlockRule(target, rights)
	}
	s.call("enter the Landlock domain", unix.SYS_LANDLOCK_RESTRICT_SELF, register(2), num(0))
	s.call("close the Landlock rule set", unix.SYS_CLOSE, register(2))
}

// landlockRule allows rights below a path. The rule names a descriptor by number, so
// the path is opened at one that is known beforehand.
func (s *script) landlockRule(dir string, rights uint64) {
	s.call("open "+dir, unix.SYS_OPENAT, here(), s.text(dir),
		num(unix.O_PATH|unix.O_CLOEXEC), num(0)).Save = 1
	s.call("place "+dir, unix.SYS_DUP3, register(1), num(landlockFD), num(unix.O_CLOEXEC))
	s.call("close "+dir, unix.SYS_CLOSE, register(1))
	s.call("allow writing in "+dir, unix.SYS_LANDLOCK_ADD_RULE, register(2),
		num(unix.LANDLOCK_RULE_PATH_BENEATH), s.words(rights, landlockFD), num(0))
}
