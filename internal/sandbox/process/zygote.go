// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/airlock"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	// zygoteAnswer bounds one fork: 0.3 ms on a quiet machine. Who takes longer is stuck.
	zygoteAnswer = 2 * time.Second
	// capKept is the one capability of a zygote, CAP_SYS_ADMIN: it enters the networks
	// that boxes are born in.
	capKept = unix.CAP_SYS_ADMIN
)

// zygote is a warm process that takes the airlock's place for some boxes. It is a child
// of the thread that owns the airlock, and so are its own.
//
//	spawner ─▶ airlock ─clone─▶ zygote ─exec─▶ interpreter ─▶ ready
//	                                              └─clone─▶ first process of a box
type zygote struct {
	driver *Driver
	pid    int
	pidfd  *os.File
	done   chan struct{}

	mu    sync.Mutex // guards the order on conn
	conn  *net.UnixConn
	ended sync.Once
}

var (
	_ sandbox.Forker = (*Driver)(nil)
	_ sandbox.Zygote = (*zygote)(nil)
)

// Zygote implements sandbox.Forker.
func (d *Driver) Zygote(ctx context.Context, spec sandbox.Spec) (sandbox.Zygote, error) {
	if err := d.host.require(); err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	z := &zygote{driver: d, done: make(chan struct{})}
	if err := z.begin(ctx, spec); err != nil {
		if z.pidfd == nil { // nothing runs: nobody will watch
			d.alive.Done()
		} else {
			z.Kill()
			<-z.done
		}
		return nil, fmt.Errorf("start zygote: %w", err)
	}
	return z, nil
}

// begin starts the process and waits until it is ready.
func (z *zygote) begin(ctx context.Context, spec sandbox.Spec) error {
	command, ours, err := socketPair("command")
	if err != nil {
		return err
	}
	defer command.Close()
	defer ours.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "zygote")
	defer theirs.Close()
	if z.conn, err = packets(pair[0]); err != nil {
		return err
	}
	s := &script{}
	defer s.closeTrees()
	p := &plumbing{command: command, control: theirs, outputs: [2]*os.File{nil, spec.Stderr}}
	if err := z.steps(s, p, spec); err != nil {
		z.conn.Close()
		return err
	}
	const flags = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC
	if z.pid, err = z.driver.spawner.spawn(s, flags, -1); err != nil {
		z.conn.Close()
		return err
	}
	if err := z.watch(); err != nil {
		z.conn.Close()
		return err
	}
	z.driver.cgroups.Adopt(z.pid)
	if err := z.order(ctx, ours, s, spec); err != nil {
		return err
	}
	theirs.Close() // so that its end is seen as the end
	stop := interrupt(ctx, z.conn)
	defer stop()
	ready, err := z.answer()
	if err == nil && ready.Errno != 0 {
		err = syscall.Errno(ready.Errno)
	}
	return err
}

// packets takes over our end of a packet socket.
func packets(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "zygote")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	return c.(*net.UnixConn), nil
}

// steps are those of a box that keeps the host's users and processes in sight, as its
// forks need them, and the capability to enter networks.
func (z *zygote) steps(s *script, p *plumbing, spec sandbox.Spec) error {
	s.birthSteps(p)
	root := z.driver.root
	// Forks mount their own /proc, for which the kernel wants to see a whole one, and
	// their own root, at the airlock's place.
	root.procSealed, root.procFiles, root.procDirs = nil, nil, nil
	root.more = []string{"box"}
	spec.Limits = withDefaults(spec.Limits)
	if err := s.rootSteps(root, spec, mapper{z.driver, idRange{}, s}); err != nil {
		return err
	}
	s.descriptorSteps(p)
	s.call("renounce privileges", unix.SYS_PRCTL, num(unix.PR_SET_NO_NEW_PRIVS), num(1), num(0),
		num(0), num(0))
	for c := range capabilitiesMax + 1 {
		if c != capKept {
			s.call("drop a capability", unix.SYS_PRCTL, num(unix.PR_CAPBSET_DROP), num(c)).Flags = mayFail
		}
	}
	s.call("set the file mask", unix.SYS_UMASK, num(0o022))
	s.call("await the order", airlock.CallOrder, num(commandFD))
	return nil
}

// order lets the process become its program.
func (z *zygote) order(ctx context.Context, command net.Conn, s *script, spec sandbox.Spec) error {
	stop := interrupt(ctx, command)
	defer stop()
	if _, err := command.Write([]byte{1}); err != nil {
		return err
	}
	r, err := readReport(command)
	if err != nil {
		return err
	}
	if r.At != airlock.AtSealed {
		return fmt.Errorf("%s: %w", s.doing(r.At), syscall.Errno(r.Errno))
	}
	dir := spec.Dir
	if dir == "" {
		dir = "/"
	}
	message := order(programs(spec.Argv[0], spec.Env), spec.Argv, spec.Env, dir)
	if _, err := command.Write(message); err != nil {
		return err
	}
	return nil
}

// watch opens the process and sees to its end.
func (z *zygote) watch() error {
	pidfd, err := openPidfd(z.pid)
	if err != nil {
		end(z.pid)
		return err
	}
	z.pidfd = pidfd
	d := z.driver
	d.mu.Lock()
	d.zygotes[z] = struct{}{}
	closed := d.closed
	d.mu.Unlock()
	go func() {
		reap(z.pid, z.pidfd)
		z.mu.Lock()
		z.conn.Close()
		z.pidfd.Close()
		z.mu.Unlock()
		d.mu.Lock()
		delete(d.zygotes, z)
		d.mu.Unlock()
		d.alive.Done()
		close(z.done)
	}()
	if closed {
		z.Kill()
		return errClosed
	}
	return nil
}

// Start implements sandbox.Zygote.
func (z *zygote) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Box, error) {
	return z.driver.startFrom(ctx, spec, z)
}

// spawn implements origin.
func (z *zygote) spawn(s *script, cloneFlags uintptr, networkFile int) (int, error) {
	message := s.message(cloneFlags, networkFile)
	if len(message) > airlock.TapeBytesMax || len(s.files) > airlock.FilesMax {
		return 0, fmt.Errorf("describe box: %d mounts are more than fit", len(s.files))
	}
	fds := make([]int, len(s.files))
	for i, f := range s.files {
		fds[i] = int(f.Fd())
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.conn.SetDeadline(time.Now().Add(zygoteAnswer))
	_, _, err := z.conn.WriteMsgUnix(message, unix.UnixRights(fds...), nil)
	var a airlock.Answer
	if err == nil {
		a, err = z.answer()
	}
	if err != nil {
		z.Kill() // what it does later, nobody could tell from the next answer
		return 0, dayfly.Errorf(dayfly.KindUnavailable, "the zygote does not answer: %w", err)
	}
	if a.Errno != 0 {
		return 0, fmt.Errorf("clone: %w", syscall.Errno(a.Errno))
	}
	return int(a.Pid), nil
}

// answer reads one answer of the zygote.
func (z *zygote) answer() (airlock.Answer, error) {
	var a airlock.Answer
	n, err := z.conn.Read(airlock.Bytes(&a))
	if err == nil && n != len(airlock.Bytes(&a)) {
		err = errors.New("it ended")
	}
	return a, err
}

// Kill implements sandbox.Zygote.
func (z *zygote) Kill() {
	z.ended.Do(func() {
		if raw, err := z.pidfd.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
		}
	})
}

// Done implements sandbox.Zygote.
func (z *zygote) Done() <-chan struct{} { return z.done }
