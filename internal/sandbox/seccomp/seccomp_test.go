// SPDX-License-Identifier: Apache-2.0

//go:build linux

package seccomp

import (
	"encoding/binary"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// TestFilter asks the assembled filter about every call there is.
func TestFilter(t *testing.T) {
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Filter()
	if err != nil {
		t.Fatal(err)
	}
	vm := filterVM(t, raw)
	ask := func(number int, args ...uint64) uint32 {
		data := make([]byte, 64) // struct seccomp_data, in the order of bytes that the VM reads
		binary.BigEndian.PutUint32(data[dataNumber:], uint32(number))
		binary.BigEndian.PutUint32(data[dataArch:], uint32(info.ID))
		for i, a := range args {
			binary.BigEndian.PutUint32(data[dataArg0+8*i:], uint32(a))
			binary.BigEndian.PutUint32(data[dataArg0+8*i+4:], uint32(a>>32))
		}
		verdict, err := vm.Run(data)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(verdict)
	}
	want := make(map[int]uint32)
	for _, r := range callRanges(info) {
		for n := r.first; r.judge == nil && n <= min(r.last, 1000); n++ {
			want[int(n)] = r.verdict
		}
	}
	for n, v := range want {
		if got := ask(n); got != v {
			t.Errorf("call %d: verdict %x, want %x", n, got, v)
		}
	}
	for name, c := range map[string]struct {
		call string
		args []uint64
		want uint32
	}{
		"a thread":               {"clone", []uint64{unix.CLONE_VM | unix.CLONE_THREAD}, verdictAllow},
		"a user namespace":       {"clone", []uint64{unix.CLONE_NEWUSER}, verdictPerm},
		"one beside others":      {"clone", []uint64{unix.CLONE_VM | unix.CLONE_NEWNS}, verdictPerm},
		"clone3":                 {"clone3", nil, verdictNoSys},
		"a TCP socket":           {"socket", []uint64{unix.AF_INET, unix.SOCK_STREAM}, verdictAllow},
		"a route socket":         {"socket", []uint64{unix.AF_NETLINK, 3, unix.NETLINK_ROUTE}, verdictAllow},
		"a netfilter socket":     {"socket", []uint64{unix.AF_NETLINK, 3, unix.NETLINK_NETFILTER}, verdictPerm},
		"a packet socket":        {"socket", []uint64{unix.AF_PACKET}, verdictPerm},
		"reading a limit":        {"prlimit64", []uint64{0, unix.RLIMIT_DATA, 0}, verdictAllow},
		"raising open files":     {"prlimit64", []uint64{0, unix.RLIMIT_NOFILE, 1}, verdictAllow},
		"raising data":           {"prlimit64", []uint64{0, unix.RLIMIT_DATA, 1 << 40}, verdictPerm},
		"raising processes":      {"prlimit64", []uint64{0, unix.RLIMIT_NPROC, 1}, verdictPerm},
		"a usual personality":    {"personality", []uint64{0xffffffff}, verdictAllow},
		"an odd personality":     {"personality", []uint64{0x0040000}, verdictPerm},
		"dying with the parent":  {"prctl", []uint64{unix.PR_SET_PDEATHSIG, uint64(unix.SIGKILL)}, verdictAllow},
		"outliving the platform": {"prctl", []uint64{unix.PR_SET_PDEATHSIG, 0}, verdictDone},
		"a death signal to mask": {"prctl", []uint64{unix.PR_SET_PDEATHSIG, uint64(unix.SIGTERM)}, verdictDone},
		"a thread's name":        {"prctl", []uint64{unix.PR_SET_NAME, 0}, verdictAllow},
		"flushing the host":      {"sync", nil, verdictDone},
		"flushing host disks":    {"syncfs", []uint64{3}, verdictDone},
		"another architecture":   {"", nil, verdictPerm},
	} {
		number, known := info.SyscallNames[c.call]
		if !known {
			number = 1<<30 + 5 // the x32 numbers
		}
		if got := ask(number, c.args...); got != c.want {
			t.Errorf("%s: verdict %x, want %x", name, got, c.want)
		}
	}
	if n := len(raw) / 8; n > 200 {
		t.Errorf("the filter has %d instructions; installing costs 2 µs for each", n)
	}
}

func filterVM(t *testing.T, raw []byte) *bpf.VM {
	t.Helper()
	var program []bpf.Instruction
	for ; len(raw) > 0; raw = raw[8:] {
		program = append(program, bpf.RawInstruction{
			Op: binary.NativeEndian.Uint16(raw), Jt: raw[2], Jf: raw[3], K: binary.NativeEndian.Uint32(raw[4:]),
		}.Disassemble())
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}
