// SPDX-License-Identifier: Apache-2.0

//go:build linux

package airlock

import (
	"os"
	"syscall"
	"unsafe"
)

const (
	// socketFD is the airlock's end of the connection to the driver. Everything
	// below is occupied, so that what arrives in messages has higher numbers and
	// tapes may use 0 to 8 for themselves.
	socketFD = 9
	// startFD is where the driver puts that end.
	startFD = 3
)

// init turns a process named dayfly-airlock into the airlock. It stands here and not
// in main because of what lies between (docs/decisions/0011).
func init() {
	if len(os.Args) != 2 || os.Args[0] != Name {
		return
	}
	home, errno := settle(os.Args[1])
	if errno != 0 {
		answer(socketFD, Answer{Pid: -1, Errno: uint32(errno)})
		syscall.Exit(1)
	}
	answer(socketFD, Answer{})
	serve(home)
	syscall.Exit(0)
}

// settle arranges descriptors and moves the process into a file system of its own
// that holds nothing but /proc and /box, so that each box copies two mounts instead
// of all the host's and never sees one of them. It returns the network namespace that
// the process lives in.
func settle(folder string) (home int, errno syscall.Errno) {
	if err := syscall.Dup3(startFD, socketFD, syscall.O_CLOEXEC); err != nil {
		return 0, err.(syscall.Errno)
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err.(syscall.Errno)
	}
	for fd := 0; fd < socketFD; fd++ {
		if fd != null {
			syscall.Dup3(null, fd, syscall.O_CLOEXEC)
		}
	}
	if home, err = openHome(); err != nil {
		return 0, err.(syscall.Errno)
	}
	steps := []func() error{
		func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error {
			return syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size=1m")
		},
		func() error { return syscall.Chdir(folder) },
		func() error { return syscall.Mkdir("proc", 0o755) },
		func() error { return syscall.Mkdir("box", 0o755) },
		func() error {
			return syscall.Mount("/proc", "proc", "", syscall.MS_BIND|syscall.MS_REC, "")
		},
		func() error { return syscall.PivotRoot(".", ".") },
		func() error { return syscall.Unmount(".", syscall.MNT_DETACH) },
		func() error { return syscall.Chdir("/") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return 0, err.(syscall.Errno)
		}
	}
	return home, 0
}

// openHome opens the network namespace to come back to. Root of a user namespace
// cannot come back to the host's, so it moves to an empty one of its own.
func openHome() (int, error) {
	const path, flags = "/proc/self/ns/net", syscall.O_RDONLY | syscall.O_CLOEXEC
	home, err := syscall.Open(path, flags, 0)
	if err != nil {
		return 0, err
	}
	_, _, errno := syscall.RawSyscall(sysSetns, uintptr(home), syscall.CLONE_NEWNET, 0)
	if errno == 0 {
		return home, nil
	}
	syscall.Close(home)
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return 0, err
	}
	return syscall.Open(path, flags, 0)
}

// serve clones one child for each message until the driver hangs up.
func serve(home int) {
	p := program{
		tape:  region(TapeBytesMax),
		order: region(OrderBytesMax),
	}
	message := unsafe.Slice((*byte)(p.tape), TapeBytesMax)
	rights := make([]byte, syscall.CmsgSpace(4*FilesMax))
	for {
		n, rn, _, _, err := syscall.Recvmsg(socketFD, message, rights, syscall.MSG_CMSG_CLOEXEC)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		files := p.receive(rights[:rn])
		reply := Answer{Pid: -1, Errno: uint32(syscall.EINVAL)}
		if p.load(n) {
			reply = p.launch(home)
		}
		for _, fd := range files {
			syscall.Close(fd)
		}
		answer(socketFD, reply)
	}
}

// region reserves memory that costs nothing until it is written.
func region(bytes int) unsafe.Pointer {
	m, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		syscall.Exit(1)
	}
	return unsafe.Pointer(&m[0])
}

func answer(fd int, a Answer) {
	if _, err := syscall.Write(fd, Bytes(&a)); err != nil {
		syscall.Exit(1)
	}
}

// receive takes the descriptors out of a message.
func (p *program) receive(rights []byte) []int {
	if len(rights) == 0 {
		return nil
	}
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return nil
	}
	files, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return nil
	}
	for i, fd := range files {
		p.files[i] = uintptr(fd)
	}
	p.fileCount = len(files)
	return files
}

// load checks that a message of n bytes holds the tape it says.
func (p *program) load(n int) bool {
	head := (*Head)(p.tape)
	if n < int(unsafe.Sizeof(*head)) {
		return false
	}
	steps := int(head.Steps) * int(unsafe.Sizeof(Step{}))
	p.steps = unsafe.Add(p.tape, unsafe.Sizeof(*head))
	p.count = uintptr(head.Steps)
	p.data = unsafe.Add(p.steps, steps)
	p.cloneFlags = uintptr(head.CloneFlags)
	p.network = int(head.NetworkFile)
	return n == int(unsafe.Sizeof(*head))+steps+int(head.DataBytes) && p.network < p.fileCount
}

// launch clones a child, in the tape's network namespace when it names one.
func (p *program) launch(home int) Answer {
	if p.network >= 0 {
		_, _, errno := syscall.RawSyscall(sysSetns, p.files[p.network], syscall.CLONE_NEWNET, 0)
		if errno != 0 {
			return Answer{Pid: -1, Errno: uint32(errno)}
		}
	}
	pid, errno := p.clone()
	if p.network >= 0 {
		_, _, back := syscall.RawSyscall(sysSetns, uintptr(home), syscall.CLONE_NEWNET, 0)
		if back != 0 {
			syscall.Exit(1)
		}
	}
	if errno != 0 {
		return Answer{Pid: -1, Errno: uint32(errno)}
	}
	return Answer{Pid: int32(pid)}
}
