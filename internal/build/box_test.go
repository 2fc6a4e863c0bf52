// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// wheel makes a Python package that pip installs without asking anybody.
func wheel(t *testing.T) string {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range map[string]string{
		"tiny/__init__.py":                    "WORD = 'tiny'\n\ndef main():\n    print('tiny serves')\n",
		"tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny-tool = tiny:main\n",
		"tiny-1.0.dist-info/METADATA":         "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
		"tiny-1.0.dist-info/WHEEL":            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"tiny-1.0.dist-info/RECORD":           "tiny/__init__.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\ntiny-1.0.dist-info/RECORD,,\n",
	} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

func TestPythonRequirementsAreInstalledAndCompiled(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, boxes(t), nil)
	files := map[string]string{
		"app.py":                           "import tiny\n\ndef handler(event, context):\n    return tiny.WORD\n",
		"requirements.txt":                 "./wheels/tiny-1.0-py3-none-any.whl\n",
		"wheels/tiny-1.0-py3-none-any.whl": wheel(t),
	}
	built, err := w.build(t, files, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, "app.py", ".dayfly/python/tiny/__init__.py")
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"__pycache__/app.*.pyc", ".dayfly/python/tiny/__pycache__/__init__.*.pyc"} {
		compiled, _ := filepath.Glob(filepath.Join(folder, pattern))
		if len(compiled) != 1 {
			t.Errorf("%s matches %v, want one compiled module", pattern, compiled)
			continue
		}
		code, err := os.ReadFile(compiled[0])
		if err != nil || !bytes.Contains(code, []byte("/var/task/")) || code[4] != 1 {
			t.Errorf("%s: %v; want unchecked byte code with the path at run time", compiled[0], err)
		}
	}
	again, err := w.build(t, files, manifest.Function{})
	if err != nil || !again.Cached || again.Bundle != built.Bundle {
		t.Errorf("again: cached %v, bundle %.12s, %v; want %.12s from memory", again.Cached, again.Bundle, err, built.Bundle)
	}
	if said := w.said(); !strings.Contains(said, "install stdout Successfully installed tiny") {
		t.Errorf("the log of pip was not told:\n%s", said)
	}
}

func TestNodeDependenciesAreInstalled(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"index.js":              "const tiny = require('tiny');\nexports.handler = async (event) => tiny;\n",
		"package.json":          `{"name":"x","version":"1.0.0","dependencies":{"tiny":"file:lib/tiny"}}`,
		"lib/tiny/package.json": `{"name":"tiny","version":"1.0.0"}`,
		"lib/tiny/index.js":     "module.exports = 'tiny';\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, "index.js", "node_modules/tiny")
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "node_modules/tiny/index.js")); err != nil || !strings.Contains(string(text), "tiny") {
		t.Errorf("the dependency cannot be read: %q, %v", text, err)
	}
}

func TestTypeScriptIsCompiledForNode(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"src/index.ts": "import { word } from './word';\nexport const handler = async (event: { n: number }): Promise<string> => word + event.n;\n",
		"src/word.ts":  "export const word: string = 'n=';\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if built.Spec.Entry != "src/index.handler" {
		t.Errorf("entry %q, want src/index.handler", built.Spec.Entry)
	}
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "node", "-e", "require('./src/index.cjs').handler({n: 7}).then(console.log)")
	run.Dir = folder
	if out, err := run.CombinedOutput(); err != nil || string(out) != "n=7\n" {
		t.Errorf("the compiled handler gives %q, %v; want n=7", out, err)
	}
}

func TestTypeScriptErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	w := newWorld(t, boxes(t), nil)
	_, err := w.build(t, map[string]string{
		"index.ts": "export const handler = async (event: any) => {\n  return 1 +;\n};\n",
	}, manifest.Function{})
	if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), "index.ts:2:") {
		t.Errorf("error %v, want an invalid one that names index.ts:2", err)
	}
}

func TestTypeScriptCannotImportTheHostsFiles(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"password":"hunter2"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"index.ts": "import secret from '" + secret + "';\nexport const handler = async (event: any) => secret;\n",
	}, manifest.Function{})
	if err == nil {
		t.Errorf("the import of a host file was built: %+v", built)
	}
	if strings.Contains(w.said(), "hunter2") {
		t.Error("the secret was told")
	}
}

func TestAFailedBuildTellsItsLastWords(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, boxes(t), nil)
	_, err := w.build(t, map[string]string{
		"app.py": "def handler(event, context):\n    return 1\n", "requirements.txt": "./gone-1.0-py3-none-any.whl\n",
	}, manifest.Function{})
	if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), "pip install ended with status 1") ||
		!strings.Contains(err.Error(), "gone-1.0") {
		t.Errorf("error %v, want one with pip's status and what is missing", err)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "work-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// hostile runs a package's install script and gives what the build said.
func hostile(t *testing.T, script string, change func(*build.Config)) (string, error) {
	t.Helper()
	needs(t, "node")
	w := newWorld(t, boxes(t), change)
	_, err := w.build(t, map[string]string{
		"index.js":              "exports.handler = async (event) => 1;\n",
		"package.json":          `{"name":"x","version":"1.0.0","scripts":{"postinstall":"sh ./evil.sh"},"dependencies":{"tiny":"file:lib/tiny"}}`,
		"lib/tiny/package.json": `{"name":"tiny","version":"1.0.0"}`,
		"evil.sh":               script,
	}, manifest.Function{})
	return w.said(), err
}

func TestAnInstallScriptSeesNothingOfTheHost(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o644); err != nil {
		t.Fatal(err)
	}
	said, _ := hostile(t, fmt.Sprintf(`exec >&2
cat %[1]s /etc/shadow /root/.ssh/* /proc/1/environ
ls /home /root /var/lib
id -u
echo pwned > %[1]s
echo pwned > /usr/bin/pwned
ln -s /etc/passwd /var/task/link
exit 1
`, secret), nil)
	if strings.Contains(said, "hunter2") || strings.Contains(said, "root:$") || strings.Contains(said, "root:*") {
		t.Errorf("a secret was read:\n%s", said)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "hunter2" {
		t.Errorf("the host's file is now %q, %v", text, err)
	}
	if _, err := os.Stat("/usr/bin/pwned"); err == nil {
		t.Error("the host's /usr was written to")
	}
	if !strings.Contains(said, "No such file") && !strings.Contains(said, "Permission denied") {
		t.Errorf("the script did not run:\n%s", said)
	}
}

func TestAForkBombInAnInstallScriptEnds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds by its nature")
	}
	start := time.Now()
	_, err := hostile(t, "bomb() { bomb | bomb & }\nbomb\nsleep 60\n",
		func(c *build.Config) { c.Timeout = 5 * time.Second; c.Limits.Pids = 64 })
	if dayfly.KindOf(err) == "" {
		t.Error("the build worked")
	}
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAMemoryHogInAnInstallScriptIsTold(t *testing.T) {
	t.Parallel()
	_, err := hostile(t, "node -e 'const a=[];for(;;)a.push(Buffer.alloc(1<<24,1))'\n",
		func(c *build.Config) { c.Limits.MemoryBytes = 256 << 20; c.Limits.TmpBytes = 32 << 20 })
	if dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("error %v, want an invalid one", err)
	}
}

func TestABuildThatFillsTheDiskIsStopped(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for the disk to be measured")
	}
	_, err := hostile(t, "dd if=/dev/zero of=big bs=1M count=200 2>/dev/null; sleep 60\n",
		func(c *build.Config) { c.DiskBytes = 64 << 20 })
	if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), "to disk and was stopped") {
		t.Errorf("error %v, want one about the disk", err)
	}
}

func TestABuildEndsAtItsTimeAndWhenCanceled(t *testing.T) {
	t.Parallel()
	_, err := hostile(t, "sleep 100\n", func(c *build.Config) { c.Timeout = 2 * time.Second })
	if dayfly.KindOf(err) != dayfly.KindTimeout || !strings.Contains(err.Error(), "longer than 2s") {
		t.Errorf("error %v, want a timeout", err)
	}
	w := newWorld(t, boxes(t), nil)
	source := w.upload(t, map[string]string{
		"index.js":              "exports.handler = async (event) => 1;\n",
		"package.json":          `{"name":"x","version":"1.0.0","scripts":{"postinstall":"echo started; sleep 100"},"dependencies":{"tiny":"file:lib/tiny"}}`,
		"lib/tiny/package.json": `{"name":"tiny","version":"1.0.0"}`,
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	if _, err := w.rebuild(ctx, source, manifest.Function{}); dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestAGoProgramIsCompiled(t *testing.T) {
	t.Parallel()
	needs(t, "go")
	if testing.Short() {
		t.Skip("compiles the standard library")
	}
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"go.mod": "module hello\n\ngo 1.21\n", "main.go": "package main\n\nfunc main() { println(\"hello\") }\n", "page.html": "<p>",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	w.has(t, built.Bundle, ".dayfly/bin/app", "page.html", "-main.go", "-go.mod")
	if built.Spec.Runtime != "native" || built.Spec.Contract != dayfly.ContractStdio {
		t.Errorf("spec %+v, want a native stdio program", built.Spec)
	}
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(folder, built.Spec.Command[0])).CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Errorf("the program prints %q, %v", out, err)
	}
}

func TestMuchPythonIsCompiledEvenWithoutDependencies(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"app.py":   "import large\n\ndef handler(event, context):\n    return 1\n",
		"large.py": strings.Repeat("x = 'a line of code'\n", 5000),
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	if compiled, _ := filepath.Glob(filepath.Join(folder, "__pycache__/large.*.pyc")); len(compiled) != 1 {
		t.Errorf("compiled modules: %v, want that of large.py", compiled)
	}
}

func TestProgramsThatPipInstalledRun(t *testing.T) {
	t.Parallel()
	needs(t, "python")
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"requirements.txt":                 "./wheels/tiny-1.0-py3-none-any.whl\n",
		"wheels/tiny-1.0-py3-none-any.whl": wheel(t),
		"Procfile":                         "web: tiny-tool --serve\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	folder, err := w.bundles.Folder(t.Context(), built.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), built.Spec.Command[0], built.Spec.Command[1:]...)
	run.Dir = folder
	run.Env = []string{"PATH=/usr/bin:/bin", "PWD=" + folder, "PYTHONPATH=" + filepath.Join(folder, ".dayfly/python")}
	if out, err := run.CombinedOutput(); err != nil || string(out) != "tiny serves\n" {
		t.Errorf("the program prints %q, %v", out, err)
	}
}
