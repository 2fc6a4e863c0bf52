// SPDX-License-Identifier: Apache-2.0

package inner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

const (
	// signalBase is added to a signal's number to make an exit status.
	signalBase = 128
	// notStarted is the status of a program whose end could not be seen.
	notStarted = 127
	// signalMax is the highest signal there is.
	signalMax = 64
)

// Program is a program that was started.
type Program struct {
	process *os.Process
	done    chan struct{}
	status  syscall.WaitStatus
	err     error
}

// Start starts cmd, whose files must be the process's own: nothing copies for it. In a
// box it also reaps the orphans that the program leaves, until the program has ended.
func Start(cmd *exec.Cmd) (*Program, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Program{process: cmd.Process, done: make(chan struct{})}
	which := cmd.Process.Pid
	if os.Getpid() == 1 {
		which = -1
	}
	go func() {
		defer close(p.done)
		p.await(which)
	}()
	return p, nil
}

// await takes in the processes that end until the program has.
func (p *Program) await(which int) {
	for {
		pid, err := syscall.Wait4(which, &p.status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			p.err = err
			return
		case pid == p.process.Pid:
			return
		}
	}
}

// Done is closed when the program has ended.
func (p *Program) Done() <-chan struct{} { return p.done }

// Signal sends the program a signal, unless it has ended.
func (p *Program) Signal(s syscall.Signal) {
	select {
	case <-p.done: // its number may be another's by now
	default:
		_ = syscall.Kill(p.process.Pid, s)
	}
}

// Status is the exit status that tells how the program ended, once Done is closed.
func (p *Program) Status() int {
	switch {
	case p.err != nil:
		return notStarted
	case p.status.Signaled():
		return signalBase + int(p.status.Signal())
	}
	return p.status.ExitStatus()
}

// ExitOf reads the exit status of a guest that stood before a program: the program's
// own status, and the signal that ended it, if one did.
func ExitOf(status int) (code int, signal string) {
	if status > signalBase && status <= signalBase+signalMax {
		return -1, syscall.Signal(status - signalBase).String()
	}
	return status, ""
}
