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
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/airlock"
)

// openPidfd opens a pidfd that the Go runtime can poll, so that waiting for a process
// costs a goroutine and no thread.
func openPidfd(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// await waits for the first process and returns its status and processor time.
func (b *box) await() (status syscall.WaitStatus, used time.Duration) {
	return reap(b.pid, b.pidfd)
}

// reap waits for a child without holding a thread.
func reap(child int, pidfd *os.File) (status syscall.WaitStatus, used time.Duration) {
	raw, err := pidfd.SyscallConn()
	if err != nil {
		panic("bug: a pidfd cannot be waited for: " + err.Error())
	}
	var usage syscall.Rusage
	raw.Read(func(uintptr) bool {
		for {
			pid, err := syscall.Wait4(child, &status, syscall.WNOHANG, &usage)
			if err != syscall.EINTR {
				return err != nil || pid == child
			}
		}
	})
	return status, time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// interrupt makes I/O on c fail when ctx ends; stop undoes it.
func interrupt(ctx context.Context, c net.Conn) (stop func()) {
	cancel := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	return func() { cancel() }
}

// readReport reads what the airlock's child tells.
func readReport(c net.Conn) (airlock.Report, error) {
	var r airlock.Report
	_, err := io.ReadFull(c, airlock.Bytes(&r))
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF
	}
	return r, err
}

// startError tells why the box did not come to its program.
func (b *box) startError(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("start sandbox %s: %w", b.id, cause)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("start sandbox %s: %w", b.id, errEnded)
	}
	return fmt.Errorf("start sandbox %s: %w", b.id, err)
}

// sealError tells which step of the set-up failed.
func (b *box) sealError(r airlock.Report) error {
	return fmt.Errorf("start sandbox %s: %s: %w", b.id, b.says.doing(r.At), syscall.Errno(r.Errno))
}

// execError tells a user why a program could not be run.
func execError(r airlock.Report, program, dir string) error {
	errno := syscall.Errno(r.Errno)
	e := &dayfly.Error{Kind: dayfly.KindInvalid, Err: errno}
	switch {
	case r.At == airlock.AtFolder:
		e.Message = fmt.Sprintf("folder %s cannot be entered in the sandbox: %s", dir, errno)
	case r.At == airlock.AtInterpreter:
		e.Message = fmt.Sprintf("program %s cannot be run: its interpreter (the first line's "+
			"#!, or the dynamic loader) is not in the sandbox", program)
	case r.At == airlock.AtOrder:
		e.Kind, e.Message = dayfly.KindInternal, "the sandbox got no whole order"
	case errno == syscall.ENOENT:
		e.Message = fmt.Sprintf("program %s does not exist in the sandbox", program)
	case errno == syscall.EACCES:
		e.Message = fmt.Sprintf("program %s is not executable: set its x permission", program)
	case errno == syscall.ENOEXEC:
		e.Message = fmt.Sprintf("program %s is neither a binary for this machine nor a script "+
			"that starts with #!", program)
	default:
		e.Message = fmt.Sprintf("program %s cannot be run: %s", program, errno)
	}
	return e
}

// defaultPath is searched when the environment has no PATH.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// programs lists where a program may be: itself when it has a slash, otherwise in
// the folders of the environment's PATH.
func programs(name string, env []string) []string {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	search := defaultPath
	for _, v := range env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			search = p
		}
	}
	var out []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "."
		}
		out = append(out, strings.TrimSuffix(dir, "/")+"/"+name)
	}
	return out
}
