// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

const (
	startTimeout = 20 * time.Second
	stopTimeout  = time.Minute
	pollEvery    = time.Millisecond
)

// process is one program that was started to be measured.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
	out  *lockedTail
}

// spawn starts a program in a process group of its own. What it prints is kept for
// the error message.
func spawn(dir string, env []string, argv ...string) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{}), out: &lockedTail{}}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and its children; it waits for the program.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-p.done
}

// awaitAnswer polls url until it answers, and tells when the process ended instead.
func (p *process) awaitAnswer(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*startTimeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.cmd.Path, p.out.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w: %s", p.cmd.Path, err, p.out.String())
		case <-time.After(pollEvery):
		}
	}
}

// freeAddr gives a loopback address nobody listens on right now.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// platform is a running dayfly.
type platform struct {
	*process
	binary  string
	dir     string
	gateway string
	client  *client.Client
	took    time.Duration // from exec until it answered
}

// startPlatform starts a dayfly with data of its own and waits until it serves.
func startPlatform(ctx context.Context, binary string) (*platform, error) {
	dir, err := os.MkdirTemp("", "dayfly-bench-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &platform{binary: binary, dir: dir, gateway: "http://" + addr}
	began := time.Now()
	p.process, err = spawn("", nil, binary, "up", "--data", p.data(), "--listen", addr,
		"--api", "127.0.0.1:0", "--s3", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := p.awaitAnswer(ctx, func() error {
		_, _, err := once(p.gateway + "/")
		if err != nil && strings.Contains(err.Error(), "answered 404") {
			return nil
		}
		return err
	}); err != nil {
		p.stop()
		return nil, err
	}
	p.took = time.Since(began)
	return p, p.connect(ctx)
}

func (p *platform) data() string { return filepath.Join(p.dir, "data") }

// connect makes the management client of the files in the data folder.
func (p *platform) connect(ctx context.Context) error {
	return p.awaitAnswer(ctx, func() error {
		endpoint, errEndpoint := os.ReadFile(filepath.Join(p.data(), "endpoint"))
		token, errToken := os.ReadFile(filepath.Join(p.data(), "token"))
		if err := errors.Join(errEndpoint, errToken); err != nil {
			return err
		}
		var err error
		p.client, err = client.New(client.Options{URL: strings.TrimSpace(string(endpoint)),
			Token: strings.TrimSpace(string(token))})
		return err
	})
}

// stop ends the platform and removes its data.
func (p *platform) stop() {
	p.process.stop()
	_ = os.RemoveAll(p.dir)
}

// keepLog writes what the platform printed to a file in dir, and gives its name.
func (p *platform) keepLog(dir string) string {
	name := filepath.Join(dir, "dayfly.log")
	if err := os.WriteFile(name, []byte(p.out.String()), 0o644); err != nil {
		return err.Error()
	}
	return name
}

func ref(name string) dayfly.FunctionRef {
	return dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: dayfly.FunctionName(name)}
}

// deploy makes a function of the handler in a folder of testdata, calls it once and
// gives its URL.
func (p *platform) deploy(
	ctx context.Context, folder, name string, settings client.Settings,
) (string, error) {
	url, err := p.install(ctx, folder, name, settings)
	if err != nil {
		return "", err
	}
	if _, _, err := once(url); err != nil {
		return "", fmt.Errorf("call %s: %w", name, err)
	}
	return url, nil
}

// install makes a function and gives its URL.
func (p *platform) install(
	ctx context.Context, folder, name string, settings client.Settings,
) (string, error) {
	source, err := client.OpenSource(filepath.Join(testdata, folder))
	if err != nil {
		return "", err
	}
	defer source.Close()
	if _, err := p.client.Upload(ctx, source); err != nil {
		return "", fmt.Errorf("upload %s: %w", folder, err)
	}
	request := client.DeployRequest{Function: ref(name), Source: source.Digest, Settings: settings}
	if _, err := p.client.Deploy(ctx, request, nil); err != nil {
		return "", fmt.Errorf("deploy %s: %w", folder, err)
	}
	return p.gateway + "/function/" + name, nil
}

// evictPatience is how long evict waits for an instance to become idle: a program that
// polls for its calls has answered a moment before it asks for the next.
const evictPatience = 500 * time.Millisecond

// evict ends the idle instances of a function: its next call starts cold.
func (p *platform) evict(ctx context.Context, name string) error {
	for until := time.Now().Add(evictPatience); ; {
		n, err := p.client.Evict(ctx, ref(name))
		if err != nil || n > 0 || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// lockedTail keeps the last of what a program prints.
type lockedTail struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

// tailBytes is enough for the reason why something did not start.
const tailBytes = 64 << 10

// Write implements io.Writer.
func (t *lockedTail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > tailBytes {
		t.buf.Next(t.buf.Len() / 2)
	}
	return t.buf.Write(b)
}

// String gives what is kept.
func (t *lockedTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

var _ io.Writer = (*lockedTail)(nil)
