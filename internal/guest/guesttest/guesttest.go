// SPDX-License-Identifier: Apache-2.0

package guesttest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// patience bounds one exchange, on a machine that is busy with others.
const patience = 20 * time.Second

// Guest is a started interpreter with the host's end of its socket.
type Guest struct {
	Conn *guest.Conn

	t      testing.TB
	cmd    *exec.Cmd
	output bytes.Buffer // of the real descriptors 1 and 2; read once it has ended
	exited chan struct{}

	mu    sync.Mutex // guards lines
	lines []string
}

// Boot starts a guest and waits for its hello.
func Boot(t testing.TB, argv ...string) *Guest {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "guest")
	nc, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	g := &Guest{t: t, exited: make(chan struct{})}
	g.cmd = exec.Command(argv[0], argv[1:]...)
	g.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8"}
	g.cmd.ExtraFiles = []*os.File{theirs}
	g.cmd.Stdout, g.cmd.Stderr = &g.output, &g.output
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	go func() { _ = g.cmd.Wait(); close(g.exited) }()
	t.Cleanup(g.stop)
	g.Conn = guest.NewConn(nc, g.log)
	if _, err := g.Conn.Hello(g.context()); err != nil {
		t.Fatalf("hello: %v", err)
	}
	return g
}

func (g *Guest) log(_ dayfly.InvocationID, stream dayfly.LogStream, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, string(stream)+": "+text)
}

// Lines gives what the guest has logged so far, each line after its stream's name.
func (g *Guest) Lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.lines...)
}

func (g *Guest) context() context.Context {
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	g.t.Cleanup(cancel)
	return ctx
}

// Become makes the guest an instance; an error that is a failure is the guest's.
func (g *Guest) Become(rev frame.SpecialiseHead) error {
	if rev.Function == "" {
		rev.Function = "demo"
	}
	if rev.Env == nil {
		rev.Env = map[string]string{"HOME": "/tmp"}
	}
	rev.Revision, rev.Number, rev.Concurrency = "demo.default@3", 3, max(1, rev.Concurrency)
	_, err := g.Conn.Specialise(g.context(), rev)
	if err == nil && rev.Concurrency > 1 {
		g.Conn.Share()
	}
	return err
}

// Answer is what became of a call.
type Answer struct {
	Status  int
	Header  http.Header
	Body    string
	Failure *dayfly.Failure
}

// Event calls with an event, as the relay does.
func (g *Guest) Event(event string) Answer {
	g.t.Helper()
	return g.Call(dayfly.Request{Kind: dayfly.RequestEvent, Body: io.NopCloser(strings.NewReader(event)),
		ContentLength: int64(len(event))})
}

// HTTP calls with a request; headers are given as "name: value".
func (g *Guest) HTTP(method, target, body string, headers ...string) Answer {
	g.t.Helper()
	path, query, _ := strings.Cut(target, "?")
	header := http.Header{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
	}
	return g.Call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: method, Path: path, RawQuery: query,
		Proto: "HTTP/1.1", Scheme: "http", Host: "example.test:8080", RemoteAddr: "192.0.2.7", Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))})
}

// Call makes one call and reads its whole answer.
func (g *Guest) Call(request dayfly.Request) Answer {
	g.t.Helper()
	spec := dayfly.DefaultSpec()
	now := time.Now()
	inv := &dayfly.Invocation{ID: "inv-1", Revision: &dayfly.Revision{Spec: spec}, Received: now,
		Deadline: now.Add(spec.Limits.Timeout), Request: request}
	result, err := g.Conn.Exchange(g.context(), inv, func() {})
	if failure, ok := guest.FailureOf(err); ok {
		return Answer{Failure: failure}
	}
	if err != nil {
		g.t.Errorf("call: %v", err)
		return Answer{}
	}
	defer result.Body.Close()
	body, err := io.ReadAll(result.Body)
	a := Answer{Status: result.Status, Header: result.Header, Body: string(body), Failure: result.Failure}
	if failure, ok := guest.FailureOf(err); ok {
		a.Failure = failure
	} else if err != nil {
		g.t.Errorf("read answer: %v", err)
	}
	return a
}

// ExitStatus waits until the guest has ended by itself.
func (g *Guest) ExitStatus() int {
	g.t.Helper()
	select {
	case <-g.exited:
		return g.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		g.t.Fatalf("the guest still runs after %s", patience)
		return 0
	}
}

// stop closes the connection, at which the guest must end by itself.
func (g *Guest) stop() {
	_ = g.Conn.Close()
	select {
	case <-g.exited:
	case <-time.After(patience):
		_ = g.cmd.Process.Kill()
		g.t.Errorf("the guest still runs %s after its connection was closed", patience)
	}
	if g.t.Failed() {
		<-g.exited
		g.t.Logf("the guest said: %s", g.output.String())
	}
}
