// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/airlock"
)

// spawner owns the airlock process: one at a time, started again when it ended.
//
// The thread that starts it stays locked for as long as the spawner lives, because
// the kernel sends the death signal of a process when the thread that is its parent
// ends; and that thread is the parent of every box, too.
type spawner struct {
	helper string
	folder string
	adopt  func(pid int) // told of each new airlock

	mu   sync.Mutex // guards the rest, and the order on the socket
	sock int        // our end, -1 when no airlock runs
	pid  int

	starts chan chan error
	quit   chan struct{}
	gone   sync.WaitGroup
}

func newSpawner(helper, folder string, adopt func(pid int)) *spawner {
	s := &spawner{
		helper: helper, folder: folder, adopt: adopt, sock: -1,
		starts: make(chan chan error), quit: make(chan struct{}),
	}
	s.gone.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		dieWithSupervisor()
		for {
			select {
			case done := <-s.starts:
				done <- s.start()
			case <-s.quit:
				return
			}
		}
	})
	s.gone.Go(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ensure() // ahead of the first box, whose start will tell what fails
	})
	return s
}

// start runs a new airlock; on the locked thread, with mu held by who asked.
func (s *spawner) start() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make socket of the airlock: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "airlock")
	defer theirs.Close()
	cmd := exec.Cmd{
		Path: s.helper, Args: []string{airlock.Name, s.folder},
		Env: []string{}, Dir: "/", ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setsid: true,
		},
	}
	if err := cmd.Start(); err != nil {
		unix.Close(pair[0])
		return fmt.Errorf("start airlock: %w", err)
	}
	s.sock, s.pid = pair[0], cmd.Process.Pid
	cmd.Process.Release()
	theirs.Close()
	ready, err := s.answer()
	if err == nil && ready.Errno != 0 {
		err = fmt.Errorf("prepare airlock: %w", syscall.Errno(ready.Errno))
	}
	if err != nil {
		s.drop()
		return err
	}
	s.adopt(s.pid)
	return nil
}

// answer reads one answer of the airlock.
func (s *spawner) answer() (airlock.Answer, error) {
	var a airlock.Answer
	for {
		n, err := unix.Read(s.sock, airlock.Bytes(&a))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return a, fmt.Errorf("read from airlock: %w", err)
		case n != len(airlock.Bytes(&a)):
			return a, fmt.Errorf("read from airlock: it ended")
		default:
			return a, nil
		}
	}
}

// drop gives up the present airlock.
func (s *spawner) drop() {
	unix.Close(s.sock)
	end(s.pid)
	s.sock, s.pid = -1, 0
}

// spawn clones a process that plays the script. It starts an airlock when none runs,
// and tries once more when the one it had has ended.
func (s *spawner) spawn(sc *script, cloneFlags uintptr, networkFile int) (int, error) {
	message := sc.message(cloneFlags, networkFile)
	if len(message) > airlock.TapeBytesMax || len(sc.files) > airlock.FilesMax {
		return 0, fmt.Errorf("describe box: %d mounts are more than fit", len(sc.files))
	}
	fds := make([]int, len(sc.files))
	for i, f := range sc.files {
		fds[i] = int(f.Fd())
	}
	rights := unix.UnixRights(fds...)

	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.exchange(message, rights)
	if err != nil && s.sock >= 0 {
		s.drop()
		a, err = s.exchange(message, rights)
	}
	if err != nil {
		return 0, err
	}
	if a.Errno != 0 {
		return 0, fmt.Errorf("clone: %w", syscall.Errno(a.Errno))
	}
	return int(a.Pid), nil
}

func (s *spawner) exchange(message, rights []byte) (airlock.Answer, error) {
	if err := s.ensure(); err != nil {
		return airlock.Answer{}, err
	}
	for {
		err := unix.Sendmsg(s.sock, message, rights, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return airlock.Answer{}, fmt.Errorf("send to airlock: %w", err)
		}
		return s.answer()
	}
}

// ensure starts an airlock when none runs.
func (s *spawner) ensure() error {
	if s.sock >= 0 {
		return nil
	}
	select {
	case <-s.quit:
		return errClosed
	default:
	}
	done := make(chan error, 1)
	select {
	case s.starts <- done:
		return <-done
	case <-s.quit:
		return errClosed
	}
}

// close ends the airlock and the thread; every box must be gone.
func (s *spawner) close() {
	s.mu.Lock()
	if s.sock >= 0 {
		s.drop()
	}
	close(s.quit)
	s.mu.Unlock()
	s.gone.Wait()
}
