// SPDX-License-Identifier: Apache-2.0

package toolchain_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// TestMain lets the test binary stand in for an interpreter: linked under the name of
// one, it answers what the file beside it says.
func TestMain(m *testing.M) {
	spoken, err := os.ReadFile(os.Args[0] + ".answer")
	if err != nil {
		os.Exit(m.Run())
	}
	text := string(spoken)
	if text == "hang" {
		time.Sleep(time.Hour)
	}
	if file, err := os.OpenFile(os.Args[0]+".asked", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		fmt.Fprintln(file, "asked")
		file.Close()
	}
	fmt.Print(text)
}

// program installs a stand-in at path that says it is of that version.
func program(t *testing.T, root, path, version string) {
	t.Helper()
	file := filepath.Join(root, path)
	prefix := filepath.Dir(filepath.Dir(file))
	text := fmt.Sprintf(`{"version":%q,"prefix":%q,"GOVERSION":"go%s","GOROOT":%q}`, version, prefix, version, prefix)
	if version == "hang" || version == "garbage" {
		text = version
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(t, file+".answer", text)
	if os.Link(self, file) == nil {
		return
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, root, target, path string) {
	t.Helper()
	file := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
	}
}

func newSet(root string, change func(*toolchain.Config)) *toolchain.Set {
	cfg := toolchain.Config{Root: root, Homes: []string{filepath.Join(root, "home/ann")}}
	if change != nil {
		change(&cfg)
	}
	return toolchain.New(cfg, slog.New(slog.DiscardHandler))
}

func list(t *testing.T, set *toolchain.Set) []toolchain.Runtime {
	t.Helper()
	runtimes, err := set.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return runtimes
}

// lines prints runtimes one a line, paths below root.
func lines(root string, runtimes []toolchain.Runtime) []string {
	var out []string
	for _, r := range runtimes {
		line := fmt.Sprintf("%s %s %s %s", r.Name, r.Version, r.Source, strings.TrimPrefix(r.Path, root))
		if r.Default {
			line += " default"
		}
		for _, prefix := range r.Prefixes {
			line += " +" + strings.TrimPrefix(prefix, root)
		}
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

func TestEveryPlaceIsSearched(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/python3.11", "3.11.2")
	link(t, root, "python3.11", "usr/bin/python3")
	write(t, filepath.Join(root, "usr/bin/python3-config"), "#!/bin/sh")
	program(t, root, "usr/bin/node", "20.20.2")
	program(t, root, "usr/local/go/bin/go", "1.26.0")
	for path, version := range map[string]string{
		".pyenv/versions/3.11.7/bin/python3.11":                        "3.11.7",
		".pyenv/versions/3.13.0/bin/python3.13":                        "3.13.0",
		".asdf/installs/python/3.12.1/bin/python3.12":                  "3.12.1",
		".local/share/mise/installs/python/3.10.1/bin/python3.10":      "3.10.1",
		".local/share/uv/python/cpython-3.9.1-x/bin/python3.9":         "3.9.1",
		".nvm/versions/node/v18.1.0/bin/node":                          "18.1.0",
		".local/share/fnm/node-versions/v22.1.0/installation/bin/node": "22.1.0",
		".volta/tools/image/node/16.1.0/bin/node":                      "16.1.0",
		"n/n/versions/node/14.1.0/bin/node":                            "14.1.0",
		"sdk/go1.25.1/bin/go":                                          "1.25.1",
	} {
		program(t, root, "home/ann/"+path, version)
		if strings.Contains(path, "python") {
			dir, base := filepath.Split(path)
			link(t, root, base, "home/ann/"+dir+"python3")
		}
	}
	link(t, root, "3.10.1", "home/ann/.local/share/mise/installs/python/3.10")
	write(t, filepath.Join(root, "home/ann/.pyenv/shims/python3"), "#!/bin/sh\nexec pyenv exec")
	shims := func(c *toolchain.Config) { c.Path = filepath.Join(root, "home/ann/.pyenv/shims") }

	const home = "/home/ann/"
	want := []string{
		"python3.13 3.13.0 pyenv " + home + ".pyenv/versions/3.13.0/bin/python3.13 +" + home + ".pyenv/versions/3.13.0",
		"python3.12 3.12.1 asdf " + home + ".asdf/installs/python/3.12.1/bin/python3.12 +" + home + ".asdf/installs/python/3.12.1",
		"python3.11.7 3.11.7 pyenv " + home + ".pyenv/versions/3.11.7/bin/python3.11 +" + home + ".pyenv/versions/3.11.7",
		"python3.11 3.11.2 distribution /usr/bin/python3.11 default +/usr",
		"python3.10 3.10.1 mise " + home + ".local/share/mise/installs/python/3.10.1/bin/python3.10 +" + home + ".local/share/mise/installs/python/3.10.1",
		"python3.9 3.9.1 uv " + home + ".local/share/uv/python/cpython-3.9.1-x/bin/python3.9 +" + home + ".local/share/uv/python/cpython-3.9.1-x",
		"node22 22.1.0 fnm " + home + ".local/share/fnm/node-versions/v22.1.0/installation/bin/node +" + home + ".local/share/fnm/node-versions/v22.1.0/installation",
		"node20 20.20.2 distribution /usr/bin/node default +/usr",
		"node18 18.1.0 nvm " + home + ".nvm/versions/node/v18.1.0/bin/node +" + home + ".nvm/versions/node/v18.1.0",
		"node16 16.1.0 volta " + home + ".volta/tools/image/node/16.1.0/bin/node +" + home + ".volta/tools/image/node/16.1.0",
		"node14 14.1.0 n " + home + "n/n/versions/node/14.1.0/bin/node +" + home + "n/n/versions/node/14.1.0",
		"go1.26 1.26.0 local /usr/local/go/bin/go default +/usr/local/go",
		"go1.25 1.25.1 home " + home + "sdk/go1.25.1/bin/go +" + home + "sdk/go1.25.1",
		"native  builtin  default",
		"wasm  builtin  default",
	}
	if diff := cmp.Diff(want, lines(root, list(t, newSet(root, shims)))); diff != "" {
		t.Errorf("runtimes (-want +got):\n%s", diff)
	}
}

func TestShimsAreNeverTaken(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "usr/local/bin/python3"), "#!/bin/sh\necho '{\"version\":\"3.9.9\"}'")
	program(t, root, "bin/volta-shim", "20.0.0")
	link(t, root, "volta-shim", "bin/node")
	program(t, root, "tools/shims/python3", "3.9.0")
	set := newSet(root, func(c *toolchain.Config) {
		c.Path = filepath.Join(root, "bin") + ":" + filepath.Join(root, "tools/shims")
	})
	if got := lines(root, list(t, set)); len(got) != 2 {
		t.Errorf("runtimes = %q, want native and wasm only", got)
	}
}

func TestPathIsSearchedLast(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "custom/bin/node", "21.0.0")
	set := newSet(root, func(c *toolchain.Config) { c.Path = "relative:" + filepath.Join(root, "custom/bin") })
	got, err := set.Find(t.Context(), "node")
	if err != nil || got.Source != "path" || got.Bin() != filepath.Join(root, "custom/bin") {
		t.Errorf("Find = %+v, %v", got, err)
	}
}

func TestAHangingProgramCostsABoundedTime(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/python3", "hang")
	program(t, root, "usr/bin/node", "20.1.0")
	program(t, root, "usr/local/bin/node", "garbage")
	set := newSet(root, func(c *toolchain.Config) { c.ProbeTimeout = 2 * time.Second })
	start := time.Now()
	want := []string{"node20 20.1.0 distribution /usr/bin/node default +/usr", "native  builtin  default", "wasm  builtin  default"}
	if diff := cmp.Diff(want, lines(root, list(t, set))); diff != "" {
		t.Errorf("runtimes (-want +got):\n%s", diff)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func asked(root, path string) int {
	text, _ := os.ReadFile(filepath.Join(root, path) + ".asked")
	return strings.Count(string(text), "asked")
}

func TestAfterARestartOnlyWhatChangedIsAsked(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/node", "20.1.0")
	program(t, root, "usr/bin/python3", "garbage")
	cached := func(c *toolchain.Config) { c.CacheFile = filepath.Join(root, "data/runtimes.json") }
	first := list(t, newSet(root, cached))
	second := list(t, newSet(root, cached))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("runtimes after restart (-first +second):\n%s", diff)
	}
	if node, python := asked(root, "usr/bin/node"), asked(root, "usr/bin/python3"); node != 1 || python != 1 {
		t.Errorf("asked node %d and python %d times, want once each", node, python)
	}
	// An update changes the file; a fresh copy has another time of change.
	os.Remove(filepath.Join(root, "usr/bin/node"))
	program(t, root, "usr/bin/node", "22.0.0")
	if err := os.Chtimes(filepath.Join(root, "usr/bin/node"), time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := newSet(root, cached).Find(t.Context(), "node22"); err != nil || got.Version != "22.0.0" {
		t.Errorf("Find after an update = %+v, %v", got, err)
	}
	write(t, filepath.Join(root, "data/runtimes.json"), `{"format":1,"entr`)
	if got := list(t, newSet(root, cached)); len(got) != 3 {
		t.Errorf("with a cut cache: %v, want node, native and wasm", lines(root, got))
	}
}

func TestRunKeepsSearchingUntilItsEnd(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/node", "20.1.0")
	set := newSet(root, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- set.Run(ctx) }()
	if _, err := set.Find(t.Context(), "node20"); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestNamesOfRuntimesAreUnderstood(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/python3.11", "3.11.2")
	program(t, root, "usr/local/bin/python3.11", "3.11.9")
	program(t, root, "usr/local/bin/python3.12", "3.12.4")
	program(t, root, "usr/bin/node", "20.20.2")
	program(t, root, "home/ann/.nvm/versions/node/v22.3.0/bin/node", "22.3.0")
	program(t, root, "usr/local/go/bin/go", "1.26.1")
	set := newSet(root, nil)
	for given, want := range map[dayfly.RuntimeName]dayfly.RuntimeName{
		"python": "python3.11", "python3": "python3.11", "3.11": "python3.11", "3.12": "python3.12",
		"python3.12": "python3.12", "Python3.12": "python3.12", "python-3.12.4": "python3.12",
		"python3.11.2": "python3.11", "python3.11.9": "python3.11.9", "3.11.9": "python3.11.9",
		"node": "node20", "nodejs": "node20", "nodejs20.x": "node20", "nodejs22.x": "node22",
		"node20": "node20", "20": "node20", "v22.3.0": "node22", "node@22": "node22", "node22.3": "node22",
		"go": "go1.26", "go1.x": "go1.26", "golang": "go1.26", "1.26": "go1.26", "go1.26.1": "go1.26",
		"native": "native", "provided.al2023": "native", "provided": "native",
	} {
		got, err := set.Find(t.Context(), given)
		if err != nil || got.Name != want {
			t.Errorf("Find(%q) = %s, %v; want %s", given, got.Name, err, want)
		}
	}
	for _, given := range []dayfly.RuntimeName{
		"python3.1", "python4", "node2", "nodejs18.x", "ruby3.3", "", "..", "java21", "go1.2", "2.7",
	} {
		got, err := set.Find(t.Context(), given)
		if dayfly.KindOf(err) != dayfly.KindNotFound {
			t.Errorf("Find(%q) = %s, %v; want not_found", given, got.Name, err)
		}
	}
}

func TestAnUnknownRuntimeIsToldWithWhatThereIs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "usr/bin/node", "20.20.2")
	set := newSet(root, nil)
	_, err := set.Find(t.Context(), "node22")
	known, ok := err.(*dayfly.Error)
	if !ok || known.Message != `runtime "node22" is not on this machine; there is node20` {
		t.Errorf("error %v, want one that names node20 alone", err)
	}
	_, err = set.Find(t.Context(), "python3.14")
	known, ok = err.(*dayfly.Error)
	if !ok || strings.Contains(known.Message, "node20") || !strings.Contains(known.Hint, "pyenv install 3.14") {
		t.Errorf("error %v, want one that says how to install 3.14, and nothing of other languages", err)
	}
	if _, err = set.Find(t.Context(), "cobol"); !strings.Contains(err.Error(), "node20, native") {
		t.Errorf("error %v, want one that lists all there is", err)
	}
}

func TestWhatIsInstalledMeanwhileIsFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	set := newSet(root, nil)
	list(t, set)
	program(t, root, "usr/bin/node", "20.20.2")
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, err := set.Find(t.Context(), "node20"); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("node20 was not found after it was installed")
		}
	}
}

func TestTheRuntimesOfThisHostAnswer(t *testing.T) {
	t.Parallel()
	home, _ := os.UserHomeDir()
	set := toolchain.New(toolchain.Config{Homes: []string{home}}, slog.New(slog.DiscardHandler))
	runtimes, err := set.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(runtimes) == 2 {
		t.Skip("this host has no runtime")
	}
	for _, r := range runtimes {
		if r.Source != "builtin" && (r.Version == "" || strings.Contains(r.Path, "shims")) {
			t.Errorf("runtime %+v is not a real one", r)
		}
	}
	if !slices.ContainsFunc(runtimes, func(r toolchain.Runtime) bool { return r.Name == toolchain.NativeName }) {
		t.Error("native is missing")
	}
	t.Logf("%s", strings.Join(lines("", runtimes), "\n"))
}
