// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
)

// TestProgramsRun runs what functions and builds are made of: nothing in it may need
// what a box refuses.
func TestProgramsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts large runtimes, which takes seconds")
	}
	d := newDriver(t)
	work := workFolder(t)
	for name, c := range map[string]struct {
		needs  string // on the host
		script string
		want   string
	}{
		"python": {"/usr/bin/python3", `/usr/bin/python3 -c '
import ssl, sqlite3, ctypes, multiprocessing, concurrent.futures, asyncio, subprocess, tempfile
with concurrent.futures.ThreadPoolExecutor() as p: print(sum(p.map(abs, range(10))), end=" ")
with multiprocessing.Pool(2) as p: print(p.map(abs, [1, 2]), end=" ")
print(asyncio.run(asyncio.sleep(0, "slept")), subprocess.check_output(["echo", "sub"]),
  len(ssl.create_default_context().get_ca_certs()) > 10, tempfile.gettempdir())
'`, "45 [1, 2] slept b'sub\\n' True /tmp\n"},
		"node": {"/usr/bin/node", `/usr/bin/node -e '
const { Worker } = require("worker_threads"), { execFileSync } = require("child_process");
new Worker("require(\"worker_threads\").parentPort.postMessage(require(\"crypto\").pbkdf2Sync(\"a\", \"b\", 9, 9, \"sha1\").length)", {eval: true})
  .on("message", m => require("dns").lookup("localhost", (e, a) => console.log(m, a, execFileSync("echo", ["sub"]).toString().trim())));
'`, "9 127.0.0.1 sub\n"},
		"npm":   {"/usr/bin/npm", `cd /work && npm init -y >/dev/null && grep -c version package.json`, "1\n"},
		"pip":   {"/usr/bin/pip3", `/usr/bin/pip3 --version | cut -c1-4`, "pip \n"},
		"java":  {"/usr/bin/java", `java -XX:+UseSerialGC -Xmx64m -version 2>&1 | grep -c Runtime`, "1\n"},
		"gcc":   {"/usr/bin/gcc", `cd /work && echo 'int main() { return 3; }' > a.c && gcc a.c -o a && ./a; echo $?`, "3\n"},
		"go":    {"/work/hello", `/work/hello`, "hello from go\n"},
		"git":   {"/usr/bin/git", `cd /tmp && git init -q r && cd r && git status --short | wc -l`, "0\n"},
		"pipes": {"/bin/sh", `seq 1000 | sort -rn | head -1; cat /dev/stdin </dev/null; date +%Z`, "1000\nUTC\n"},
		"find":  {"/usr/bin/find", `find /usr/share -name zoneinfo -maxdepth 1`, "/usr/share/zoneinfo\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(strings.Replace(c.needs, "/work", work, 1)); err != nil {
				t.Skipf("needs %s: %v", c.needs, err)
			}
			got := runShell(t, d, c.script, sandbox.Mount{Source: work, Target: "/work", Writable: true})
			if got != c.want {
				t.Errorf("printed %q, want %q", got, c.want)
			}
		})
	}
}

// workFolder holds a program made by the Go toolchain.
func workFolder(t *testing.T) string {
	t.Helper()
	work := t.TempDir()
	source := filepath.Join(work, "hello.go")
	code := `package main

import ("fmt"; "net"; "net/http"; "os/exec"; "io")

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil { panic(err) }
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	r, err := http.Get("http://" + l.Addr().String())
	if err != nil { panic(err) }
	b, _ := io.ReadAll(r.Body)
	out, err := exec.Command("echo", "from go").Output()
	if err != nil { panic(err) }
	fmt.Printf("%s %s", b, out)
}
`
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(work, "hello"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Logf("go build: %v\n%s", err, out)
	}
	return work
}

// runShell runs a shell script in a box and returns what it printed.
func runShell(t *testing.T, d *process.Driver, code string, mounts ...sandbox.Mount) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := d.Start(t.Context(), sandbox.Spec{
		ID: dayfly.InstanceID(t.Name()), Argv: []string{"/bin/sh", "-c", code}, Mounts: mounts,
		Env:    []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"},
		Stdout: w, Stderr: w, Limits: dayfly.Limits{MemoryBytes: 1 << 30, CPUMilli: 2000},
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Control().Close()
	var out bytes.Buffer
	r.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(&out, r); err != nil {
		t.Errorf("read output: %v", err)
	}
	b.Kill()
	<-b.Done()
	return out.String()
}
