// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/airlock"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/cgroup"
)

var (
	errClosed = dayfly.Errorf(dayfly.KindUnavailable, "the sandbox driver is closed")
	errEnded  = dayfly.Errorf(dayfly.KindUnavailable, "the sandbox has ended")
	errNoIDs  = dayfly.Errorf(dayfly.KindExhausted, "no user ids are left for another sandbox")
)

// box is one box. Its watcher, the goroutine watch, owns its end.
type box struct {
	driver *Driver
	id     dayfly.InstanceID
	pid    int
	ids    idRange
	group  *cgroup.Group
	says   *script // to name the step that failed

	command net.Conn // to the airlock's child, until it is the program
	control net.Conn
	pidfd   *os.File
	mounts  *os.File // its mount namespace
	network *os.File // its network namespace

	mu       sync.Mutex // guards the rest, and the use of the files above
	ended    bool
	sealed   bool
	ordered  bool
	tmpBytes int64
	doors    map[int]net.Listener // of Listen, by port

	done chan struct{}
	// last and exit are written before done is closed.
	last sandbox.Usage
	exit sandbox.Exit
}

var _ sandbox.Box = (*box)(nil)

func (b *box) ID() dayfly.InstanceID { return b.id }
func (b *box) Control() net.Conn     { return b.control }
func (b *box) Done() <-chan struct{} { return b.done }

func (b *box) Exit() sandbox.Exit {
	select {
	case <-b.done:
		return b.exit
	default:
		return sandbox.Exit{}
	}
}

// Attach implements sandbox.Box.
func (b *box) Attach(ctx context.Context, source, target string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tree, err := openTree(source, unix.MountAttr{Attr_set: sealedAttr})
	if err != nil {
		return fmt.Errorf("attach code to %s: %w", b.id, err)
	}
	defer tree.Close()
	err = b.visit(b.driver.mountPorter, b.mounts, func() error {
		return unix.MoveMount(int(tree.Fd()), "", unix.AT_FDCWD, target,
			unix.MOVE_MOUNT_F_EMPTY_PATH)
	})
	if err != nil {
		return fmt.Errorf("attach code to %s at %s: %w", b.id, target, err)
	}
	return nil
}

// visit runs do inside one of the box's namespaces unless the box has ended.
func (b *box) visit(p *porter, namespace *os.File, do func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return errEnded
	}
	return p.send(namespace, do)
}

// Exec implements sandbox.Box.
func (b *box) Exec(ctx context.Context, argv, env []string, dir string) error {
	if len(argv) == 0 || argv[0] == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "no program was named")
	}
	b.mu.Lock()
	ended, ordered := b.ended, b.ordered
	b.ordered = b.ordered || !ended
	b.mu.Unlock()
	if ended {
		return errEnded
	}
	if ordered {
		return dayfly.Errorf(dayfly.KindConflict, "sandbox %s already runs a program", b.id)
	}
	if dir == "" {
		dir = "/"
	}
	message := order(programs(argv[0], env), argv, env, dir)
	if len(message) > airlock.OrderBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "arguments and environment take %s, more than %s",
			dayfly.FormatBytes(int64(len(message))), dayfly.FormatBytes(airlock.OrderBytesMax))
	}
	defer b.command.Close()
	stop := interrupt(ctx, b.command)
	defer stop()
	if _, err := b.command.Write(message); err != nil {
		return b.startError(ctx, err)
	}
	r, err := readReport(b.command)
	if errors.Is(err, io.EOF) && ctx.Err() == nil {
		return nil // the program's start closed the socket
	}
	if err != nil {
		return b.startError(ctx, err)
	}
	return execError(r, argv[0], dir)
}

// SetLimits implements sandbox.Box.
func (b *box) SetLimits(limits dayfly.Limits) error {
	limits = withDefaults(limits)
	if err := b.group.Limit(limits); err != nil {
		return fmt.Errorf("limit sandbox %s: %w", b.id, err)
	}
	if err := b.limitFirst(limits); err != nil {
		return fmt.Errorf("limit sandbox %s: %w", b.id, err)
	}
	b.mu.Lock()
	same := b.tmpBytes == limits.TmpBytes && !b.ended
	b.mu.Unlock()
	if same {
		return nil
	}
	err := b.visit(b.driver.mountPorter, b.mounts, func() error {
		const flags = unix.MS_REMOUNT | unix.MS_NOSUID | unix.MS_NODEV
		return unix.Mount("", "/tmp", "", flags, fmt.Sprintf("size=%d", limits.TmpBytes))
	})
	if err != nil {
		return fmt.Errorf("resize /tmp of sandbox %s: %w", b.id, err)
	}
	b.mu.Lock()
	b.tmpBytes = limits.TmpBytes
	b.mu.Unlock()
	return nil
}

// limitFirst changes the limits of the first process that stand in for control
// groups; those that it starts later inherit them.
func (b *box) limitFirst(limits dayfly.Limits) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return errEnded
	}
	for resource, n := range b.driver.host.enforcement.softLimits(limits) {
		l := unix.Rlimit{Cur: n, Max: hardLimit(resource)}
		if err := unix.Prlimit(b.pid, resource, &l, nil); err != nil {
			return err
		}
	}
	return nil
}

// Freeze implements sandbox.Box.
func (b *box) Freeze() error {
	if err := b.alive(b.group.Freeze); err != nil {
		return fmt.Errorf("freeze sandbox %s: %w", b.id, err)
	}
	return nil
}

// Thaw implements sandbox.Box.
func (b *box) Thaw() error {
	if err := b.alive(b.group.Thaw); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", b.id, err)
	}
	return nil
}

// alive does something unless the box has ended.
func (b *box) alive(do func() error) error {
	b.mu.Lock()
	ended := b.ended
	b.mu.Unlock()
	if ended {
		return errEnded
	}
	return do()
}

// Usage implements sandbox.Box.
func (b *box) Usage() sandbox.Usage {
	select {
	case <-b.done:
		return b.last
	default:
		return b.group.Usage()
	}
}

// Kill implements sandbox.Box. The first process takes all others with it.
func (b *box) Kill() {
	b.group.Kill()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	if raw, err := b.pidfd.SyscallConn(); err == nil { // Fd would end its being polled
		raw.Control(func(fd uintptr) { unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
	}
}

// watch waits for the first process, whose end is the end of all, then frees what
// the box held.
func (b *box) watch() {
	status, usage := b.await()

	b.mu.Lock()
	b.ended = true
	for _, f := range []*os.File{b.pidfd, b.mounts, b.network} {
		f.Close()
	}
	for _, l := range b.doors {
		l.Close()
	}
	if b.sealed && !b.ordered { // otherwise Start or Exec is reading what it told
		b.command.Close()
	}
	b.mu.Unlock()

	b.last = b.group.Usage()
	b.last.CPU = max(b.last.CPU, usage)
	b.exit = exitOf(status)
	b.exit.OOM = b.last.OOMKills > 0
	b.driver.forget(b)
	close(b.done)
}

// exitOf reads a wait status.
func exitOf(status syscall.WaitStatus) sandbox.Exit {
	if status.Signaled() {
		return sandbox.Exit{Code: -1, Signal: status.Signal().String()}
	}
	return sandbox.Exit{Code: status.ExitStatus()}
}
