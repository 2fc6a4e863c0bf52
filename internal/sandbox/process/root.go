// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/boxetc"
)

const (
	// rootBytes bounds the file system that holds the box's mount points.
	rootBytes = 1 << 20
	// shmBytesMax bounds /dev/shm, as container engines do; it is less in a box
	// with less memory. What is in it counts as the box's memory.
	shmBytesMax = 64 << 20
	// tmpInodes bounds the files in /tmp; a large node_modules has 100,000.
	tmpInodes = 256 << 10
	// mountsMax bounds Spec.Mounts: their descriptors travel in one message.
	mountsMax = 128
)

// hostName is every box's, named in its /etc/hosts.
const hostName = "dayfly"

const sealedAttr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// bind is a piece of the host that every box sees.
type bind struct {
	source, target string
	attr           uint64
	file           bool
}

// link is a symbolic link in every box.
type link struct{ target, name string }

// rootPlan is what this host contributes to the root of every box.
type rootPlan struct {
	binds      []bind
	links      []link
	procSealed []string // below /proc, made read-only
	procFiles  []string // below /proc, replaced by nothing
	procDirs   []string
	more       []string // folders beside the usual ones
}

// newRootPlan looks at the host. etc is the folder with the boxes' /etc.
func newRootPlan(etc string) rootPlan {
	var p rootPlan
	for _, name := range []string{"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		info, err := os.Lstat("/" + name)
		if err != nil {
			continue
		}
		if info.Mode()&os.ModeSymlink != 0 {
			target, _ := os.Readlink("/" + name)
			p.links = append(p.links, link{target, name})
			continue
		}
		p.binds = append(p.binds, bind{"/" + name, name, sealedAttr, false})
	}
	p.binds = append(p.binds, bind{etc, "etc", sealedAttr | unix.MOUNT_ATTR_NOEXEC, false})
	for _, dir := range boxetc.Folders() {
		p.binds = append(p.binds, bind{dir, dir[1:], sealedAttr, false})
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		attr := uint64(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC)
		p.binds = append(p.binds, bind{"/dev/" + name, "dev/" + name, attr, true})
	}
	p.links = append(p.links,
		link{"/proc/self/fd", "dev/fd"}, link{"/proc/self/fd/0", "dev/stdin"},
		link{"/proc/self/fd/1", "dev/stdout"}, link{"/proc/self/fd/2", "dev/stderr"},
		link{"/run", "var/run"}, link{"/tmp", "var/tmp"})
	p.procSealed = present("bus", "fs", "irq", "sys", "sysrq-trigger")
	p.procFiles = present("cmdline", "kcore", "keys", "key-users", "kmsg", "kallsyms", "kpagecount",
		"kpageflags", "kpagecgroup", "latency_stats", "timer_list", "timer_stats",
		"sched_debug", "interrupts", "vmallocinfo", "mtrr", "config.gz")
	// Whoever opens pressure for writing has the kernel measure for them.
	p.procDirs = present("acpi", "scsi", "asound", "driver", "pressure")
	return p
}

// present keeps the names that this host's /proc has.
func present(names ...string) []string {
	var out []string
	for _, n := range names {
		if _, err := os.Lstat("/proc/" + n); err == nil {
			out = append(out, "proc/"+n)
		}
	}
	return out
}

// openTree makes a detached copy of a host path, with everything mounted below it.
func openTree(source string, attr unix.MountAttr) (*os.File, error) {
	const clone = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, clone)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", source, err)
	}
	attr.Propagation = unix.MS_PRIVATE
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("seal %s: %w", source, err)
	}
	return os.NewFile(uintptr(fd), source), nil
}

// rootSteps builds the box's file system below /box and makes it the root.
func (s *script) rootSteps(p rootPlan, spec sandbox.Spec, writable mapper) error {
	s.call("mount the root", unix.SYS_MOUNT, s.text("tmpfs"), s.text("/box"), s.text("tmpfs"),
		num(unix.MS_NOSUID|unix.MS_NODEV), s.text("mode=755,size="+strconv.Itoa(rootBytes)))
	s.call("enter the root", unix.SYS_CHDIR, s.text("/box"))
	for _, dir := range []string{
		"dev", "dev/shm", "etc", "proc", "root", "run", "tmp", "var", "var/empty", "var/task",
	} {
		s.mkdir(dir)
	}
	for _, dir := range p.more {
		s.mkdir(dir)
	}
	for _, l := range p.links {
		s.call("link "+l.name, unix.SYS_SYMLINKAT, s.text(l.target), here(), s.text(l.name))
	}
	for _, b := range p.binds {
		if err := s.mount(b, unix.MountAttr{Attr_set: b.attr}); err != nil {
			return err
		}
	}
	if spec.Resolver != "" {
		s.write("run/resolv.conf", "nameserver "+spec.Resolver+"\n")
	}
	s.procSteps(p)
	s.tmpfs("tmp", tmpOptions(spec.Limits.TmpBytes))
	shm := min(shmBytesMax, spec.Limits.MemoryBytes)
	s.tmpfs("dev/shm", fmt.Sprintf("mode=1777,size=%d", shm))

	made := map[string]bool{"tmp": true, "var/task": true, "dev/shm": true}
	for _, m := range spec.Mounts {
		if err := s.specMount(m, made, writable); err != nil {
			return err
		}
	}
	s.call("seal the root", unix.SYS_MOUNT, num(0), s.text("."), num(0),
		num(unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV), num(0))
	s.call("change the root", unix.SYS_PIVOT_ROOT, s.text("."), s.text("."))
	s.call("leave the old root", unix.SYS_UMOUNT2, s.text("."), num(unix.MNT_DETACH))
	s.call("enter the new root", unix.SYS_CHDIR, s.text("/"))
	return nil
}

func tmpOptions(n int64) string {
	return fmt.Sprintf("mode=1777,size=%d,nr_inodes=%d", n, tmpInodes)
}

// procSteps mounts a fresh /proc and hides what tells of, or changes, the machine. It
// comes before the old root goes: inside a user namespace the kernel refuses a new
// /proc unless a fully visible one is there.
func (s *script) procSteps(p rootPlan) {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	s.call("mount /proc", unix.SYS_MOUNT, s.text("proc"), s.text("proc"), s.text("proc"),
		num(flags), num(0))
	for _, name := range p.procSealed {
		s.bind(name, name)
		s.call("seal /"+name, unix.SYS_MOUNT, num(0), s.text(name), num(0),
			num(unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags), num(0))
	}
	for _, name := range p.procFiles {
		s.bind("dev/null", name)
	}
	for _, name := range p.procDirs {
		s.bind("var/empty", name)
	}
}

// specMount adds one of Spec.Mounts.
func (s *script) specMount(m sandbox.Mount, made map[string]bool, writable mapper) error {
	target := path.Clean(m.Target)
	if !path.IsAbs(m.Target) || target == "/" {
		return dayfly.Errorf(dayfly.KindInvalid, "mount target %q is not an absolute path", m.Target)
	}
	if target == "/tmp" || below(target, "/proc") || below(target, "/dev") {
		return dayfly.Errorf(dayfly.KindInvalid, "mount target %s belongs to the sandbox itself", target)
	}
	if !filepath.IsAbs(m.Source) {
		return dayfly.Errorf(dayfly.KindInvalid, "mount source %q is not an absolute path", m.Source)
	}
	info, err := os.Stat(m.Source)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "mount source %s does not exist", m.Source)
	}
	attr := unix.MountAttr{Attr_set: sealedAttr}
	if m.Writable {
		attr.Attr_set = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
		if err := writable.share(m.Source, info, &attr); err != nil {
			return err
		}
	}
	target = target[1:]
	s.mkdirs(path.Dir(target), made)
	return s.mount(bind{source: m.Source, target: target, file: !info.IsDir()}, attr)
}

// mkdirs makes a folder and those above it, once each.
func (s *script) mkdirs(dir string, made map[string]bool) {
	if dir == "." || made[dir] {
		return
	}
	s.mkdirs(path.Dir(dir), made)
	made[dir] = true
	s.mkdir(dir)
}

func (s *script) mkdir(dir string) {
	s.call("make /"+dir, unix.SYS_MKDIRAT, here(), s.text(dir), num(0o755)).Flags = mayFail
}

// mount attaches a piece of the host at a mount point that it makes.
func (s *script) mount(b bind, attr unix.MountAttr) error {
	if b.file {
		s.call("make /"+b.target, unix.SYS_MKNODAT, here(), s.text(b.target),
			num(unix.S_IFREG|0o644), num(0)).Flags = mayFail
	} else {
		s.mkdir(b.target)
	}
	f, err := openTree(b.source, attr)
	if err != nil {
		return err
	}
	s.trees = append(s.trees, f)
	s.call("mount /"+b.target, unix.SYS_MOVE_MOUNT, s.file(f), s.text(""), here(),
		s.text(b.target), num(unix.MOVE_MOUNT_F_EMPTY_PATH))
	return nil
}

func (s *script) bind(source, target string) {
	s.call("mount /"+target, unix.SYS_MOUNT, s.text(source), s.text(target), num(0),
		num(unix.MS_BIND), num(0))
}

func (s *script) tmpfs(target, options string) {
	s.call("mount /"+target, unix.SYS_MOUNT, s.text("tmpfs"), s.text(target), s.text("tmpfs"),
		num(unix.MS_NOSUID|unix.MS_NODEV), s.text(options))
}

// write makes a small file.
func (s *script) write(name, content string) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC
	s.call("make /"+name, unix.SYS_OPENAT, here(), s.text(name), num(flags), num(0o644)).Save = 1
	s.call("write /"+name, unix.SYS_WRITE, register(1), s.bytes([]byte(content)), num(len(content)))
	s.call("close /"+name, unix.SYS_CLOSE, register(1))
}

// below tells whether a clean path is dir or in it.
func below(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, dir+"/")
}
