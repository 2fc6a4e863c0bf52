// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/airlock"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// oomScore makes a box's processes likely victims, between 0 and 1000.
const oomScore = "500"

// plumbing is the descriptors of a box under construction: the child's ends, and ours.
type plumbing struct {
	command, control       *os.File // the child's
	ourCommand, ourControl net.Conn
	outputs                [2]*os.File
}

func newPlumbing(spec sandbox.Spec) (*plumbing, error) {
	p := &plumbing{outputs: [2]*os.File{spec.Stdout, spec.Stderr}}
	var err error
	if p.command, p.ourCommand, err = socketPair("command"); err != nil {
		return nil, err
	}
	if p.control, p.ourControl, err = socketPair("control"); err != nil {
		p.command.Close()
		p.ourCommand.Close()
		return nil, err
	}
	return p, nil
}

// closeTheirs closes the child's ends once it has them.
func (p *plumbing) closeTheirs() {
	p.command.Close()
	p.control.Close()
}

func (p *plumbing) closeOurs() {
	p.ourCommand.Close()
	p.ourControl.Close()
}

// socketPair makes a blocking end for a child and a polled one for us.
func socketPair(name string) (theirs *os.File, ours net.Conn, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make %s socket: %w", name, err)
	}
	theirs = os.NewFile(uintptr(pair[1]), name)
	f := os.NewFile(uintptr(pair[0]), name)
	defer f.Close()
	if ours, err = net.FileConn(f); err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("make %s socket: %w", name, err)
	}
	return theirs, ours, nil
}

// start makes one box; the driver has counted it in.
//
//	descriptors, group ─▶ script ─▶ clone ─▶ ids, cgroups ─▶ gate ─▶ sealed ─▶ order
func (d *Driver) start(ctx context.Context, spec sandbox.Spec, from origin) (*box, error) {
	spec.Limits = withDefaults(spec.Limits)
	b := &box{driver: d, id: spec.ID, done: make(chan struct{}), tmpBytes: spec.Limits.TmpBytes}
	if err := d.furnish(ctx, b, spec, from); err != nil {
		if b.pidfd == nil { // nothing runs: nobody will watch
			d.forget(b)
		}
		return nil, err
	}
	if len(spec.Argv) > 0 {
		if err := b.Exec(ctx, spec.Argv, spec.Env, spec.Dir); err != nil {
			b.control.Close()
			b.discard()
			return nil, err
		}
	}
	return b, nil
}

// furnish brings a box to the point where it awaits its order.
func (d *Driver) furnish(ctx context.Context, b *box, spec sandbox.Spec, from origin) error {
	if len(spec.Mounts) > mountsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%d mounts are more than %d",
			len(spec.Mounts), mountsMax)
	}
	if err := d.host.require(); err != nil {
		return err
	}
	var err error
	if b.ids, err = d.ids.acquire(); err != nil {
		return err
	}
	if b.group, err = d.cgroups.Acquire(ctx.Done()); err != nil {
		return err
	}
	if err := b.group.Limit(spec.Limits); err != nil {
		return fmt.Errorf("limit sandbox %s: %w", b.id, err)
	}
	p, err := newPlumbing(spec)
	if err != nil {
		return err
	}
	defer p.closeTheirs()
	b.command, b.control = p.ourCommand, p.ourControl
	if err := d.clone(b, p, spec, from); err != nil {
		p.closeOurs()
		return err
	}
	if err := d.admit(ctx, b); err != nil {
		p.closeOurs()
		b.discard()
		return err
	}
	return nil
}

// origin is what clones the first processes of boxes: the airlock, or a zygote.
type origin interface {
	spawn(s *script, cloneFlags uintptr, networkFile int) (pid int, err error)
}

// clone writes the script and has the airlock, or a zygote, make the process. On an
// error nothing runs.
func (d *Driver) clone(b *box, p *plumbing, spec sandbox.Spec, from origin) error {
	s := &script{}
	defer s.closeTrees()
	s.birthSteps(p)
	s.identitySteps(b.ids)
	if err := s.rootSteps(d.root, spec, mapper{d, b.ids, s}); err != nil {
		return fmt.Errorf("start sandbox %s: %w", b.id, err)
	}
	if spec.Network == nil {
		s.loopbackSteps()
	}
	s.descriptorSteps(p)
	s.privilegeSteps(b.ids)
	s.limitSteps(spec, d.host.enforcement)
	s.landlockSteps(d.host.landlock, writableTargets(spec.Mounts))
	s.filterSteps(d.filter)
	s.call("await the order", airlock.CallOrder, num(commandFD))
	b.says = s

	const flags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUTS
	cloneFlags, network := uintptr(flags), -1
	if spec.Network != nil {
		network = len(s.files)
		s.file(spec.Network)
	} else {
		cloneFlags |= unix.CLONE_NEWNET
	}
	pid, err := from.spawn(s, cloneFlags, network)
	if err != nil {
		return fmt.Errorf("start sandbox %s: %w", b.id, err)
	}
	b.pid = pid
	return nil
}

// admit gives a new process its ids and limits, lets it go on and waits until it is
// sealed. From here on the box has a watcher.
func (d *Driver) admit(ctx context.Context, b *box) error {
	if err := b.openProcess(); err != nil {
		end(b.pid)
		return fmt.Errorf("start sandbox %s: %w", b.id, err)
	}
	d.mu.Lock()
	d.boxes[b] = struct{}{}
	closed := d.closed
	d.mu.Unlock()
	go b.watch()
	if closed {
		return errClosed
	}
	if err := b.ids.apply(b.pid); err != nil {
		return fmt.Errorf("start sandbox %s: %w", b.id, err)
	}
	if err := b.group.Join(b.pid); err != nil {
		return fmt.Errorf("start sandbox %s: %w", b.id, err)
	}
	// When the host runs out of memory, boxes go before anything else; where that
	// cannot be said, they go like everything else.
	writeFile(fmt.Sprintf("/proc/%d/oom_score_adj", b.pid), []byte(oomScore))
	stop := interrupt(ctx, b.command)
	defer stop()
	if _, err := b.command.Write([]byte{1}); err != nil {
		return b.startError(ctx, err)
	}
	r, err := readReport(b.command)
	if err != nil {
		return b.startError(ctx, err)
	}
	if r.At != airlock.AtSealed {
		return b.sealError(r)
	}
	b.says = nil
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	if b.ended {
		return b.startError(ctx, errEnded)
	}
	return nil
}

// openProcess opens what the box keeps of its process.
func (b *box) openProcess() error {
	var files [2]*os.File
	for i, name := range []string{"mnt", "net"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", b.pid, name))
		if err != nil {
			return errors.Join(err, closeAll(files[:]))
		}
		files[i] = f
	}
	pidfd, err := openPidfd(b.pid)
	if err != nil {
		return errors.Join(err, closeAll(files[:]))
	}
	b.mounts, b.network, b.pidfd = files[0], files[1], pidfd
	return nil
}

func closeAll(files []*os.File) error {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
	return nil
}

// end kills a child that nobody watches and reaps it.
func end(pid int) {
	unix.Kill(pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			return
		}
	}
}

// discard ends a box that nobody got and waits until it is gone.
func (b *box) discard() {
	if b.pidfd == nil {
		return
	}
	b.Kill()
	<-b.done
}

// closeTrees closes the detached mounts that the script opened; other descriptors
// belong to the caller.
func (s *script) closeTrees() {
	for _, f := range s.trees {
		f.Close()
	}
	s.files, s.trees = nil, nil
}

// writableTargets are the places where the box may write, and whether each is a file.
func writableTargets(mounts []sandbox.Mount) map[string]bool {
	out := map[string]bool{"/tmp": false, "/dev/shm": false}
	for _, m := range mounts {
		if m.Writable {
			info, err := os.Stat(m.Source)
			out[m.Target] = err == nil && !info.IsDir()
		}
	}
	return out
}
