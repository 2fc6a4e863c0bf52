// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// porter is a thread that visits the namespaces of boxes to do small things there:
// one porter for mount namespaces, one for network namespaces. Entering costs a few
// microseconds; the thread returns home after each errand so that it never keeps the
// namespace of an ended box alive.
type porter struct {
	kind    int // CLONE_NEWNS or CLONE_NEWNET
	errands chan errand
	quit    chan struct{}
	gone    sync.WaitGroup
}

type errand struct {
	namespace *os.File
	do        func() error
	done      chan error
}

// newPorter starts the thread.
func newPorter(kind int) (*porter, error) {
	p := &porter{kind: kind, errands: make(chan errand), quit: make(chan struct{})}
	started := make(chan error)
	p.gone.Go(func() {
		runtime.LockOSThread() // never unlocked: nobody else may inherit this thread
		home, err := p.leave()
		started <- err
		if err == nil {
			p.run(home)
			unix.Close(home)
		}
	})
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// leave prepares the thread and remembers its home.
func (p *porter) leave() (home int, err error) {
	name := "net"
	if p.kind == unix.CLONE_NEWNS {
		name = "mnt"
		// A thread that shares its file-system context cannot change namespaces.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return 0, fmt.Errorf("separate thread: %w", err)
		}
	}
	open := func() (int, error) {
		return unix.Open("/proc/thread-self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if home, err = open(); err != nil {
		return 0, fmt.Errorf("open own namespace: %w", err)
	}
	if unix.Setns(home, p.kind) == nil {
		return home, nil
	}
	// Root of a user namespace can leave the host's network but not come back: it
	// gets an empty home of its own.
	unix.Close(home)
	if err := unix.Unshare(p.kind); err != nil {
		return 0, fmt.Errorf("make own namespace: %w", err)
	}
	return open()
}

func (p *porter) run(home int) {
	for {
		select {
		case e := <-p.errands:
			err := p.visit(e)
			if back := unix.Setns(home, p.kind); back != nil {
				panic("bug: a namespace thread cannot return home: " + back.Error())
			}
			e.done <- err
		case <-p.quit:
			return
		}
	}
}

func (p *porter) visit(e errand) error {
	if err := unix.Setns(int(e.namespace.Fd()), p.kind); err != nil {
		return fmt.Errorf("enter namespace: %w", err)
	}
	return e.do()
}

// send has do run inside a namespace and waits for it.
func (p *porter) send(namespace *os.File, do func() error) error {
	e := errand{namespace, do, make(chan error, 1)}
	select {
	case p.errands <- e:
		return <-e.done
	case <-p.quit:
		return errClosed
	}
}

func (p *porter) close() {
	close(p.quit)
	p.gone.Wait()
}
