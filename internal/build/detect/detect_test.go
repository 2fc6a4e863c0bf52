// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// fixture reads a source, its settings and what is wanted of it.
func fixture(t testing.TB, file string) (files fstest.MapFS, settings manifest.Function, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files = fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "want":
			want = value
		case "settings":
			if err := json.Unmarshal([]byte(value), &settings); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files, settings, want
}

// summary prints what matters of a plan in one line.
func summary(p *look.Plan) string {
	line := string(p.Language)
	if p.Version != "" {
		line += "@" + p.Version
	}
	line += " " + string(p.Contract)
	if p.Dialect != "" {
		line += "/" + string(p.Dialect)
	}
	if p.Contract == dayfly.ContractHandler {
		line += " " + p.Entry
	} else {
		line += " " + strings.Join(p.Command, " ")
	}
	if p.Payload != "" {
		line += " payload:" + string(p.Payload)
	}
	for _, t := range p.Triggers {
		line += " on:" + string(t.Name) + t.Path
		if t.Cron != nil {
			line += "(" + t.Cron.Expression + ")"
		} else {
			line += fmt.Sprintf("(%d, %s)", t.Queue.Batch, t.Queue.Window)
		}
	}
	if p.TypeScript != "" {
		line += " ts:" + p.Output
	}
	switch p.Install {
	case look.InstallPip:
		line += " +pip"
	case look.InstallNpm:
		line += " +npm"
	case look.InstallGo:
		line += " +go:" + p.Package
	case look.InstallDotNet:
		line += " +dotnet:" + strings.TrimSuffix(p.DotNet.Name+":"+p.DotNet.Project, ":")
		if p.DotNet.Needs != "" {
			line += " needs " + p.DotNet.Needs
		}
	case look.InstallRust:
		line += " +rust:" + p.Rust.Folder + ":" + p.Rust.Bin + p.Rust.File
	case look.InstallJava:
		line += javaSummary(&p.Java)
	case look.InstallWasm:
		line += " +wasm"
		for _, source := range p.Wasm.Sources {
			line += " " + string(source.Compiler) + ":" + source.Output
		}
	case look.InstallRuby:
		line += " +ruby"
		if p.Ruby.Locked {
			line += "/locked"
		}
		if p.Ruby.Assets {
			line += "/assets"
		}
	case look.InstallPHP:
		line += " +php"
		if p.PHP.Packages {
			line += "/composer"
		}
		if p.PHP.Locked {
			line += "/locked"
		}
	case look.InstallNone:
	}
	if p.Locked && (p.Install == look.InstallNpm || p.Install == look.InstallPip) {
		line += "/locked"
	}
	if p.Concurrency > 0 {
		line += fmt.Sprintf(" x%d", p.Concurrency)
	}
	if p.Script != "" {
		line += "/" + p.Script
	}
	if p.Project {
		line += " project"
	}
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		line += " extra:" + name
	}
	for _, m := range p.Node.Modules {
		line += " ts:" + m.Output
	}
	if len(p.Files) > 0 {
		line += " files:" + strings.Join(p.Files, ",")
	}
	return line
}

// javaSummary prints what a build of a JVM language does: "+java:maven:api".
func javaSummary(p *look.JavaPlan) string {
	line := " +java:" + string(p.Tool)
	if p.Module != "." {
		line += ":" + p.Module
	}
	if p.Wrapper {
		line += "/wrapper"
	}
	if p.Package {
		line += "/package"
	}
	for _, need := range p.Needs {
		line += " needs:" + string(need)
	}
	for _, library := range p.Libraries {
		line += " library:" + library
	}
	if len(p.Namespaces) > 0 {
		line += " compile:" + strings.Join(p.Namespaces, ",")
	}
	return line
}

func TestSourcesAreRecognised(t *testing.T) {
	t.Parallel()
	fixtures, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(fixtures) < 60 {
		t.Fatalf("%d fixtures, want at least 60: %v", len(fixtures), err)
	}
	for _, file := range fixtures {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			files, settings, want := fixture(t, file)
			plan, err := detect.Source(files, settings)
			if text, isError := strings.CutPrefix(want, "error: "); isError {
				if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), text) {
					t.Errorf("Source = %+v, %v; want an invalid error with %q", plan, err, text)
				}
				return
			}
			if err != nil {
				t.Fatalf("Source: %v; want %s", err, want)
			}
			want, packages, _ := strings.Cut(want, " packages:")
			if got := summary(plan); got != want {
				t.Errorf("Source =\n  %s, want\n  %s", got, want)
			}
			if got := strings.Join(plan.Packages, ";"); packages != "" && got != packages {
				t.Errorf("packages %s, want %s", got, packages)
			}
		})
	}
}

func TestNoticesTellWhatIsNotExpected(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"mixed":             "also found python handler app.handler; --runtime python chooses it",
		"python-procfile":   "the command comes from the Procfile",
		"python-poetry":     "poetry.lock is not used",
		"dockerfile-beside": "the Dockerfile is not used",
		"serverless-yml":    "the handler comes from serverless.yml",
		"python-script":     "has no handler, application or server",
	} {
		files, settings, _ := fixture(t, "testdata/"+file+".txtar")
		plan, err := detect.Source(files, settings)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan.Notices, "\n"); !strings.Contains(got, want) {
			t.Errorf("%s: notices %q, want one with %q", file, got, want)
		}
	}
}

func TestErrorsSayHowToNameTheEntry(t *testing.T) {
	t.Parallel()
	_, err := detect.Source(fstest.MapFS{"a.txt": {}}, manifest.Function{})
	known, ok := err.(*dayfly.Error)
	if !ok || !strings.Contains(known.Hint, "--entry") || !strings.Contains(known.Hint, "--command") {
		t.Errorf("error %v, want a hint with --entry and --command", err)
	}
	if _, err := detect.Source(fstest.MapFS{}, manifest.Function{}); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("an empty source gives %v, want invalid", err)
	}
}

func TestHostileFilesDoNotHurtTheNode(t *testing.T) {
	t.Parallel()
	const handler = "def handler(event, context):\n    return 1\n"
	laughs := "functions:\n  a: &a {handler: x}\n"
	for i := range 30 {
		laughs += fmt.Sprintf("  b%d: &b%d [*a, *a, *a, *a]\n", i, i)
	}
	for name, files := range map[string]map[string]string{
		"deep TOML":         {"pyproject.toml": "a = " + strings.Repeat("[", 1<<20)},
		"deep TOML by line": {"pyproject.toml": "a = " + strings.Repeat("[\n", 1<<18)},
		"deep TOML keys":    {"Pipfile": "a" + strings.Repeat(".a", 1<<18) + " = 1"},
		"deep YAML":         {"serverless.yml": strings.Repeat("[", 200<<10)},
		"deep YAML lists":   {"serverless.yml": strings.Repeat("- ", 100<<10)},
		"YAML aliases":      {"template.yaml": laughs},
		"deep JSON":         {"package.json": strings.Repeat("[", 1<<20)},
		"long patterns":     {"requirements.txt": strings.Repeat("(", 1<<20)},
		"many exports":      {"index.js": "module.exports = {" + manyNames(100_000) + "}"},
		"deep script":       {"index.js": "module.exports = " + strings.Repeat("{fetch", 1<<17)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := fstest.MapFS{"app.py": {Data: []byte(handler)}}
			for file, text := range files {
				source[file] = &fstest.MapFile{Data: []byte(text)}
			}
			start := time.Now()
			plan, err := detect.Source(source, manifest.Function{Runtime: "python"})
			if err != nil || plan.Entry != "app.handler" {
				t.Errorf("Source = %+v, %v; want app.handler all the same", plan, err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "n%d,", i)
	}
	return b.String()
}

func TestAHandlerAtTheEndOfALargeBundleIsFound(t *testing.T) {
	t.Parallel()
	text := "var a = 1;\n" + strings.Repeat("function f() { return 'some bundled code'; }\n", 100_000) +
		"async function handler(event) { return 1; }\n0 && (module.exports = {\n  handler\n});\n"
	plan, err := detect.Source(fstest.MapFS{"index.js": {Data: []byte(text)}}, manifest.Function{})
	if err != nil || plan.Entry != "index.handler" || plan.Dialect != dayfly.DialectLambda {
		t.Errorf("Source = %+v, %v; want the Lambda handler index.handler", plan, err)
	}
}

// FuzzSource holds that no text of a module makes detection fail other than by saying so.
func FuzzSource(f *testing.F) {
	f.Add("index.js", "exports.handler = async (event) => 1;")
	f.Add("app.py", "def handler(event, context):\n  pass")
	f.Add("package.json", `{"main":"x","scripts":{"start":"node x"}}`)
	f.Add("pyproject.toml", "[project]\ndependencies = ['x']")
	f.Add("serverless.yml", "functions:\n  a: {handler: a.b}")
	f.Add("main.go", "package main\nfunc main() {}")
	f.Fuzz(func(t *testing.T, name, text string) {
		files := fstest.MapFS{"index.js": {Data: []byte("exports.handler = (event) => 1")}}
		if !strings.ContainsAny(name, "/\\\x00") && name != "" && name != "." && name != ".." {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		plan, err := detect.Source(files, manifest.Function{})
		if err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Errorf("error %v, want an invalid one", err)
			}
			return
		}
		if plan.Language == "" || plan.Contract == "" {
			t.Errorf("plan %+v lacks a language or a contract", plan)
		}
	})
}
