// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// threadNamespace is the network namespace of the calling thread.
const threadNamespace = "/proc/thread-self/ns/net"

// inNew runs f on a thread that is in a new network namespace, and gives that
// namespace to f and, unless f fails, to the caller.
func inNew(f func(ns *os.File) error) (*os.File, error) {
	var ns *os.File
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		made, err := os.Open(threadNamespace)
		if err != nil {
			return fmt.Errorf("open network namespace: %w", err)
		}
		if err := f(made); err != nil {
			return errors.Join(err, made.Close())
		}
		ns = made
		return nil
	})
	return ns, err
}

// onThread runs f on a thread whose network namespace f may change. The thread goes
// home afterwards; one that cannot is not used again. It is never the process's first
// thread, whose namespace is what /proc/self and /proc/net show to everyone.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // ends with the goroutine unless unlocked below
		if unix.Gettid() == unix.Getpid() {
			done <- onThread(f) // on another one, as this one is held meanwhile
			runtime.UnlockOSThread()
			return
		}
		home, err := os.Open(threadNamespace)
		if err != nil {
			done <- fmt.Errorf("open network namespace of the thread: %w", err)
			return
		}
		defer home.Close()
		err = f()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			done <- errors.Join(err, fmt.Errorf("return to the host's namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}
