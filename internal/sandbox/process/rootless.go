// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

// Names of the process that EnterUserNamespace starts, as its argument zero: first
// while it waits for its ids, then for good.
const (
	enteringName = "dayfly (entering)"
	rootlessName = "dayfly (rootless)"
)

// gateFD is where the entering process waits for its ids.
const gateFD = 3

// NeedsUserNamespace tells whether this process can only make boxes after
// EnterUserNamespace: it is not root, or is on its way to become root of its own
// namespace.
func NeedsUserNamespace() bool {
	return os.Geteuid() != 0 || os.Args[0] == enteringName
}

// EnterUserNamespace lets a user without root run boxes. Called at the start of a
// program when NeedsUserNamespace, it runs the same program with the same arguments
// as root of a user and mount namespace of its own, passes signals on, and returns the
// status with which that one ended.
//
// It maps the user to root and, where newuidmap and ranges in /etc/subuid and
// /etc/subgid are there, these ids as well, so that boxes get different users.
func EnterUserNamespace() (status int, err error) {
	if os.Args[0] == enteringName {
		return 0, enterAgain()
	}
	runtime.LockOSThread() // the death signal is this thread's
	defer runtime.UnlockOSThread()
	gate, open, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make gate: %w", err)
	}
	defer open.Close()
	cmd := exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{enteringName}, os.Args[1:]...),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{gate},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
		},
	}
	err = cmd.Start()
	gate.Close()
	if err != nil {
		return 0, &dayfly.Error{Kind: dayfly.KindUnavailable, Err: err, Message: fmt.Sprintf(
			"no user namespace can be made (%s): run as root, or allow unprivileged user namespaces", err)}
	}
	if err := mapIDs(cmd.Process.Pid); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return 0, err
	}
	if _, err := open.Write([]byte{1}); err != nil {
		return 0, fmt.Errorf("open gate: %w", err)
	}
	return supervise(&cmd)
}

// enterAgain waits for the ids and starts the program once more: only a start as root
// of the namespace gives its capabilities.
func enterAgain() error {
	gate := os.NewFile(gateFD, "gate")
	if _, err := io.ReadFull(gate, make([]byte, 1)); err != nil {
		return fmt.Errorf("await user ids: %w", err)
	}
	gate.Close()
	args := append([]string{rootlessName}, os.Args[1:]...)
	return fmt.Errorf("start again: %w", syscall.Exec("/proc/self/exe", args, syscall.Environ()))
}

// supervise passes signals on until the program ends.
func supervise(cmd *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	_, err := unix.IoctlGetTermios(0, unix.TCGETS)
	terminal := err == nil
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGINT && terminal {
				continue // a terminal interrupts both of us
			}
			cmd.Process.Signal(s)
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 0, fmt.Errorf("wait for rootless program: %w", err)
			}
			if code := cmd.ProcessState.ExitCode(); code >= 0 {
				return code, nil
			}
			return 1, nil
		}
	}
}

// mapIDs gives the process's namespace its ids.
func mapIDs(pid int) error {
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	uids := subordinate("/etc/subuid", name, os.Geteuid())
	gids := subordinate("/etc/subgid", name, os.Geteuid())
	if uids != nil && gids != nil {
		err := errors.Join(
			mapWith("newuidmap", pid, os.Geteuid(), uids), mapWith("newgidmap", pid, os.Getegid(), gids))
		if err == nil {
			return nil
		}
		// Not installed, or refused: one id is enough for boxes without users of
		// their own, and Features says so.
	}
	for file, text := range map[string]string{
		"uid_map":   fmt.Sprintf("0 %d 1\n", os.Geteuid()),
		"setgroups": "deny",
	} {
		if err := writeFile(fmt.Sprintf("/proc/%d/%s", pid, file), []byte(text)); err != nil {
			return err
		}
	}
	return writeFile(fmt.Sprintf("/proc/%d/gid_map", pid), fmt.Appendf(nil, "0 %d 1\n", os.Getegid()))
}

func mapWith(tool string, pid, own int, more []string) error {
	args := append([]string{strconv.Itoa(pid), "0", strconv.Itoa(own), "1", "1"}, more...)
	return exec.Command(tool, args...).Run()
}

// subordinate finds the first range, start and count, that a file like /etc/subuid
// gives a user, by name or number.
func subordinate(file, name string, id int) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		p := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(p) == 3 && (p[0] == name || p[0] == strconv.Itoa(id)) {
			return p[1:]
		}
	}
	return nil
}

// dieWithSupervisor ends a rootless program when the one that started it is gone. It
// is called on a thread that lives as long as the program does its work.
func dieWithSupervisor() {
	if os.Args[0] == rootlessName {
		unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0)
	}
}
