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

// porter runs small errands inside the namespaces of boxes: one porter for mount
// namespaces, one for network namespaces. Entering costs a few microseconds, and who
// entered returns home after each errand, so that the namespace of an ended box is
// never kept alive.
//
// An errand in a network namespace runs on the caller's thread, which comes back
// unchanged. A thread that enters a mount namespace must first be cut off from the
// others for good, and root of a user namespace cannot return to the host's network:
// then a thread of the porter's own goes.
type porter struct {
	kind    int // CLONE_NEWNS or CLONE_NEWNET
	home    int // descriptor of the namespace to return to
	inline  bool
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
		err := p.leave()
		started <- err
		if err == nil {
			p.run()
		}
	})
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// leave prepares the thread and remembers its home.
func (p *porter) leave() (err error) {
	name := "net"
	if p.kind == unix.CLONE_NEWNS {
		name = "mnt"
		// A thread that shares its file-system context cannot change namespaces.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("separate thread: %w", err)
		}
	}
	path, flags := "/proc/thread-self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC
	if p.home, err = unix.Open(path, flags, 0); err != nil {
		return fmt.Errorf("open own namespace: %w", err)
	}
	if unix.Setns(p.home, p.kind) == nil {
		p.inline = p.kind == unix.CLONE_NEWNET
		return nil
	}
	// Root of a user namespace can leave the host's network but not come back: its
	// thread gets an empty home of its own.
	unix.Close(p.home)
	if err := unix.Unshare(p.kind); err != nil {
		return fmt.Errorf("make own namespace: %w", err)
	}
	if p.home, err = unix.Open(path, flags, 0); err != nil {
		return fmt.Errorf("open own namespace: %w", err)
	}
	return nil
}

func (p *porter) run() {
	for {
		select {
		case e := <-p.errands:
			e.done <- p.visit(e.namespace, e.do)
		case <-p.quit:
			return
		}
	}
}

// visit runs do inside a namespace, on a locked thread.
func (p *porter) visit(namespace *os.File, do func() error) error {
	if err := unix.Setns(int(namespace.Fd()), p.kind); err != nil {
		return fmt.Errorf("enter namespace: %w", err)
	}
	err := do()
	if back := unix.Setns(p.home, p.kind); back != nil {
		panic("bug: a thread cannot return to its namespace: " + back.Error())
	}
	return err
}

// send has do run inside a namespace and waits for it.
func (p *porter) send(namespace *os.File, do func() error) error {
	if p.inline {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return p.visit(namespace, do)
	}
	e := errand{namespace, do, make(chan error, 1)}
	select {
	case p.errands <- e:
		return <-e.done
	case <-p.quit:
		return errClosed
	}
}

// close ends the thread; no errand may be under way.
func (p *porter) close() {
	close(p.quit)
	p.gone.Wait()
	unix.Close(p.home)
}
