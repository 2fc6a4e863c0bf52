// SPDX-License-Identifier: Apache-2.0

//go:build linux

package seccomp

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // low half first on both architectures we know
)

// verdicts of the filter.
const (
	verdictAllow = unix.SECCOMP_RET_ALLOW
	verdictPerm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	verdictNoSys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	verdictDone  = unix.SECCOMP_RET_ERRNO // does nothing and says that it worked
	verdictKill  = unix.SECCOMP_RET_KILL_PROCESS
)

// namespaceFlags are clone's ways into new namespaces.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// socketFamilies are the address families that programs may open: everything else
// (packet, vsock, bluetooth, alg …) is kernel surface that no function needs.
// Netlink is allowed for routing alone, which resolvers ask about addresses.
func socketFamilies() []uint32 {
	return []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6}
}

// personalities are those that change nothing dangerous: Linux, the query, and Linux
// without address randomisation's help to old programs.
func personalities() []uint32 {
	return []uint32{0x0, 0x0008, 0x20000, 0x20008, 0xffffffff}
}

// callRange is a run of system-call numbers with one verdict.
type callRange struct {
	first, last uint32
	verdict     uint32
	// judge, when not nil, decides by the arguments instead.
	judge []bpf.Instruction
}

// same tells whether r can prolong a run.
func (c callRange) same(r callRange) bool { return c.judge == nil && c.verdict == r.verdict }

// Filter assembles the filter: a binary search over runs of call numbers,
// because installing costs by the instruction and running by the depth.
func Filter() ([]byte, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("find system-call numbers: %w", err)
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(info.ID), SkipTrue: 1},
		bpf.RetConstant{Val: verdictKill},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
	}
	program = append(program, search(callRanges(info))...)
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble system-call filter: %w", err)
	}
	var out []byte
	for _, r := range raw {
		out = binary.NativeEndian.AppendUint16(out, r.Op)
		out = append(out, r.Jt, r.Jf)
		out = binary.NativeEndian.AppendUint32(out, r.K)
	}
	return out, nil
}

// callRanges sorts the policy by number; gaps are refused with EPERM.
func callRanges(info *arch.Info) []callRange {
	special := map[string]callRange{
		"setrlimit":   {judge: fixedLimits(dataArg0, 0)},
		"prlimit64":   {judge: fixedLimits(dataArg0+8, dataArg0+16)},
		"clone":       {judge: refuseFlags(namespaceFlags)},
		"clone3":      {verdict: verdictNoSys},
		"socket":      {judge: allowSockets(socketFamilies())},
		"personality": {judge: allowValues(personalities())},
		"prctl":       {judge: keepDeathSignal()},
		// Nothing in a box outlives it, so there is nothing to write to a disk: these
		// would flush what the host and every other box have under way.
		"sync": {verdict: verdictDone}, "syncfs": {verdict: verdictDone},
	}
	var all []callRange
	add := func(name string, r callRange) {
		if n, known := info.SyscallNames[name]; known {
			r.first, r.last = uint32(n), uint32(n)
			all = append(all, r)
		}
	}
	for _, name := range strings.Fields(allowedCalls) {
		add(name, callRange{verdict: verdictAllow})
	}
	for name, r := range special {
		add(name, r)
	}
	slices.SortFunc(all, func(a, b callRange) int { return int(a.first) - int(b.first) })

	var out []callRange
	next := uint32(0)
	push := func(r callRange) {
		if n := len(out); n > 0 && r.judge == nil && out[n-1].same(r) {
			out[n-1].last = r.last
			return
		}
		out = append(out, r)
	}
	for _, r := range all {
		if r.first > next {
			push(callRange{first: next, last: r.first - 1, verdict: verdictPerm})
		}
		push(r)
		next = r.last + 1
	}
	return append(out, callRange{first: next, last: ^uint32(0), verdict: verdictPerm})
}

// search emits the binary search; the number is in the accumulator.
func search(ranges []callRange) []bpf.Instruction {
	if len(ranges) == 1 {
		if ranges[0].judge != nil {
			return ranges[0].judge
		}
		return []bpf.Instruction{bpf.RetConstant{Val: ranges[0].verdict}}
	}
	half := len(ranges) / 2
	low, high := search(ranges[:half]), search(ranges[half:])
	branch := []bpf.Instruction{bpf.JumpIf{
		Cond: bpf.JumpLessThan, Val: ranges[half].first, SkipFalse: uint8(len(low)),
	}}
	if len(low) > 255 { // out of a short jump's reach
		branch = []bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: ranges[half].first, SkipTrue: 1},
			bpf.Jump{Skip: uint32(len(low))},
		}
	}
	return slices.Concat(branch, low, high)
}

// refuseFlags allows a call unless its first argument has one of flags.
func refuseFlags(flags uint32) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArg0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: flags, SkipFalse: 1},
		bpf.RetConstant{Val: verdictPerm},
		bpf.RetConstant{Val: verdictAllow},
	}
}

// fixedLimits keeps a process from changing the limits that may stand in for control
// groups: those named at resource, when the pointer at change, if there is one, is
// set.
func fixedLimits(resource, change uint32) []bpf.Instruction {
	out := []bpf.Instruction{
		bpf.LoadAbsolute{Off: resource, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.RLIMIT_DATA, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.RLIMIT_NPROC, SkipTrue: 1},
		bpf.RetConstant{Val: verdictAllow},
	}
	if change != 0 {
		out = append(out,
			bpf.LoadAbsolute{Off: change, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
			bpf.LoadAbsolute{Off: change + 4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
			bpf.RetConstant{Val: verdictAllow})
	}
	return append(out, bpf.RetConstant{Val: verdictPerm})
}

// allowValues allows a call when its first argument is one of values.
func allowValues(values []uint32) []bpf.Instruction {
	out := []bpf.Instruction{bpf.LoadAbsolute{Off: dataArg0, Size: 4}}
	for i, v := range values {
		out = append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - i)})
	}
	return append(out, bpf.RetConstant{Val: verdictPerm}, bpf.RetConstant{Val: verdictAllow})
}

// keepDeathSignal lets processes ask for SIGKILL when their parent ends and ignores
// every other wish: the first process of a box would else outlive the platform.
func keepDeathSignal() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArg0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PR_SET_PDEATHSIG, SkipTrue: 3},
		bpf.LoadAbsolute{Off: dataArg0 + 8, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(unix.SIGKILL), SkipTrue: 1},
		bpf.RetConstant{Val: verdictDone},
		bpf.RetConstant{Val: verdictAllow},
	}
}

// allowSockets allows the families, and netlink for routes.
func allowSockets(families []uint32) []bpf.Instruction {
	out := []bpf.Instruction{bpf.LoadAbsolute{Off: dataArg0, Size: 4}}
	for i, f := range families {
		out = append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: f, SkipTrue: uint8(len(families) - i + 3)})
	}
	return append(out,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_NETLINK, SkipTrue: 2},
		bpf.LoadAbsolute{Off: dataArg0 + 16, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.NETLINK_ROUTE, SkipTrue: 1},
		bpf.RetConstant{Val: verdictPerm},
		bpf.RetConstant{Val: verdictAllow})
}
