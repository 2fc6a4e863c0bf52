// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

const (
	// doorsMax bounds the listeners of one box: the platform opens two.
	doorsMax = 16
	// backlog is how many connections may wait to be accepted; the kernel takes no more
	// than its own limit.
	backlog = 128
)

// Listen implements sandbox.Box. As with Dial, only the socket is made inside the box's
// network namespace; connections are accepted here.
func (b *box) Listen(port int) (net.Listener, error) {
	if port < 1 || port > 65535 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "port %d is not between 1 and 65535", port)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
		return nil, errEnded
	case len(b.doors) >= doorsMax:
		return nil, dayfly.Errorf(dayfly.KindExhausted, "sandbox %s has %d listeners already", b.id, doorsMax)
	}
	fd := -1
	err := b.driver.netPorter.send(b.network, func() (err error) {
		fd, err = listenAt(port)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on port %d of sandbox %s: %w", port, b.id, err)
	}
	f := os.NewFile(uintptr(fd), "door")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen on port %d of sandbox %s: %w", port, b.id, err)
	}
	if b.doors == nil {
		b.doors = map[int]net.Listener{}
	}
	b.doors[port] = l
	return l, nil
}

// listenAt gives a socket of the calling thread's namespace that listens on 127.0.0.1.
func listenAt(port int) (int, error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	fd, err := unix.Socket(unix.AF_INET, kind, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// A namespace that served another box may remember its connections for a minute.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
