// SPDX-License-Identifier: Apache-2.0

//go:build linux

package airlock_test

import (
	"bytes"
	_ "encoding/gob" // initialises much, as the platform's dependencies do
	_ "net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/airlock"
)

// process is an airlock that a test started.
type process struct {
	t      *testing.T
	sock   int
	stderr *bytes.Buffer
	cmd    *exec.Cmd
}

// start runs this test's executable as the airlock.
func start(t *testing.T) *process {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mount namespaces need root")
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "airlock")
	defer theirs.Close()
	p := &process{t: t, sock: pair[0], stderr: new(bytes.Buffer)}
	p.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{airlock.Name, t.TempDir()},
		Env: []string{"GODEBUG=inittrace=1"}, ExtraFiles: []*os.File{theirs}, Stderr: p.stderr,
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS},
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	t.Cleanup(p.stop)
	if a := p.answer(); a.Errno != 0 {
		t.Fatalf("airlock not ready: %v", syscall.Errno(a.Errno))
	}
	return p
}

func (p *process) stop() {
	unix.Close(p.sock)
	p.cmd.Wait()
}

func (p *process) answer() airlock.Answer {
	p.t.Helper()
	var a airlock.Answer
	if n, err := unix.Read(p.sock, airlock.Bytes(&a)); n != int(unsafe.Sizeof(a)) {
		p.t.Fatalf("read answer: %d bytes, %v", n, err)
	}
	return a
}

// play sends a tape whose file 0 is the command socket, and returns our end of it.
func (p *process) play(steps []airlock.Step, data []byte) (int, airlock.Answer) {
	p.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { unix.Close(pair[0]) })
	defer unix.Close(pair[1])
	take := step(unix.SYS_DUP3, airlock.Value, 0, 4, 0)
	take.Kinds[0] = airlock.File
	steps = append([]airlock.Step{take}, steps...)
	head := airlock.Head{Steps: uint32(len(steps)), DataBytes: uint32(len(data)), NetworkFile: -1}
	message := bytes.Clone(airlock.Bytes(&head))
	for i := range steps {
		message = append(message, airlock.Bytes(&steps[i])...)
	}
	message = append(message, data...)
	if err := unix.Sendmsg(p.sock, message, unix.UnixRights(pair[1]), nil, 0); err != nil {
		p.t.Fatal(err)
	}
	return pair[0], p.answer()
}

func step(call uint32, kind airlock.Kind, args ...uint64) airlock.Step {
	s := airlock.Step{Call: call}
	copy(s.Args[:], args)
	s.Kinds[0] = kind
	return s
}

// reap waits for a child, which is ours and not the airlock's.
func reap(t *testing.T, pid int32) syscall.WaitStatus {
	t.Helper()
	var status syscall.WaitStatus
	if got, err := syscall.Wait4(int(pid), &status, 0, nil); got != int(pid) {
		t.Fatalf("wait for child %d: %d, %v", pid, got, err)
	}
	return status
}

func TestTakesOverBeforeDependencies(t *testing.T) {
	p := start(t)
	p.stop()
	trace := p.stderr.String()
	if !strings.Contains(trace, "init syscall ") {
		t.Fatalf("no trace of initialisation: %q", trace)
	}
	for _, late := range []string{"net/http", "encoding/gob", "testing"} {
		if strings.Contains(trace, "init "+late+" ") {
			t.Errorf("%s was initialised before the airlock took over", late)
		}
	}
}

func TestFailingStepIsReportedByNumber(t *testing.T) {
	p := start(t)
	optional := step(unix.SYS_CLOSE, airlock.Value, 999)
	optional.Flags = airlock.MayFail
	sock, a := p.play([]airlock.Step{
		step(unix.SYS_GETPID, airlock.Value), optional, step(unix.SYS_CHDIR, airlock.Data, 0),
	}, []byte("/no/such\x00"))
	if a.Errno != 0 {
		t.Fatalf("clone: %v", syscall.Errno(a.Errno))
	}
	var r airlock.Report
	unix.Read(sock, airlock.Bytes(&r))
	if want := (airlock.Report{At: 3, Errno: uint32(unix.ENOENT)}); r != want {
		t.Errorf("report %+v, want %+v", r, want)
	}
	if status := reap(t, a.Pid); status.ExitStatus() != 127 {
		t.Errorf("child ended with %v", status)
	}
}

func TestRegistersCarryResults(t *testing.T) {
	p := start(t)
	open := step(unix.SYS_MEMFD_CREATE, airlock.Data, 0, 0)
	open.Save = 3
	write := step(unix.SYS_WRITE, airlock.Register, 3, 0, 4)
	write.Kinds[1], write.Flags = airlock.Data, airlock.Exact
	short := step(unix.SYS_READ, airlock.Register, 3, 0, 4) // at the end: reads nothing
	short.Kinds[1], short.Flags = airlock.Data, airlock.Exact
	sock, a := p.play([]airlock.Step{open, write, short}, []byte("name\x00"))
	var r airlock.Report
	unix.Read(sock, airlock.Bytes(&r))
	if want := (airlock.Report{At: 3, Errno: uint32(unix.EPIPE)}); r != want {
		t.Errorf("report %+v, want %+v", r, want)
	}
	reap(t, a.Pid)
}

func TestChildEndsWhenNobodyOrders(t *testing.T) {
	p := start(t)
	sock, a := p.play([]airlock.Step{step(airlock.CallOrder, airlock.Value, 4)}, nil)
	var r airlock.Report
	unix.Read(sock, airlock.Bytes(&r))
	if r.At != airlock.AtSealed {
		t.Errorf("report %+v, want sealed", r)
	}
	unix.Close(sock)
	if status := reap(t, a.Pid); status.ExitStatus() != 127 && status.Signal() != unix.SIGPIPE {
		t.Errorf("child ended with %v", status)
	}
}

func TestMalformedTapeIsRefused(t *testing.T) {
	p := start(t)
	head := airlock.Head{Steps: 5, NetworkFile: -1}
	for name, message := range map[string][]byte{
		"too short": {1}, "fewer steps than it says": airlock.Bytes(&head),
	} {
		if err := unix.Sendmsg(p.sock, message, nil, nil, 0); err != nil {
			t.Fatal(err)
		}
		if a := p.answer(); a.Pid != -1 || syscall.Errno(a.Errno) != unix.EINVAL {
			t.Errorf("%s: answer %+v, want EINVAL", name, a)
		}
	}
	if _, a := p.play(nil, nil); a.Errno != 0 {
		t.Errorf("a good tape after bad ones: %v", syscall.Errno(a.Errno))
	} else {
		reap(t, a.Pid)
	}
}
