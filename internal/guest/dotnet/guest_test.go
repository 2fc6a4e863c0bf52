// SPDX-License-Identifier: Apache-2.0

package dotnet_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/dotnet"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const mono = "/usr/bin/mono-sgen"

// monoRuntime is the host's Mono.
func monoRuntime(t testing.TB) dotnet.Runtime {
	t.Helper()
	for _, file := range []string{mono, dotnet.MonoCompiler(mono)} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("SKIPPED: there is no %s: apt install mono-mcs mono-runtime", file)
		}
	}
	return dotnet.Runtime{Path: mono, Version: "6.8", IsMono: true}
}

// installed is the compiled guest, one for all tests.
var installed = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("dayfly-test-dotnet-%d", os.Getuid()))
	return dotnet.Install(context.Background(), dotnet.Runtime{Path: mono, Version: "6.8", IsMono: true}, dir)
})

func guestFolder(t testing.TB) string {
	t.Helper()
	monoRuntime(t)
	folder, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// compile makes an assembly Hello of a function's source, where the build would put it.
func compile(t testing.TB, source string) (task string) {
	t.Helper()
	task = t.TempDir()
	assemble(t, task, "Hello.dll", source, "-r:"+filepath.Join(guestFolder(t), "compat", dotnet.CompatName()))
	return task
}

// assemble compiles a source to an assembly of that name.
func assemble(t testing.TB, task, name, source string, words ...string) {
	t.Helper()
	guestFolder(t) // skips when there is no compiler
	app := filepath.Join(task, ".dayfly", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(task, name+".cs")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	argv := append([]string{dotnet.MonoCompiler(mono), "-nologo", "-target:library",
		"-out:" + filepath.Join(app, name), file}, words...)
	if out, err := exec.CommandContext(t.Context(), mono, argv...).CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", name, err, out)
	}
}

// guest is one started guest and the host's side of it.
type guest struct {
	*host.Conn
	mu    sync.Mutex
	lines []string
	next  int
}

// boot starts the guest on Mono.
func boot(t testing.TB) *guest {
	t.Helper()
	return bootWith(t, monoRuntime(t).Args(guestFolder(t)))
}

// bootWith starts a guest and waits for its hello.
func bootWith(t testing.TB, argv []string) *guest {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "host"), os.NewFile(uintptr(fds[1]), "guest")
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "BOOT=1"}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	nc, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	g := &guest{}
	g.Conn = host.NewConn(nc, func(id dayfly.InvocationID, stream dayfly.LogStream, text string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.lines = append(g.lines, fmt.Sprintf("%s %s %s", id, stream, text))
	})
	t.Cleanup(func() {
		_ = g.Close()
		_ = cmd.Wait()
	})
	hello, err := g.Hello(t.Context())
	if err != nil || hello.Language != "dotnet" {
		t.Fatalf("hello %+v, %v; want one of dotnet", hello, err)
	}
	return g
}

// become specialises the guest.
func (g *guest) become(t testing.TB, task string, dialect dayfly.Dialect, entry string) error {
	t.Helper()
	_, err := g.Specialise(t.Context(), frame.SpecialiseHead{
		Task: task, Dialect: dialect, Entry: entry, MemoryBytes: 256 << 20, Concurrency: 4,
		Env: map[string]string{"AWS_LAMBDA_FUNCTION_NAME": "hello", "GREETING": "hi", "AWS_REGION": "us-east-1"},
	})
	return err
}

// serve is a guest that has become the source's entry.
func serve(t testing.TB, source string, dialect dayfly.Dialect, entry string) *guest {
	t.Helper()
	task := compile(t, source)
	g := boot(t)
	if err := g.become(t, task, dialect, entry); err != nil {
		t.Fatal(err)
	}
	return g
}

// event sends one event and gives what came back: the body, or the failure's payload.
func (g *guest) event(t testing.TB, body string) string {
	t.Helper()
	return g.call(t, dayfly.Request{Kind: dayfly.RequestEvent, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body))})
}

func (g *guest) call(t testing.TB, r dayfly.Request) string {
	t.Helper()
	g.mu.Lock()
	g.next++
	id := dayfly.InvocationID(fmt.Sprintf("call-%d", g.next))
	g.mu.Unlock()
	if r.Kind == dayfly.RequestHTTP {
		r.Method, r.Path, r.Header = "POST", "/", http.Header{"Content-Type": {"text/x"}}
	}
	inv := &dayfly.Invocation{ID: id, Request: r, Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()},
		Received: time.Now(), Deadline: time.Now().Add(30 * time.Second)}
	result, err := g.Exchange(t.Context(), inv, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if f := result.Failure; f != nil {
		return fmt.Sprintf("%s: %s %s", f.Type, f.Message, decoded(f.Payload))
	}
	defer result.Body.Close()
	answer, err := io.ReadAll(result.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func decoded(payload []byte) string {
	if text, err := base64.StdEncoding.DecodeString(string(payload)); err == nil {
		return string(text)
	}
	return string(payload)
}
