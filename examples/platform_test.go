// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/client"
)

// Bounds of the tests. A first npm install on a slow line takes minutes.
const (
	startTimeout  = 20 * time.Second
	stopTimeout   = 60 * time.Second
	deployTimeout = 8 * time.Minute
)

// platform is one running dayfly that all examples share.
type platform struct {
	binary  string
	dir     string // holds the binary, the data and the log
	gateway string // base URL of the public door
	client  *client.Client
	up      *exec.Cmd
}

// shared is set by TestMain alone, before any test runs; nil with -short.
var shared *platform

func TestMain(m *testing.M) {
	if len(os.Args) > 0 && short() {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // the platform gets a signal when the thread that started it ends
	p, err := startPlatform()
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the platform:", err)
		os.Exit(1)
	}
	shared = p
	code := m.Run()
	if err := p.stop(code == 0); err != nil {
		fmt.Fprintln(os.Stderr, "stop the platform:", err)
		code = 1
	}
	os.Exit(code)
}

// short tells of -short before the flags are parsed.
func short() bool {
	for _, arg := range os.Args[1:] {
		if strings.HasPrefix(strings.TrimLeft(arg, "-"), "test.short") && !strings.HasSuffix(arg, "=false") {
			return true
		}
	}
	return false
}

// startPlatform builds the binary and starts it on ports of the system's choice, with
// more words for the command.
func startPlatform(words ...string) (*platform, error) {
	dir, err := os.MkdirTemp("", "dayfly-examples-")
	if err != nil {
		return nil, err
	}
	p := &platform{dir: dir, binary: filepath.Join(dir, "dayfly")}
	build := exec.Command("go", "build", "-o", p.binary, "../cmd/dayfly")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	words = append([]string{"up", "--data", p.data(), "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0",
		"--s3", "127.0.0.1:0"}, words...)
	p.up = exec.Command(p.binary, words...)
	p.up.Stdout, p.up.Stderr = log, log
	// A test that is killed takes the platform with it.
	p.up.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := p.up.Start(); err != nil {
		return nil, err
	}
	if err := p.find(); err != nil {
		_ = p.stop(false)
		return nil, fmt.Errorf("%w; its log:\n%s", err, p.log())
	}
	return p, nil
}

func (p *platform) data() string { return filepath.Join(p.dir, "data") }

func (p *platform) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(text)
}

// find waits until the platform serves and asks where.
func (p *platform) find() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		endpoint, errEndpoint := os.ReadFile(filepath.Join(p.data(), "endpoint"))
		token, errToken := os.ReadFile(filepath.Join(p.data(), "token"))
		if errEndpoint == nil && errToken == nil {
			c, err := client.New(client.Options{
				URL: strings.TrimSpace(string(endpoint)), Token: strings.TrimSpace(string(token)),
			})
			if err != nil {
				return err
			}
			info, err := c.Info(ctx)
			p.gateway, p.client = info.GatewayURL, c
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the platform did not serve in time")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends the platform in good order. What is left of a failure stays on disk.
func (p *platform) stop(passed bool) error {
	if p.up.Process != nil {
		_ = p.up.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(stopTimeout, func() { _ = p.up.Process.Kill() })
		err := p.up.Wait()
		kill.Stop()
		if err != nil {
			return fmt.Errorf("dayfly up: %w; its log:\n%s", err, p.log())
		}
	}
	if !passed {
		fmt.Fprintln(os.Stderr, "the log of the platform is in", filepath.Join(p.dir, "log"))
		return nil
	}
	return os.RemoveAll(p.dir)
}

// deploy runs dayfly deploy on a folder here, as a user would, and gives the base URL
// of the function.
func (p *platform) deploy(t *testing.T, folder string) string {
	t.Helper()
	return p.deployAs(t, folder, folder)
}

// deployAs deploys a folder under another name, with more words for the command.
func (p *platform) deployAs(t *testing.T, folder, name string, words ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deployTimeout)
	defer cancel()
	out, err := p.command(ctx, append([]string{"deploy", folder, "--function", name}, words...)...)
	if err != nil {
		t.Fatalf("dayfly deploy %s: %v\n%s", folder, err, out)
	}
	return p.gateway + "/function/" + name
}

func (p *platform) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Env = append(os.Environ(), "DAYFLY_DATA="+p.data(), "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
