// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func TestIDsWithin(t *testing.T) {
	for name, c := range map[string]struct {
		inside, count int64
		want          *ids
	}{
		"the whole machine":                {0, 1<<32 - 1, &ids{each: idsEach, first: idFirst, ranges: idRangesMax}},
		"a container with 65536 ids":       {0, 65536, &ids{each: idsFew, first: 1, ranges: 32767}},
		"a user's range beside one's own":  {1, 65536, &ids{each: idsFew, first: 1, ranges: 32767}},
		"one's own alone":                  {0, 1, &ids{each: 1}},
		"a few":                            {1, 3, &ids{each: idsFew, first: 1, ranges: 1}},
		"two thousand million, from there": {1 << 30, 1 << 31, &ids{each: idsEach, first: idFirst, ranges: 16384}},
	} {
		got := idsWithin(c.inside, c.count)
		if got.each != c.want.each || got.first != c.want.first || got.ranges != c.want.ranges {
			t.Errorf("%s: idsWithin(%d, %d) = %d from %d, %d times; want %d from %d, %d times", name, c.inside,
				c.count, got.each, got.first, got.ranges, c.want.each, c.want.first, c.want.ranges)
		}
	}
}

func TestIDsAreRecycled(t *testing.T) {
	i := &ids{each: idsFew, first: 10, ranges: 2}
	a, _ := i.acquire()
	b, _ := i.acquire()
	if _, err := i.acquire(); err == nil {
		t.Error("a third range came out of two")
	}
	if a.first != 10 || b.first != 12 || b.app() != 13 {
		t.Errorf("ranges %+v and %+v", a, b)
	}
	i.release(a)
	if c, err := i.acquire(); err != nil || c != a {
		t.Errorf("acquire() = %+v, %v; want %+v again", c, err, a)
	}
}

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
		want  map[job]string // which hierarchy does a job
	}{
		"version 1": {v1, map[job]string{jobMemory: "memory", jobCPU: "cpu,cpuacct",
			jobCPUCount: "cpu,cpuacct", jobPids: "pids", jobFreeze: "freezer"}},
		"hybrid": {v1 + "cgroup2 " + dir + "/unified cgroup2 rw 0 0\n", map[job]string{jobMemory: "memory",
			jobCPU: "cpu,cpuacct", jobCPUCount: "cpu,cpuacct", jobPids: "pids", jobFreeze: "unified",
			jobKill: "unified"}},
		"version 2": {"cgroup2 " + dir + "/v2 cgroup2 rw 0 0\n", map[job]string{jobMemory: "v2", jobCPU: "v2",
			jobCPUCount: "v2", jobPids: "v2", jobFreeze: "v2", jobKill: "v2"}},
		"none": {"proc /proc proc rw 0 0\n", map[job]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			trees, _ := hierarchiesOf(c.table, "0::/\n", "dayfly-test")
			got := make(map[job]string)
			for _, tree := range trees {
				for j, does := range tree.jobs {
					if does {
						got[job(j)] = filepath.Base(tree.base)
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("jobs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgramsAreFoundOnThePath(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		env     []string
		want    []string
	}{
		"with a slash": {"./a", []string{"PATH=/x"}, []string{"./a"}},
		"bare":         {"a", []string{"A=b", "PATH=/x:/y/"}, []string{"/x/a", "/y/a"}},
		"empty member": {"a", []string{"PATH=:/y"}, []string{"./a", "/y/a"}},
		"no path":      {"a", nil, []string{"/usr/local/bin/a", "/usr/bin/a", "/bin/a"}},
	} {
		if diff := cmp.Diff(c.want, programs(c.program, c.env)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestFilter asks the assembled filter about every call there is.
func TestFilter(t *testing.T) {
	info, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := seccompFilter()
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
		"a thread":             {"clone", []uint64{unix.CLONE_VM | unix.CLONE_THREAD}, verdictAllow},
		"a user namespace":     {"clone", []uint64{unix.CLONE_NEWUSER}, verdictPerm},
		"one beside others":    {"clone", []uint64{unix.CLONE_VM | unix.CLONE_NEWNS}, verdictPerm},
		"clone3":               {"clone3", nil, verdictNoSys},
		"a TCP socket":         {"socket", []uint64{unix.AF_INET, unix.SOCK_STREAM}, verdictAllow},
		"a route socket":       {"socket", []uint64{unix.AF_NETLINK, 3, unix.NETLINK_ROUTE}, verdictAllow},
		"a netfilter socket":   {"socket", []uint64{unix.AF_NETLINK, 3, unix.NETLINK_NETFILTER}, verdictPerm},
		"a packet socket":      {"socket", []uint64{unix.AF_PACKET}, verdictPerm},
		"reading a limit":      {"prlimit64", []uint64{0, unix.RLIMIT_DATA, 0}, verdictAllow},
		"raising open files":   {"prlimit64", []uint64{0, unix.RLIMIT_NOFILE, 1}, verdictAllow},
		"raising data":         {"prlimit64", []uint64{0, unix.RLIMIT_DATA, 1 << 40}, verdictPerm},
		"raising processes":    {"prlimit64", []uint64{0, unix.RLIMIT_NPROC, 1}, verdictPerm},
		"a usual personality":  {"personality", []uint64{0xffffffff}, verdictAllow},
		"an odd personality":   {"personality", []uint64{0x0040000}, verdictPerm},
		"another architecture": {"", nil, verdictPerm},
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
