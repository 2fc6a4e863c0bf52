// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/build/jars"
	"github.com/dayfly-faas/dayfly/internal/build/typescript"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// TestMain lets the test binary be the dayfly executable of a step in a box.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "guest" && os.Args[2] == "typescript" {
		os.Exit(typescript.Main(os.Args[3:], os.Stdout, os.Stderr))
	}
	if len(os.Args) > 2 && os.Args[1] == "guest" && os.Args[2] == "jars" {
		os.Exit(jars.Main(os.Args[3:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// kept is a true, small bundle.Objects.
type kept struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (k *kept) Put(_ context.Context, name string, r io.Reader) error {
	content, err := io.ReadAll(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[name] = content
	return err
}

func (k *kept) Get(_ context.Context, name string) (io.ReadCloser, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	content, ok := k.objects[name]
	if !ok {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "no object %s", name)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (k *kept) Has(_ context.Context, name string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.objects[name] != nil, nil
}

func (k *kept) Delete(_ context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.objects, name)
	return nil
}

func (k *kept) List(context.Context) ([]string, error) { return nil, nil }

// noBoxes refuses to start anything: a build that needs no box must not ask for one.
type noBoxes struct{ sandbox.Driver }

func (noBoxes) Start(context.Context, sandbox.Spec) (sandbox.Box, error) {
	return nil, fmt.Errorf("a box was started")
}

// world is a builder and what it works with.
type world struct {
	builder *build.Builder
	bundles *bundle.Store
	dir     string

	mu     sync.Mutex
	events []build.Event
}

func newWorld(t *testing.T, driver sandbox.Driver, change func(*build.Config)) *world {
	t.Helper()
	return newOnlineWorld(t, driver, nil, change)
}

func newOnlineWorld(
	t *testing.T, driver sandbox.Driver, network build.Network, change func(*build.Config),
) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	dir := t.TempDir()
	bundles, err := bundle.New(bundle.Config{Dir: filepath.Join(dir, "bundles")}, log,
		&kept{objects: map[string][]byte{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bundles.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := build.Config{Dir: filepath.Join(dir, "build"), Binary: self, Timeout: 2 * time.Minute}
	if change != nil {
		change(&cfg)
	}
	home, _ := os.UserHomeDir()
	runtimes := toolchain.New(toolchain.Config{
		Homes: []string{home}, CacheFile: filepath.Join(os.TempDir(), "dayfly-test-runtimes.json"),
	}, log)
	return &world{
		builder: build.New(cfg, log, driver, network, runtimes, bundles),
		bundles: bundles, dir: cfg.Dir,
	}
}

// boxes gives the real driver.
func boxes(t *testing.T) sandbox.Driver {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("boxes need root here")
	}
	name := fmt.Sprintf("dayfly-build-test-%d-%x", os.Getpid(), time.Now().UnixNano())
	driver, err := process.New(process.Config{RunDir: t.TempDir(), CgroupName: name},
		slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Skipf("no boxes on this host: %v", err)
	}
	t.Cleanup(func() { driver.Close() })
	return driver
}

// needs skips a test whose runtime is not installed.
func needs(t *testing.T, name dayfly.RuntimeName) {
	t.Helper()
	home, _ := os.UserHomeDir()
	set := toolchain.New(toolchain.Config{
		Homes: []string{home}, CacheFile: filepath.Join(os.TempDir(), "dayfly-test-runtimes.json"),
	}, slog.New(slog.DiscardHandler))
	if _, err := set.Find(t.Context(), name); err != nil {
		t.Skipf("this host has no %s", name)
	}
}

// upload makes a source of files; "!" before a name makes it executable.
func (w *world) upload(t *testing.T, files map[string]string) dayfly.Digest {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if rest, ok := strings.CutPrefix(name, "!"); ok {
			name, mode = rest, 0o755
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	digest, _, err := w.bundles.PutFolder(t.Context(), dir, bundle.SourceOptions())
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func (w *world) build(
	t *testing.T, files map[string]string, settings manifest.Function,
) (build.Built, error) {
	t.Helper()
	return w.rebuild(t.Context(), w.upload(t, files), settings)
}

func (w *world) rebuild(
	ctx context.Context, source dayfly.Digest, settings manifest.Function,
) (build.Built, error) {
	req := build.Request{
		Function: dayfly.FunctionRef{Project: "default", Name: "hello"},
		Source:   source, Settings: settings,
	}
	return w.builder.Build(ctx, req, func(e build.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	})
}

// said gives everything that was told so far, one event a line.
func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events {
		fmt.Fprintf(&b, "%s %s %s\n", e.Stage, e.Stream, e.Text)
	}
	return b.String()
}

// has tells which of the files a bundle holds.
func (w *world) has(t *testing.T, digest dayfly.Digest, names ...string) {
	t.Helper()
	folder, err := w.bundles.Folder(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name, unwanted := strings.CutPrefix(name, "-")
		_, err := os.Lstat(filepath.Join(folder, name))
		if unwanted == (err == nil) {
			t.Errorf("bundle has %s: %v, want %v", name, err == nil, !unwanted)
		}
	}
}

func TestAPayloadOfWhatTakesNoEventsIsTold(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	source := w.upload(t, map[string]string{"app.py": "def app(environ, start_response):\n    return []\n"})
	built, err := w.rebuild(t.Context(), source, manifest.Function{Payload: "1.0"})
	if err != nil {
		t.Fatal(err)
	}
	notice := "payload 1.0 changes nothing: it is for handlers of Lambda events"
	if built.Spec.Payload != "" || !slices.Contains(built.Found, notice) {
		t.Errorf("payload %q, found %q; want none, and %q", built.Spec.Payload, built.Found, notice)
	}
}

func TestASourceWithoutDependenciesIsItsOwnBundle(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	source := w.upload(t, map[string]string{"app.py": "def handler(event, context):\n    return 1\n"})
	built, err := w.rebuild(t.Context(), source, manifest.Function{Memory: "128Mi", Env: map[string]string{"A": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	want := dayfly.DefaultSpec()
	want.Runtime, want.Contract, want.Dialect = built.Spec.Runtime, dayfly.ContractHandler, dayfly.DialectLambda
	want.Entry, want.Limits.MemoryBytes, want.Env = "app.handler", 128<<20, map[string]string{"A": "b"}
	want.Payload = dayfly.PayloadV2
	if diff := cmp.Diff(want, built.Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if built.Bundle != source || !built.Cached {
		t.Errorf("bundle %.12s, cached %v; want the source itself", built.Bundle, built.Cached)
	}
	line := string(built.Spec.Runtime) + " · handler (lambda) · app.handler"
	if len(built.Found) == 0 || built.Found[0] != line {
		t.Errorf("found %q, want %q", built.Found, line)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "work-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAZipAndAFolderInItAreSeenThrough(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, noBoxes{}, nil)
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	f, err := z.Create("repo-main/index.js")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "exports.handler = async (event) => 1;")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	built, err := w.build(t, map[string]string{"source.zip": archive.String()}, manifest.Function{})
	if err != nil {
		t.Fatal(err)
	}
	if built.Spec.Entry != "index.handler" {
		t.Errorf("entry %q, want index.handler", built.Spec.Entry)
	}
	w.has(t, built.Bundle, "index.js", "-repo-main", "-source.zip")
	again, err := w.build(t, map[string]string{"source.zip": archive.String()}, manifest.Function{})
	if err != nil || !again.Cached || again.Bundle != built.Bundle {
		t.Errorf("again: %+v, %v; want the same bundle from memory", again, err)
	}
}

func TestAFactoryGetsAModuleThatCallsIt(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	built, err := w.build(t, map[string]string{
		"app.py": "from flask import Flask\n\ndef create_app():\n    return Flask(__name__)\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatal(err)
	}
	if built.Spec.Entry != "dayfly_app.app" || built.Spec.Dialect != dayfly.DialectWSGI {
		t.Errorf("spec %+v, want the wsgi application dayfly_app.app", built.Spec)
	}
	w.has(t, built.Bundle, "dayfly_app.py", "app.py")
}

func TestBadRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	code := map[string]string{"app.py": "def handler(event, context):\n    return 1\n"}
	for want, settings := range map[string]manifest.Function{
		"memory: ":        {Memory: "much"},
		"memory is 1Mi":   {Memory: "1Mi"},
		"python3.99":      {Runtime: "python3.99"},
		"not seem to exp": {Entry: "app.gone"},
	} {
		_, err := w.build(t, code, settings)
		if kind := dayfly.KindOf(err); (kind != dayfly.KindInvalid && kind != dayfly.KindNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("settings %+v: error %v, want one with %q", settings, err, want)
		}
	}
	missing := dayfly.Digest(strings.Repeat("0", 64))
	if _, err := w.rebuild(t.Context(), missing, manifest.Function{}); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("a source that was not uploaded: %v, want not_found", err)
	}
}

func TestAVersionThatIsNotHereIsTold(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	built, err := w.build(t, map[string]string{
		"app.py": "def handler(event, context):\n    return 1\n", ".python-version": "3.99\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatal(err)
	}
	told := func(line string) bool { return strings.Contains(line, "asks for python 3.99") }
	if !slices.ContainsFunc(built.Found, told) {
		t.Errorf("found %q, want a line about python 3.99", built.Found)
	}
}

func TestCommandsNameTheProgramOfTheirRuntime(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, noBoxes{}, nil)
	for given, want := range map[string]string{
		"python main.py":                 "PROGRAM main.py",
		"python3 main.py --port 1":       "PROGRAM main.py --port 1",
		"python2 main.py":                "python2 main.py",
		"sleep 1":                        "sleep 1",
		"python main.py --port $PORT":    "/bin/sh -c exec PROGRAM main.py --port $PORT",
		"cd sub && python3 -m x; node y": "/bin/sh -c cd sub && PROGRAM -m x; node y",
	} {
		built, err := w.build(t, map[string]string{"main.py": "x = 1\n"},
			manifest.Function{Runtime: "python", Command: manifest.SplitCommand(given)})
		if err != nil {
			t.Fatal(err)
		}
		program := strings.SplitN(string(built.Spec.Runtime)+".", ".", 3)
		want = strings.ReplaceAll(want, "PROGRAM", program[0]+"."+program[1])
		if got := strings.Join(built.Spec.Command, " "); got != want {
			t.Errorf("command %q becomes %q, want %q", given, got, want)
		}
	}
}
