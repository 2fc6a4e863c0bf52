// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/guest/python"
)

// The frame types of docs/formats/frames.md.
const (
	typeHello = iota + 1
	typeSpecialise
	typeReady
	typeRequest
	typeBody
	typeEnd
	typeResponse
	typeLog
	typeError
	typeCancel
	typeWindow
)

const patience = 20 * time.Second // for one exchange, on a machine that is busy with others

// guestDir holds the guest for all tests, compiled for each interpreter they use.
var guestDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dayfly-guest-python")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	guestDir = dir
	code := 1
	if err := os.CopyFS(dir, python.Files()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// system is the distribution's interpreter; most tests run on it alone.
func system(t testing.TB) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no interpreter at %s: install python3 to run the guest's tests", path)
	}
	return path
}

// interpreters are the versions that a test of every version runs on.
func interpreters(t *testing.T) []string {
	t.Helper()
	found := []string{system(t)}
	home, err := os.UserHomeDir()
	if err != nil || testing.Short() {
		return found
	}
	for _, version := range []string{"3.8", "3.9", "3.10", "3.12", "3.13"} {
		paths, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions", version+".*/bin/python3"))
		if len(paths) == 0 {
			t.Logf("no pyenv interpreter of version %s: not tested", version)
			continue
		}
		found = append(found, paths[len(paths)-1])
	}
	return found
}

var compiled sync.Map // interpreter → func() error

func compileOnce(t testing.TB, interpreter string) {
	t.Helper()
	once, _ := compiled.LoadOrStore(interpreter, sync.OnceValue(func() error {
		return python.Compile(t.Context(), interpreter, guestDir)
	}))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
}

// spec is what specialise says; the zero value of a field is left to start.
type spec struct {
	Function    string            `json:"function"`
	Revision    string            `json:"revision"`
	Number      int               `json:"number"`
	Dialect     string            `json:"dialect"`
	Entry       string            `json:"entry"`
	Task        string            `json:"task"`
	Env         map[string]string `json:"env"`
	Concurrency int               `json:"concurrency"`
	MemoryBytes int64             `json:"memory_bytes"`
	Payload     string            `json:"payload,omitempty"`

	interpreter string
}

type wireFrame struct {
	kind    int
	stream  uint32
	payload []byte
}

// client is one started interpreter and the host's end of its socket.
type client struct {
	t      testing.TB
	conn   net.Conn
	cmd    *exec.Cmd
	stderr *strings.Builder // what came through the real descriptors 1 and 2
	exited chan struct{}
	next   uint32
	ready  map[string]any
	logs   []string // of stream 0
}

// boot starts an interpreter and waits for its hello.
func boot(t testing.TB, interpreter string) *client {
	t.Helper()
	compileOnce(t, interpreter)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "guest")
	conn, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	g := &client{t: t, conn: conn, stderr: &strings.Builder{}, exited: make(chan struct{})}
	args := append(python.Args(), filepath.Join(guestDir, python.Entry))
	g.cmd = exec.Command(interpreter, args...)
	g.cmd.Env = []string{}
	g.cmd.ExtraFiles = []*os.File{theirs}
	g.cmd.Stdout, g.cmd.Stderr = g.stderr, g.stderr
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	go func() { _ = g.cmd.Wait(); close(g.exited) }()
	t.Cleanup(g.stop)
	if f := g.read(); f.kind != typeHello || !strings.Contains(string(f.payload), `"protocol":1`) {
		t.Fatalf("first frame = %d %s, want hello", f.kind, f.payload)
	}
	return g
}

// stop closes the connection, at which the guest must end by itself.
func (g *client) stop() {
	_ = g.conn.Close()
	select {
	case <-g.exited:
	case <-time.After(patience):
		_ = g.cmd.Process.Kill()
		g.t.Errorf("guest still runs %s after its connection closed", patience)
	}
}

// start boots a guest and specialises it, giving the error frame when that failed.
func start(t testing.TB, s spec) (*client, map[string]any) {
	t.Helper()
	if s.interpreter == "" {
		s.interpreter = system(t)
	}
	if s.Function == "" {
		s.Function = "demo"
	}
	if s.Task == "" {
		s.Task = testdata(t)
	}
	if s.MemoryBytes == 0 {
		s.MemoryBytes = 256 << 20
	}
	s.Revision, s.Number = "demo.default@3", 3
	g := boot(t, s.interpreter)
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	g.send(typeSpecialise, 0, data)
	for {
		f := g.read()
		switch f.kind {
		case typeLog:
			g.logs = append(g.logs, string(f.payload[1:]))
		case typeReady:
			g.ready = object(t, f.payload)
			return g, nil
		case typeError:
			return g, object(t, f.payload)
		default:
			t.Fatalf("frame %d before ready: %s", f.kind, f.payload)
		}
	}
}

// serve is start for code that must load.
func serve(t testing.TB, s spec) *client {
	t.Helper()
	g, failure := start(t, s)
	if failure != nil {
		t.Fatalf("guest refused %s: %v", s.Entry, failure)
	}
	return g
}

func object(t testing.TB, data []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("not a JSON object: %v: %q", err, data)
	}
	return value
}

func encode(kind int, stream uint32, payload []byte) []byte {
	out := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint32(out, uint32(len(payload))<<8|uint32(kind))
	binary.BigEndian.PutUint32(out[4:], stream)
	return append(out, payload...)
}

func (g *client) send(kind int, stream uint32, payload []byte) {
	g.t.Helper()
	g.raw(encode(kind, stream, payload))
}

func (g *client) raw(data []byte) {
	g.t.Helper()
	_ = g.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := g.conn.Write(data); err != nil {
		g.t.Fatalf("write to guest: %v; it said: %s", err, g.stderr)
	}
}

func (g *client) read() wireFrame {
	g.t.Helper()
	f, err := g.tryRead()
	if err != nil {
		g.t.Fatalf("read from guest: %v; it said: %s", err, g.stderr)
	}
	return f
}

func (g *client) tryRead() (wireFrame, error) {
	_ = g.conn.SetReadDeadline(time.Now().Add(patience))
	var head [8]byte
	if _, err := io.ReadFull(g.conn, head[:]); err != nil {
		return wireFrame{}, err
	}
	first := binary.BigEndian.Uint32(head[:])
	if first>>8 > 1<<20 {
		return wireFrame{}, errors.New("frame is larger than the protocol allows")
	}
	f := wireFrame{int(first & 0xff), binary.BigEndian.Uint32(head[4:]), make([]byte, first>>8)}
	_, err := io.ReadFull(g.conn, f.payload)
	return f, err
}

func testdata(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
