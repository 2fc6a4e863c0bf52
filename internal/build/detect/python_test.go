// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestLockFilesPinWhatPipInstalls(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct{ requirements, notice string }{
		"python-uv": {`flask==3.0.0 --hash=sha256:bb --hash=sha256:aa
click==8.1.0 --hash=sha256:cc
colorama==0.4.6 ; sys_platform == 'win32' --hash=sha256:dd
asgiref==3.8.0 --hash=sha256:ee
`, "uv.lock: odd is of a kind that is not supported"},
		"python-poetry-locked": {`requests==2.31.0 --hash=sha256:aa
idna==3.6 --hash=sha256:bb
tomli==2.0.1 ; python_version < "3.11" --hash=sha256:cc
`, "the versions are those that poetry.lock pins (3 packages)"},
		"python-poetry-groups": {`idna==3.6 ; python_version > "3.8" --hash=sha256:bb
`, "the versions are those that poetry.lock pins (1 packages)"},
		"python-pdm": {`uvicorn==0.30.0 --hash=sha256:aa
click==8.1.7 ; python_version >= "3.8" --hash=sha256:bb
`, "the versions are those that pdm.lock pins (2 packages)"},
		"python-pipfile-locked": {`idna==3.6 ; python_version >= '3.5' --hash=sha256:aa --hash=sha256:bb
`, "Pipfile.lock: mine is of a kind that is not supported"},
	} {
		files, settings, _ := fixture(t, "testdata/"+file+".txtar")
		plan, err := detect.Source(files, settings)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.requirements, plan.Extra[".dayfly-requirements.txt"]); diff != "" {
			t.Errorf("%s: requirements differ (-want +got):\n%s", file, diff)
		}
		if got := strings.Join(plan.Notices, "\n"); !strings.Contains(got, want.notice) {
			t.Errorf("%s: notices %q, want %q", file, got, want.notice)
		}
	}
}

func TestHostileLockFilesDoNotHurtTheNode(t *testing.T) {
	t.Parallel()
	dense, chain := &strings.Builder{}, &strings.Builder{}
	dense.WriteString("[[package]]\nname=\"x\"\nversion=\"1\"\nsource={virtual=\".\"}\ndependencies=[{name=\"a\"}]\n")
	chain.WriteString(dense.String())
	for i := range 1500 {
		fmt.Fprintf(dense, "[[package]]\nname=\"a\"\nversion=\"%d\"\ndependencies=[{name=\"a\",marker=\"m%d\"},{name=\"a\"}]\n", i, i)
		fmt.Fprintf(chain, "[[package]]\nname=\"a%d\"\nversion=\"1\"\ndependencies=[{name=\"a%d\",marker=\"m%d\"},{name=\"a%d\",marker=\"n\"}]\n", i, i+1, i, i+2)
	}
	for name, text := range map[string]string{
		"deep": strings.Repeat("a = [", 100_000), "dense": dense.String(),
		"chain": strings.Replace(chain.String(), `name="a"`, `name="a0"`, 1),
		"lines": "[[package]]\nname=\"a\\n--index-url http://x\"\nversion=\"1\"\n",
	} {
		start := time.Now()
		plan, err := detect.Source(fstest.MapFS{
			"app.py":         {Data: []byte("def handler(event, context):\n    return 1\n")},
			"pyproject.toml": {Data: []byte("[project]\ndependencies = [\"a\"]\n")},
			"uv.lock":        {Data: []byte(text)},
		}, manifest.Function{})
		if err != nil || plan.Entry != "app.handler" {
			t.Errorf("%s: Source = %+v, %v; want app.handler all the same", name, plan, err)
		}
		if strings.Contains(plan.Extra[".dayfly-requirements.txt"], "\n--") {
			t.Errorf("%s: an option of pip came from a name", name)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}

func TestPartsOfAUVWorkspaceAreInstalledFromTheSource(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"main.py": {Data: []byte("print(1)\n")},
		"pyproject.toml": {Data: []byte("[project]\nname = \"app\"\ndependencies = [\"part\", \"away\", \"six\"]\n" +
			"[tool.uv.workspace]\nmembers = [\"parts/*\"]\n[tool.uv.sources]\npart = { workspace = true }\n" +
			"away = { path = \"../away\" }\n")},
		"parts/part/pyproject.toml": {Data: []byte("[project]\nname = \"part\"\n")},
	}
	plan, err := detect.Source(files, manifest.Function{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(plan.Packages, " "); got != "./parts/part six" {
		t.Errorf("packages %q, want the part's folder, and nothing of an index by the name of one", got)
	}
	lock := "[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n" +
		"dependencies = [{ name = \"part\" }, { name = \"away\" }]\n" +
		"[[package]]\nname = \"part\"\nversion = \"1\"\nsource = { editable = \"parts/part\" }\n" +
		"[[package]]\nname = \"away\"\nversion = \"1\"\nsource = { directory = \"../away\" }\n"
	files["uv.lock"] = &fstest.MapFile{Data: []byte(lock)}
	if plan, err = detect.Source(files, manifest.Function{}); err != nil {
		t.Fatal(err)
	}
	if got := plan.Extra[".dayfly-requirements.txt"]; got != "./parts/part\n" || len(plan.Packages) > 0 {
		t.Errorf("requirements %q and packages %q, want the part's folder alone", got, plan.Packages)
	}
}
