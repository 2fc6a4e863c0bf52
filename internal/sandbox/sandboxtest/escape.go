// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// probe is what a guest tries and what must come of it.
type probe struct {
	name, code string
	want       string // one line of output for each attempt
}

// testEscape runs probes in one box each, beside an answering neighbour.
func (s *suite) testEscape(t *testing.T) {
	n := s.neighbour(t)
	t.Cleanup(func() { n.stop(t) })
	for _, p := range append(probes(), hostProcessProbe(t)) {
		t.Run(p.name, func(t *testing.T) {
			got := s.run(t, script(p.code)).out
			if diff := cmp.Diff(strings.TrimSpace(p.want), strings.TrimSpace(got)); diff != "" {
				t.Errorf("guest printed (-want +got):\n%s", diff)
			}
		})
	}
}

// all expects the same outcome of many attempts.
func all(outcome string, names ...string) string {
	return strings.Join(names, " "+outcome+"\n") + " " + outcome + "\n"
}

// hostProcessProbe tries to signal a process of the host that runs during the test.
func hostProcessProbe(t *testing.T) probe {
	sleeper := exec.Command("/bin/sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sleeper.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("a process of the host was ended: %v", err)
		}
		sleeper.Process.Kill()
		sleeper.Wait()
	})
	return probe{"processes of the host", fmt.Sprintf(`
tell("signal", lambda: os.kill(%d, 9))
print([p for p in os.listdir("/proc") if p.isdigit()])
`, sleeper.Process.Pid), "signal ESRCH\n['1']\n"}
}

func probes() []probe {
	out := []probe{
		{"files of the host", `
for p in "/root", "/home", "/var/lib", "/var/log", "/srv", "/mnt", "/boot", "/sys", "/etc/shadow", "/etc/ssl/private", "/dev/kmsg", "/dev/mem", "/dev/kvm", "/dev/pts", "/dev/tty", "/dev/loop0", "/run/docker.sock", "/proc/kcore", "/proc/cmdline", "/proc/pressure", "/proc/sysrq-trigger":
    try:
        if os.path.isdir(p): found = os.listdir(p)
        else: found = open(p, "rb").read(1)
        if found: print(p, found)
    except OSError as e: pass
print("done")
`, "done\n"},
		{"writing to what is sealed", `
for p in "/x", "/usr/x", "/etc/passwd", "/etc/x", "/var/task/x", "/run/x", "/dev/x", "/bin/x", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/proc/1/oom_score_adj_", "/proc/sys/kernel/hostname":
    try: open(p, "w").write("1"); print("wrote", p)
    except OSError: pass
for p in "cpu", "io", "memory": # a trigger: the kernel is to watch for us
    try: os.open("/proc/pressure/" + p, os.O_RDWR); print("opened pressure", p)
    except OSError: pass
print("done")
`, "done\n"},
		{"mount and namespaces", `
print("mount", sys_("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, 0))
print("bind", sys_("mount", b"/usr", b"/tmp", 0, 4096, 0))
print("remount", sys_("mount", 0, b"/usr", 0, 32|4096, 0))
print("umount", sys_("umount2", b"/proc/sys", 2))
print("pivot", sys_("pivot_root", b"/tmp", b"/tmp"))
print("chroot", sys_("chroot", b"/tmp"))
for f in "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr":
    print(f, sys_(f, 0, 0, 0, 0, 0))
for n, f in ("user", 0x10000000), ("mount", 0x20000), ("net", 0x40000000), ("pid", 0x20000000):
    print("unshare", n, sys_("unshare", f))
    print("clone", n, sys_("clone", f | 17, 0, 0, 0, 0))
print("setns", sys_("setns", os.open("/proc/self/ns/mnt", 0), 0))
print("clone3", sys_("clone3", 0, 0))
`, all("EPERM", "mount", "bind", "remount", "umount", "pivot", "chroot", "open_tree", "move_mount",
			"fsopen", "fsmount", "mount_setattr", "unshare user", "clone user", "unshare mount",
			"clone mount", "unshare net", "clone net", "unshare pid", "clone pid", "setns") +
			"clone3 ENOSYS\n"},
		{"kernel interfaces", `
for f in ("bpf userfaultfd perf_event_open io_uring_setup keyctl add_key request_key init_module " +
  "finit_module delete_module kexec_load open_by_handle_at process_vm_readv process_vm_writev " +
  "ptrace swapon syslog sethostname settimeofday pidfd_getfd kcmp acct quotactl mbind").split():
    print(f, sys_(f, 0, 0, 0, 0, 0, 0))
print("personality", sys_("personality", 0x0100000))
`, all("EPERM", strings.Fields("bpf userfaultfd perf_event_open io_uring_setup keyctl add_key "+
			"request_key init_module finit_module delete_module kexec_load open_by_handle_at "+
			"process_vm_readv process_vm_writev ptrace swapon syslog sethostname settimeofday "+
			"pidfd_getfd kcmp acct quotactl mbind personality")...)},
		{"raw devices", `
tell("block", lambda: os.mknod("/tmp/sda", 0o60600, os.makedev(8, 0)))
tell("char", lambda: os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1)))
print(sorted(os.listdir("/dev")))
`, "block EACCES\nchar EACCES\n['fd', 'full', 'null', 'random', 'shm', 'stderr', 'stdin', " +
			"'stdout', 'urandom', 'zero']\n"},
		{"cgroups", `
print([l.split()[1] for l in open("/proc/self/mounts") if l.split()[2] in ("cgroup", "cgroup2", "sysfs", "debugfs", "tracefs", "bpf")])
print([l.strip() for l in open("/proc/self/cgroup") if l.startswith(("0:", "4:memory")) and not l.strip().endswith(":/")])
print("mount", sys_("mount", b"cgroup2", b"/tmp", b"cgroup2", 0, 0))
`, "[]\n[]\nmount EPERM\n"},
		{"becoming another user", `
refuse("setuid", lambda: os.setuid(0))
refuse("setgid", lambda: os.setgid(0))
refuse("setgroups", lambda: os.setgroups([0]))
refuse("chown", lambda: (open("/tmp/f", "w"), os.chown("/tmp/f", 0, 0)))
os.system("cp /bin/id /tmp/id; chmod 4755 /tmp/id; /tmp/id -u; su -c id 2>&1 | tail -0; ")
`, all("refused", "setuid", "setgid", "setgroups", "chown") + "1000\n"},
		{"leaving through descriptors", `
tell("root", lambda: os.listdir("/proc/1/root/root"))
tell("cwd up", lambda: [os.chdir(".."), [os.chdir("..") for i in range(20)], sorted(os.listdir("."))][2])
tell("exe", lambda: open("/proc/1/exe", "r+b"))
tell("mem", lambda: open("/proc/1/mem", "r+b") and None)
tell("map", lambda: open("/proc/self/uid_map", "wb", 0).write(b"0 0 1"))
`, "root OK []\ncwd up OK ['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'root', 'run', 'sbin', " +
			"'tmp', 'usr', 'var']\nexe EACCES\nmem OK None\nmap EPERM\n"},
	}
	return out
}
