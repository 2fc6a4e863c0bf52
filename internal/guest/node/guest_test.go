// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
)

// patience bounds every wait of these tests, on a loaded machine too.
const patience = 30 * time.Second

// process is one guest that runs outside any sandbox, and the host's end to it.
type process struct {
	t    *testing.T
	nc   net.Conn
	conn *guest.Conn
	cmd  *exec.Cmd
	done chan struct{} // closed when the process ended
	spec dayfly.Spec
	http *guest.Server // set when the guest serves HTTP
	task string        // the folder of the code

	mu    sync.Mutex
	lines []string
}

// nodePath finds Node, or skips.
func nodePath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: ", err)
	}
	return path
}

// scripts writes the guest to a folder, once for all tests.
var scripts = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "dayfly-guest-node-")
	if err != nil {
		return "", err
	}
	return dir, os.CopyFS(dir, node.Files())
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := scripts(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// boot starts a stem and waits for its hello.
func boot(t *testing.T) *process {
	t.Helper()
	p, nc := start(t)
	p.conn = guest.NewConn(nc, p.log)
	hello, err := p.conn.Hello(p.context())
	if err != nil {
		t.Fatal(err)
	}
	if hello.Language != "node" || hello.Version == "" {
		t.Fatalf("hello = %+v, want node and a version", hello)
	}
	return p
}

// start starts a stem and gives it with the host's end of its connection.
func start(t *testing.T) (*process, net.Conn) {
	t.Helper()
	dir, err := scripts()
	if err != nil {
		t.Fatal(err)
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "guest")
	ours := os.NewFile(uintptr(fds[0]), "host")
	nc, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	p := &process{t: t, done: make(chan struct{}), spec: dayfly.DefaultSpec()}
	argv := append(node.Flags(), filepath.Join(dir, node.Entry))
	p.cmd = exec.Command(nodePath(t), argv...)
	p.cmd.Env = []string{"PATH=/usr/bin:/bin", "LEFTOVER=stem"}
	p.cmd.Dir = "/"
	p.cmd.ExtraFiles = []*os.File{theirs}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	p.nc = nc
	t.Cleanup(p.stop)
	return p, nc
}

// many skips a test that boots a guest per case when time is short.
func many(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a guest for each of many cases: run without -short")
	}
}

func (p *process) stop() {
	_ = p.nc.Close()
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("the guest outlived its connection")
	}
}

func (p *process) context() context.Context {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	p.t.Cleanup(cancel)
	return ctx
}

func (p *process) log(id dayfly.InvocationID, stream dayfly.LogStream, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf("%s|%s|%s", id, stream, text))
}

// logged waits until some line holds text, and gives all lines.
func (p *process) logged(text string) []string {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		p.conn.Drain() // as the pool does before it freezes an instance
		p.mu.Lock()
		lines := append([]string(nil), p.lines...)
		p.mu.Unlock()
		for _, line := range lines {
			if strings.Contains(line, text) {
				return lines
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("no log line holds %q among %q", text, lines)
		}
	}
}

// task writes files, given as a txtar-like map, to a folder of their own.
func task(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fixture reads a file of testdata.
func fixture(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func head(dir, dialect, entry string) frame.SpecialiseHead {
	return frame.SpecialiseHead{
		Function: "hello", Project: "default", Revision: "hello.default@3", Number: 3,
		Dialect: dayfly.Dialect(dialect), Entry: entry, Task: dir, Concurrency: 1,
		Env:         map[string]string{"GREETING": "hi", "PATH": "/usr/bin:/bin"},
		MemoryBytes: 256 << 20, TimeoutMillis: 30000, ResponseBytes: 100 << 20,
	}
}

// specialise makes the stem an instance; the test fails when it does not become one.
func (p *process) specialise(h frame.SpecialiseHead) frame.ReadyHead {
	p.t.Helper()
	p.task = h.Task
	ready, err := p.conn.Specialise(p.context(), h)
	if err != nil {
		p.t.Fatalf("Specialise(%s %s) = %v, log %q", h.Dialect, h.Entry, err, p.lines)
	}
	if ready.Serve == "http" {
		p.http = guest.NewServer(ready.Port, func(ctx context.Context, port int) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		})
	}
	return ready
}

// instance boots and specialises in one go.
func instance(t *testing.T, dialect, entry string, files map[string]string) *process {
	t.Helper()
	p := boot(t)
	p.specialise(head(task(t, files), dialect, entry))
	return p
}

// answer is what came of a call, read to its end.
type answer struct {
	status  int
	header  http.Header
	body    string
	failure *dayfly.Failure
	err     error
}

// request makes an HTTP invocation.
func (p *process) request(method, target, body string, headers ...string) *dayfly.Invocation {
	path, query, _ := strings.Cut(target, "?")
	header := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	now := time.Now()
	return &dayfly.Invocation{
		ID: dayfly.NewInvocationID(now), Received: now, Deadline: now.Add(30 * time.Second),
		Revision: &dayfly.Revision{Spec: p.spec},
		Record:   &dayfly.Record{},
		Request: dayfly.Request{
			Kind: dayfly.RequestHTTP, Method: method, Host: "hello.example.org:8080", Path: path,
			Prefix: "/function/hello", RawQuery: query, Proto: "HTTP/1.1", Scheme: "http",
			RemoteAddr: "192.0.2.1", Header: header,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		},
	}
}

// event makes a bare event's invocation.
func (p *process) event(json string) *dayfly.Invocation {
	inv := p.request("", "", json)
	inv.Request = dayfly.Request{Kind: dayfly.RequestEvent, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(json)), ContentLength: int64(len(json))}
	return inv
}

// open sends a call and gives the answer as it stands once its head is here.
func (p *process) open(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	if p.http != nil {
		return p.http.Exchange(ctx, inv, func() {})
	}
	return p.conn.Exchange(ctx, inv, func() {})
}

// do sends a call and reads its answer.
func (p *process) do(inv *dayfly.Invocation) answer {
	p.t.Helper()
	result, err := p.open(p.context(), inv)
	if err != nil {
		return answer{err: err}
	}
	defer result.Body.Close()
	a := answer{status: result.Status, header: result.Header, failure: result.Failure}
	body, err := io.ReadAll(result.Body)
	a.body, a.err = string(body), err
	if f, ok := guest.FailureOf(err); ok {
		a.failure, a.err = f, nil
	}
	return a
}

func (p *process) get(target string) answer {
	p.t.Helper()
	return p.do(p.request(http.MethodGet, target, ""))
}

// ended waits for the end of the process and gives its exit code.
func (p *process) ended() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the guest did not end")
		return -1
	}
}

func TestFilesHoldTheEntry(t *testing.T) {
	if _, err := fs.Stat(node.Files(), node.Entry); err != nil {
		t.Fatal(err)
	}
}

// poll asks until the answer is want.
func (p *process) poll(what, want string, ask func() string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		got := ask()
		if got == want {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s: %q, want %q", what, got, want)
		}
	}
}
