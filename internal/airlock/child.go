// SPDX-License-Identifier: Apache-2.0

//go:build linux

package airlock

import (
	"syscall"
	"unsafe"
)

// program is a tape in memory, laid out for a child that cannot allocate.
type program struct {
	tape  unsafe.Pointer // Head, steps, data
	order unsafe.Pointer // room for an order's body

	steps, data unsafe.Pointer
	count       uintptr
	cloneFlags  uintptr
	network     int
	files       [FilesMax]uintptr
	fileCount   int

	allSignals, oldSignals uint64
	report                 Report
	head                   OrderHead
}

const (
	sigSetMask = 2
	exitCode   = 127 // what shells use for a program that could not be run
	accessOK   = 0
	atCWD      = ^uintptr(99) // AT_FDCWD
)

// clone makes a child that plays the tape. The child's parent is the airlock's own.
//
// Everything from here on may run in the child of a fork of a threaded process: no
// allocation, no stack growth (nosplit), no call into the runtime, signals blocked.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) clone() (pid uintptr, errno syscall.Errno) {
	p.allSignals = ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetMask,
		uintptr(unsafe.Pointer(&p.allSignals)), uintptr(unsafe.Pointer(&p.oldSignals)), 8, 0, 0)
	flags := p.cloneFlags | syscall.CLONE_PARENT | uintptr(syscall.SIGCHLD)
	pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		p.play()
	}
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetMask,
		uintptr(unsafe.Pointer(&p.oldSignals)), 0, 8, 0, 0)
	return pid, errno
}

// play makes the tape's calls one after the other and never returns.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) play() {
	var registers [8]uintptr
	var a [6]uintptr
	for i := uintptr(0); i < p.count; i++ {
		s := (*Step)(unsafe.Add(p.steps, i*unsafe.Sizeof(Step{})))
		for j := range a {
			a[j] = uintptr(s.Args[j])
			switch s.Kinds[j] {
			case Data:
				a[j] += uintptr(p.data)
			case File:
				a[j] = p.files[a[j]&0xff%FilesMax]
			case Register:
				a[j] = registers[a[j]&7]
			}
		}
		var r uintptr
		var errno syscall.Errno
		switch s.Call {
		case CallPoint:
			*(*uintptr)(unsafe.Add(p.data, uintptr(s.Args[0]))) = uintptr(p.data) + uintptr(s.Args[1])
		case CallOrder:
			p.obey(a[0])
		default:
			r, _, errno = syscall.RawSyscall6(uintptr(s.Call), a[0], a[1], a[2], a[3], a[4], a[5])
		}
		if errno == 0 && s.Flags&Exact != 0 && r != a[2] {
			errno = syscall.EPIPE
		}
		if errno != 0 && s.Flags&MayFail == 0 {
			p.fail(reportFD, uint32(i), errno)
		}
		registers[s.Save&7] = r
	}
	p.fail(reportFD, uint32(p.count), syscall.EINVAL)
}

// reportFD is where tapes put the command socket before anything can fail.
const reportFD = 4

// fail reports and ends the child.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) fail(fd uintptr, at uint32, errno syscall.Errno) {
	p.tell(fd, at, errno)
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, exitCode, 0, 0)
	}
}

//go:nosplit
//go:norace
//go:noinline
func (p *program) tell(fd uintptr, at uint32, errno syscall.Errno) {
	p.report.At, p.report.Errno = at, uint32(errno)
	syscall.RawSyscall(syscall.SYS_WRITE, fd,
		uintptr(unsafe.Pointer(&p.report)), unsafe.Sizeof(p.report))
}

// obey awaits an order and becomes its program.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) obey(fd uintptr) {
	p.tell(fd, AtSealed, 0)
	p.fill(fd, unsafe.Pointer(&p.head), unsafe.Sizeof(p.head))
	h := &p.head
	vectors := (uintptr(h.Paths) + uintptr(h.Args) + uintptr(h.Env) + 2) * 8
	if uintptr(h.Bytes) > OrderBytesMax || vectors > uintptr(h.Bytes) {
		p.fail(fd, AtOrder, syscall.E2BIG)
	}
	p.fill(fd, p.order, uintptr(h.Bytes))

	args := uintptr(h.Paths) * 8
	env := args + (uintptr(h.Args)+1)*8
	p.relocate(0, uintptr(h.Paths))
	p.relocate(args, uintptr(h.Args))
	p.relocate(env, uintptr(h.Env))
	p.become(fd, args, env)
}

// fill reads exactly n bytes; when the driver hangs up it ends the child.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) fill(fd uintptr, to unsafe.Pointer, n uintptr) {
	for got := uintptr(0); got < n; {
		r, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(to)+got, n-got)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 || r == 0 {
			p.fail(fd, AtOrder, errno)
		}
		got += r
	}
}

// relocate turns n offsets at the given place of the order into addresses.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) relocate(at, n uintptr) {
	for i := uintptr(0); i < n; i++ {
		*(*uintptr)(unsafe.Add(p.order, at+i*8)) += uintptr(p.order)
	}
}

// become enters the order's folder and tries its programs in turn, as a shell does.
//
//go:nosplit
//go:norace
//go:noinline
func (p *program) become(fd, args, env uintptr) {
	folder := uintptr(p.order) + uintptr(p.head.Folder)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CHDIR, folder, 0, 0); errno != 0 {
		p.fail(fd, AtFolder, errno)
	}
	none := uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, sigSetMask,
		uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)

	at, failure := AtProgram, syscall.ENOENT
	for i := uintptr(0); i < uintptr(p.head.Paths); i++ {
		path := *(*uintptr)(unsafe.Add(p.order, i*8))
		_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE, path,
			uintptr(p.order)+args, uintptr(p.order)+env)
		if errno == syscall.ENOENT || errno == syscall.ENOTDIR {
			_, _, missing := syscall.RawSyscall6(syscall.SYS_FACCESSAT, atCWD, path, accessOK, 0, 0, 0)
			if missing != 0 {
				continue
			}
			p.fail(fd, AtInterpreter, errno)
		}
		failure = errno
		if errno != syscall.EACCES {
			break
		}
	}
	p.fail(fd, at, failure)
}
