// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
)

const (
	awsPython = "awslambdaric" // the newest that there is for the interpreter
	awsNode   = "aws-lambda-ric@3.3.0"
	// installMax bounds the installation of a client: Node's compiles libcurl.
	installMax = 8 * time.Minute
)

// cached installs packages once per machine, and gives their folder.
func cached(t *testing.T, name string, install func(ctx context.Context, dir string) *exec.Cmd) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: AWS's clients are installed from their registries")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("SKIPPED: no cache folder to install AWS's client in: %v", err)
	}
	dir := filepath.Join(cache, "dayfly-test", name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	fresh, err := os.MkdirTemp(filepath.Join(cache), "dayfly-client-")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	defer os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(t.Context(), installMax)
	defer cancel()
	if out, err := install(ctx, fresh).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: AWS's client cannot be installed; Node's needs cmake, autoconf, automake, libtool, g++ and "+
			"make: %v: %s", err, out)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, err := os.Stat(dir); err != nil { // else another test was faster
			t.Fatal(err)
		}
	}
	return dir
}

// interpreter finds one, or skips.
func interpreter(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED: %s is not on this machine", names[0])
	return ""
}

// oracle is a language that has a client of AWS's and a guest of ours.
type oracle struct {
	client func(entry string) []string // the command of AWS's client
	guest  []string                    // of our guest
	files  fs.FS
	env    map[string]string
	rows   [][2]string // entry and event
	// same takes out of an outcome what may differ.
	same func(string) string
}

// environment is what both get, beside what the world adds.
func (o *oracle) environment(task string) map[string]string {
	env := map[string]string{"LAMBDA_TASK_ROOT": task, "AWS_LAMBDA_FUNCTION_NAME": "fn", "AWS_REGION": "eu-west-1",
		"AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "PATH": os.Getenv("PATH"),
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[3]0"}
	for name, value := range o.env {
		env[name] = value
	}
	return env
}

// throughAWS calls a handler behind AWS's client and our Runtime API.
func (o *oracle) throughAWS(t *testing.T, task, entry string, inv *dayfly.Invocation) string {
	t.Helper()
	w := newWorld(t, o.client(entry), func(h *frame.SpecialiseHead) {
		api := h.Env["AWS_LAMBDA_RUNTIME_API"]
		h.Env, h.Task = o.environment(task), task
		h.Env["AWS_LAMBDA_RUNTIME_API"], h.Env["_HANDLER"] = api, entry
	})
	if failure := w.specialise(); failure != nil {
		return fmt.Sprintf("init %s %s", failure.Type, failure.Payload)
	}
	got, _ := w.exchange(t.Context(), inv)
	return got
}

// throughUs calls a handler in our guest of the language.
func (o *oracle) throughUs(t *testing.T, task, entry string, inv *dayfly.Invocation) string {
	t.Helper()
	near, far := socketPair(t)
	file, err := far.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), o.guest[0], o.guest[1:]...)
	cmd.Env, cmd.ExtraFiles, cmd.Dir = []string{}, []*os.File{file}, t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = file.Close(), far.Close()
	w := &world{t: t, conn: host.NewConn(near, func(dayfly.InvocationID, dayfly.LogStream, string) {})}
	defer func() {
		_ = w.conn.Close()
		_ = cmd.Wait()
	}()
	if _, err := w.conn.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.rev = frame.SpecialiseHead{Function: "fn", Project: "p", Number: 3, Dialect: dayfly.DialectLambda, Entry: entry,
		Task: task, Env: o.environment(task), Concurrency: 1, ResponseBytes: 1 << 20, Payload: dayfly.PayloadV2,
		MemoryBytes: 256 << 20}
	if failure := w.specialise(); failure != nil {
		return fmt.Sprintf("init %s %s", failure.Type, failure.Payload)
	}
	got, _ := w.exchange(t.Context(), inv)
	return got
}

// check compares the two, byte for byte.
func (o *oracle) check(t *testing.T) {
	t.Helper()
	task, err := filepath.Abs("testdata/oracle")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, o.files); err != nil {
		t.Fatal(err)
	}
	o.guest[len(o.guest)-1] = filepath.Join(dir, o.guest[len(o.guest)-1])
	for _, row := range o.rows {
		inv, again := invocation(dayfly.RequestEvent, row[1]), invocation(dayfly.RequestEvent, row[1])
		inv.Deadline, again.ID, again.Deadline = time.Now().Add(time.Minute), inv.ID, time.Now().Add(time.Minute)
		aws := o.throughAWS(t, task, row[0], inv)
		ours := o.throughUs(t, task, row[0], again)
		if o.same(aws) != o.same(ours) {
			t.Errorf("%s %s: AWS's client\n%s\nour guest\n%s", row[0], row[1], aws, ours)
		}
		if strings.HasPrefix(aws, "error:") {
			t.Errorf("%s %s: AWS's client ended: %s", row[0], row[1], aws)
		}
	}
}

func TestPythonLikeItsClient(t *testing.T) {
	t.Parallel()
	path := interpreter(t, "/usr/bin/python3", "python3")
	packages := cached(t, "python-awslambdaric", func(ctx context.Context, dir string) *exec.Cmd {
		return exec.CommandContext(ctx, path, "-m", "pip", "install", "-q", "--disable-pip-version-check",
			"--target", dir, awsPython)
	})
	version, err := exec.CommandContext(t.Context(), path, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])").Output()
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{files: python.Files(), guest: append(append([]string{path}, python.Args()...), python.Entry),
		client: func(entry string) []string { return []string{path, "-m", "awslambdaric", entry} },
		env: map[string]string{"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1",
			"AWS_EXECUTION_ENV": "AWS_Lambda_" + strings.TrimSpace(string(version))},
		// What Lambda calls an error, our records call a malformed answer; callers get the same.
		same: func(s string) string { return strings.Replace(s, "bad_response ", "exception ", 1) },
		rows: [][2]string{
			{"app.echo", `{"a":[1,2.50,"é",null,true]}`}, {"app.echo", `"text"`}, {"app.echo", `null`},
			{"app.context", `{}`}, {"app.shapes", `"none"`}, {"app.shapes", `"text"`}, {"app.shapes", `"list"`},
			{"app.shapes", `"bytes"`}, {"app.unknown", `{}`}, {"app.raises", `{}`}, {"app.chained", `{}`},
			{"app.absent", `{}`}, {"absent.handler", `{}`}, {"nonsense", `{}`},
		}}
	o.check(t)
}

// nodeFrames are the lines of a trace below the handler, which belong to client and guest.
var nodeFrames = regexp.MustCompile(`,"    at [^"]*(?:aws-lambda-ric|guest|node:internal|\.cjs)[^"]*"`)

// nodeRequired is who asked for a module that is not there: the client, or our guest.
var nodeRequired = regexp.MustCompile(`- /[^"\\\\]*`)

func TestNodeLikeItsClient(t *testing.T) {
	t.Parallel()
	path := interpreter(t, "node")
	packages := cached(t, "node-aws-lambda-ric", func(ctx context.Context, dir string) *exec.Cmd {
		return exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", awsNode)
	})
	entry := filepath.Join(packages, "node_modules", "aws-lambda-ric", "bin", "index.mjs")
	o := &oracle{files: node.Files(), guest: append(append([]string{path}, node.Flags()...), node.Entry),
		client: func(handler string) []string { return []string{path, entry, handler} },
		same: func(s string) string {
			return nodeRequired.ReplaceAllString(nodeFrames.ReplaceAllString(s, ""), "- FILE")
		},
		rows: [][2]string{
			{"app.echo", `{"a":[1,2.50,"é",null,true]}`}, {"app.echo", `"text"`}, {"app.echo", `null`},
			{"app.context", `{}`}, {"app.callback", `7`}, {"app.nothing", `{}`}, {"app.shapes", `"text"`},
			{"app.shapes", `"list"`}, {"app.shapes", `"date"`}, {"app.raises", `{}`}, {"app.throwsText", `{}`},
			{"app.callbackError", `{}`}, {"app.streams", `{}`}, {"app.absent", `{}`}, {"absent.handler", `{}`},
		}}
	o.check(t)
}
