// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/java"
)

// patience is for one exchange, on a machine that is busy with others.
const patience = 30 * time.Second

// shared holds the guests and the compiled fixtures of all tests.
var shared string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dayfly-guest-java")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = dir
	code := m.Run()
	compiler().Close()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// jdks are the installations to test: the oldest and the newest that the machine has.
var jdks = sync.OnceValue(func() []java.JDK {
	programs, _ := filepath.Glob("/usr/lib/jvm/*/bin/javac")
	byVersion := map[int]java.JDK{}
	for _, javac := range programs {
		real, err := filepath.EvalSymlinks(javac)
		if err != nil {
			continue
		}
		out, err := exec.Command(real, "--version").Output()
		var version string
		var major int
		if err != nil || scan(string(out), "javac %s", &version) != nil || scan(version, "%d", &major) != nil {
			continue
		}
		byVersion[major] = java.JDK{Version: version, Path: filepath.Join(filepath.Dir(real), "java")}
	}
	var majors []int
	for major := range byVersion {
		majors = append(majors, major)
	}
	if len(majors) == 0 {
		return nil
	}
	slices.Sort(majors)
	found := []java.JDK{byVersion[majors[0]]}
	if len(majors) > 1 {
		found = append(found, byVersion[majors[len(majors)-1]])
	}
	return found
})

func scan(text, format string, into any) error {
	_, err := fmt.Sscanf(text, format, into)
	return err
}

// anyJDK is the one that most tests run on.
func anyJDK(t testing.TB) java.JDK {
	t.Helper()
	if len(jdks()) == 0 {
		t.Skip("SKIPPED: no JDK below /usr/lib/jvm; apt install openjdk-17-jdk-headless to test the Java guest")
	}
	return jdks()[0]
}

// notShort keeps tests that start many virtual machines out of the inner loop.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: a virtual machine for each row takes its time")
	}
}

// compiler keeps its guests for all tests.
var compiler = sync.OnceValue(func() *java.Compiler {
	return java.NewCompiler(filepath.Join(shared, "guests"))
})

// spec is what is special of one guest in a test.
type spec struct {
	entry       string
	dialect     dayfly.Dialect
	task        string // default: the fixtures
	concurrency int
	memory      int64
	env         map[string]string
	jdk         java.JDK
}

// machine is one started guest and the host's end of its socket.
type machine struct {
	t      testing.TB
	conn   *host.Conn
	cmd    *exec.Cmd
	output *strings.Builder // what came through the real descriptors 1 and 2
	exited chan struct{}
	ready  frame.ReadyHead
	calls  int

	mu    sync.Mutex // guards lines
	lines []string   // "INVOCATION STREAM text"
}

// boot starts a guest and waits for its hello.
func boot(t testing.TB, jdk java.JDK, memory int64) *machine {
	t.Helper()
	folder, err := compiler().Compile(t.Context(), jdk)
	if err != nil {
		t.Fatal(err)
	}
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
	m := &machine{t: t, output: &strings.Builder{}, exited: make(chan struct{})}
	m.conn = host.NewConn(nc, m.line)
	m.cmd = exec.Command(jdk.Path, java.Args(folder, memory)...)
	m.cmd.Env = []string{"LANG=C.UTF-8", "PATH=/usr/bin:/bin"}
	m.cmd.ExtraFiles = []*os.File{theirs}
	m.cmd.Stdout, m.cmd.Stderr = m.output, m.output
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	go func() { _ = m.cmd.Wait(); close(m.exited) }()
	t.Cleanup(m.stop)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hello, err := m.conn.Hello(ctx)
	if err != nil {
		m.stop()
		t.Fatalf("hello: %v; it said: %s", err, m.output)
	}
	if hello.Language != "java" || hello.Version == "" {
		t.Errorf("hello = %+v, want java and a version", hello)
	}
	return m
}

func (m *machine) line(invocation dayfly.InvocationID, stream dayfly.LogStream, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, fmt.Sprintf("%s %s %s", invocation, stream, text))
}

func (m *machine) logged() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines)
}

// stop closes the connection, at which the guest must end by itself.
func (m *machine) stop() {
	_ = m.conn.Close()
	select {
	case <-m.exited:
	case <-time.After(patience):
		_ = m.cmd.Process.Kill()
		m.t.Errorf("guest still runs %s after its connection closed", patience)
	}
}

// start boots a guest and makes it a revision.
func start(t testing.TB, s spec) (*machine, error) {
	t.Helper()
	if s.jdk.Path == "" {
		s.jdk = anyJDK(t)
	}
	if s.task == "" {
		s.task = fixtures(t)
	}
	if s.memory == 0 {
		s.memory = 256 << 20
	}
	if s.env == nil {
		s.env = map[string]string{"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": "demo",
			"AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/demo",
			"AWS_LAMBDA_LOG_STREAM_NAME": "demo.default@3", "TZ": ":UTC"}
	}
	m := boot(t, s.jdk, s.memory)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	m.ready, err = m.conn.Specialise(ctx, frame.SpecialiseHead{Function: "demo", Project: "default",
		Revision: "demo.default@3", Number: 3, Dialect: s.dialect, Entry: s.entry, Task: s.task, Env: s.env,
		Concurrency: max(1, s.concurrency), MemoryBytes: s.memory, TimeoutMillis: 30000})
	return m, err
}

// serve is start for code that must load.
func serve(t testing.TB, s spec) *machine {
	t.Helper()
	m, err := start(t, s)
	if err != nil {
		t.Fatalf("guest refused %s: %v; logs %q; it said: %s", s.entry, err, m.logged(), m.output)
	}
	return m
}

// answer is what became of one call.
type answer struct {
	status  int
	header  http.Header
	body    string
	failure *dayfly.Failure
	err     error
}

func (a answer) String() string {
	if a.err != nil {
		return "error: " + a.err.Error()
	}
	if a.failure != nil {
		return fmt.Sprintf("failure %s %s: %s (%s)", a.failure.Kind, a.failure.Type, a.failure.Message, a.failure.Payload)
	}
	return fmt.Sprintf("%d %s", a.status, a.body)
}

// invocation makes the next call; its identity is call-1, call-2 …
func (m *machine) invocation(r dayfly.Request) *dayfly.Invocation {
	m.calls++
	if r.Kind == dayfly.RequestHTTP {
		r.Proto, r.Scheme, r.Host, r.RemoteAddr = "HTTP/1.1", "http", "localhost:8080", "192.0.2.7"
		if r.Method == "" {
			r.Method = "GET"
		}
		if r.Path == "" {
			r.Path = "/"
		}
	}
	return &dayfly.Invocation{ID: dayfly.InvocationID(fmt.Sprintf("call-%d", m.calls)), Request: r,
		Received: time.Now(), Deadline: time.Now().Add(patience),
		Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()}}
}

// call makes one call and reads the whole answer.
func (m *machine) call(r dayfly.Request, body string) answer {
	m.t.Helper()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	result, err := m.conn.Exchange(ctx, m.invocation(r), func() {})
	if err != nil {
		return answer{err: err}
	}
	text, err := io.ReadAll(result.Body)
	failure := result.Failure
	if late, ok := host.FailureOf(err); ok {
		failure, err = late, nil
	}
	_ = result.Body.Close()
	return answer{status: result.Status, header: result.Header, body: string(text), failure: failure, err: err}
}

// event makes one call with an event.
func (m *machine) event(body string) answer {
	m.t.Helper()
	return m.call(dayfly.Request{Kind: dayfly.RequestEvent}, body)
}

var fixturesMade sync.Map // folder of testdata → func() (string, error)

// fixtures compiles testdata/app, against the signatures that the guest is compiled
// against, into a bundle as the build makes it.
func fixtures(t testing.TB) string { return bundleOf(t, "testdata/app") }

func bundleOf(t testing.TB, folder string) string {
	t.Helper()
	jdk := anyJDK(t)
	once, _ := fixturesMade.LoadOrStore(folder, sync.OnceValues(func() (string, error) {
		bundle := filepath.Join(shared, "bundles", filepath.Base(folder))
		var files []string
		for _, pattern := range []string{folder + "/*.java", "testdata/api/*/*.java", "testdata/api/*/*/*.java"} {
			found, _ := filepath.Glob(pattern)
			files = append(files, found...)
		}
		err := filepath.WalkDir("source/foreign", func(path string, entry os.DirEntry, err error) error {
			// What only AWS's own library has stays away: it would be used.
			if err == nil && strings.HasSuffix(path, ".java") && !strings.Contains(path, "serialization") &&
				!strings.HasSuffix(path, "CustomPojoSerializer.java") && !strings.Contains(path, "SpecVersion") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return "", err
		}
		javac := filepath.Join(filepath.Dir(jdk.Path), "javac")
		args := append([]string{"--release", "11", "-g", "-nowarn", "-d", bundle}, files...)
		if out, err := exec.Command(javac, args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("compile fixtures: %w: %s", err, out)
		}
		return bundle, nil
	}))
	bundle, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}
