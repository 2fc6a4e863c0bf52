// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// workersDefault is how many calls a program gets at once: most of its time a
	// program waits for databases, and each PHP worker takes some 10 MiB.
	workersDefault = 4
	// startsMax bounds starts in a row of a worker that ends within steadyAfter.
	startsMax   = 5
	steadyAfter = time.Second
	restPause   = 100 * time.Millisecond
)

// phpSettings are PHP's for a box: what is written goes to /tmp, and the code does not
// change.
var phpSettings = []string{
	"session.save_path=/tmp", "upload_tmp_dir=/tmp", "sys_temp_dir=/tmp",
	"opcache.validate_timestamps=0", "log_errors=1", "error_log=",
}

// workers runs a program on a socket.
type workers struct {
	argv   []string
	env    []string
	count  int // processes that share the socket
	socket string
	file   *os.File // the listening socket, every worker's descriptor 0; nil for php-fpm
	stdout io.Writer
	stderr io.Writer
}

// newWorkers decides how a program is started: program is found on the path; count is how
// many calls at once.
func newWorkers(program string, arguments []string, count int) (*workers, error) {
	found, err := exec.LookPath(program)
	if err != nil && isPHP(program) {
		found, err = findPHP()
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", program, err)
	}
	if found, err = filepath.Abs(found); err != nil {
		return nil, fmt.Errorf("find %s: %w", program, err)
	}
	w := &workers{argv: append([]string{found}, arguments...), env: os.Environ(), count: count,
		socket: filepath.Join(os.TempDir(), fmt.Sprintf(".fastcgi-%d.sock", os.Getpid()))}
	switch {
	case isFPM(found):
		return w, w.useFPM()
	case isPHP(found):
		for _, setting := range phpSettings {
			w.argv = append(w.argv, "-d", setting)
		}
		// One parent forks them, so that they share the cache of compiled code.
		w.env, w.count = append(w.env, "PHP_FCGI_CHILDREN="+strconv.Itoa(count)), 1
	}
	return w, w.listen()
}

func isPHP(program string) bool { return strings.HasPrefix(filepath.Base(program), "php-") }

func isFPM(program string) bool { return strings.HasPrefix(filepath.Base(program), "php-fpm") }

// findPHP finds the machine's php-cgi, or php-fpm, whose names may end in a version.
func findPHP() (string, error) {
	for _, name := range []string{"php-cgi", "php-fpm"} {
		for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
			// The pattern is good: folders of the path are plain names.
			files, _ := filepath.Glob(filepath.Join(folder, name+"*"))
			for _, file := range files {
				if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
					return file, nil
				}
			}
		}
	}
	return "", errors.New("this machine has neither php-cgi nor php-fpm")
}

// listen makes the socket; calls may come from now on, and wait for the program.
func (w *workers) listen() error {
	listener, err := net.Listen("unix", w.socket)
	if err != nil {
		return fmt.Errorf("listen for program: %w", err)
	}
	unix := listener.(*net.UnixListener)
	unix.SetUnlinkOnClose(false)
	if w.file, err = unix.File(); err != nil {
		return fmt.Errorf("listen for program: %w", err)
	}
	// Programs expect that accepting waits.
	if err := syscall.SetNonblock(int(w.file.Fd()), false); err != nil {
		return fmt.Errorf("listen for program: %w", err)
	}
	// Only the workers accept: our own copy is closed, the socket lives on in theirs.
	return listener.Close()
}

// useFPM writes the settings of php-fpm, which makes the socket itself.
func (w *workers) useFPM() error {
	file := w.socket + ".conf"
	text := "[global]\nerror_log = /proc/self/fd/2\nlog_level = warning\n[www]\nlisten = " + w.socket +
		"\npm = static\npm.max_children = " + strconv.Itoa(w.count) +
		"\nclear_env = no\ncatch_workers_output = yes\ndecorate_workers_output = no\n"
	for _, setting := range phpSettings {
		name, value, _ := strings.Cut(setting, "=")
		text += "php_value[" + name + "] = " + value + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write settings of php-fpm: %w", err)
	}
	w.argv = append(w.argv, "--nodaemonize", "--fpm-config", file)
	if os.Geteuid() == 0 {
		w.argv = append(w.argv, "--allow-to-run-as-root")
	}
	w.count = 1
	return nil
}

// run keeps the workers running until ctx ends, or one cannot stay up.
func (w *workers) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, w.count)
	for range w.count {
		go func() { ends <- w.keep(ctx) }()
	}
	err := <-ends
	cancel()
	for range w.count - 1 {
		<-ends
	}
	return err
}

// keep runs one worker, again and again.
func (w *workers) keep(ctx context.Context) error {
	for starts := 1; ; starts++ {
		began := time.Now()
		err := w.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) >= steadyAfter {
			starts = 0
		}
		if starts >= startsMax {
			return fmt.Errorf("%s does not stay up: %w", w.argv[0], err)
		}
		select {
		case <-time.After(restPause):
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *workers) once(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, w.argv[0], w.argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, w.stdout, w.stderr
	if w.file != nil {
		cmd.Stdin = w.file
	}
	// Its children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if err == nil {
		err = errors.New("it ended")
	}
	return err
}

// close removes what was written.
func (w *workers) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
	_ = os.Remove(w.socket)
	_ = os.Remove(w.socket + ".conf")
}

// await returns once php-fpm has made its socket.
func (w *workers) await(ctx context.Context) error {
	for w.file == nil {
		if _, err := os.Stat(w.socket); err == nil {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
