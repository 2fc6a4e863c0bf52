// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

// Dial implements sandbox.Box. Only the socket is made inside the box's network
// namespace, to which it then belongs; connecting happens here.
func (b *box) Dial(ctx context.Context, port int) (net.Conn, error) {
	if port < 1 || port > 65535 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "port %d is not between 1 and 65535", port)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fd := -1
	err := b.visit(b.driver.netPorter, b.network, func() (err error) {
		const kind = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
		fd, err = unix.Socket(unix.AF_INET, kind, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dial port %d of sandbox %s: %w", port, b.id, err)
	}
	c, err := connect(ctx, fd, port)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of sandbox %s: %w", port, b.id, err)
	}
	return c, nil
}

// connect connects fd to a port on 127.0.0.1 and takes it over.
func connect(ctx context.Context, fd, port int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "dial")
	defer f.Close()
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	if errors.Is(err, unix.EINPROGRESS) {
		err = finish(ctx, f)
	}
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(f)
}

// finish waits until a connection under way is there.
func finish(ctx context.Context, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { f.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failure = err
		case code != 0:
			failure = syscall.Errno(code)
		default:
			if _, err := unix.Getpeername(int(fd)); err != nil {
				return false // neither there nor refused yet
			}
		}
		return true
	})
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	return errors.Join(err, failure)
}
