// SPDX-License-Identifier: Apache-2.0

package dayfly_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The repository checks itself: this file holds the storeys of the house and who may
// import what, repo_code_test.go how code looks, repo_docs_test.go what papers promise.

const module = "github.com/dayfly-faas/dayfly"

// storeys, from the ground up. A package imports only packages of lower storeys, and
// of its own family: internal/sandbox, internal/sandbox/process and so on. A new
// package gets its place here; the table is never relaxed to make a build pass.
var storeys = [][]string{
	{"."}, // the vocabulary: package dayfly
	{
		"internal/store", "internal/bus", "internal/telemetry", "internal/airlock", "internal/wasm",
		"internal/clock", "internal/cron", "internal/filter", "internal/quantity",
		"internal/expression", "internal/rpc", "internal/ijson",
	},
	{"internal/front"}, // what manifests, doors and mechanisms agree on
	{
		"internal/sandbox", "internal/guest", "internal/scale", "internal/place",
		"internal/logs", "internal/egress", "internal/toolchain", "internal/manifest",
		"internal/bundle", "internal/blob", "internal/kv", "internal/topic", "internal/webhook",
		"internal/envelope", "internal/openapi", "internal/certificate",
	},
	{"internal/zygote"},
	{"internal/pool", "internal/catalog", "internal/build", "internal/auth", "internal/simtest"},
	{"internal/invoke", "internal/rollout", "internal/scheduler"},
	{"internal/queue"},
	{"internal/gateway", "internal/api", "internal/s3", "internal/trigger"},
	{"internal/config"},
	{"internal/node"},
	{"internal/cli", "bench/caller"},
	{"cmd/dayfly", "bench", "bench/simulate", "examples"},
}

// publicImports are what a package that others may import from outside is built of.
var publicImports = map[string][]string{
	"client": {".", "internal/bundle", "internal/front", "internal/manifest"},
}

// bannedImports have something better in their place.
var bannedImports = map[string]string{
	"log":                         "the logger is an argument: log/slog",
	"io/ioutil":                   "os and io have what it had",
	"math/rand":                   "math/rand/v2",
	"github.com/pkg/errors":       "fmt.Errorf with %w",
	"github.com/stretchr/testify": "testing and go-cmp",
}

// importers says who alone may import a package, and why.
var importers = map[string]struct {
	families []string
	why      string
}{
	"github.com/nats-io/nats-server/v2": {[]string{"internal/bus"}, "the bus is the only broker"},
	"github.com/prometheus/client_golang": {[]string{"internal/telemetry"},
		"metrics go through telemetry"},
	"go.opentelemetry.io/otel": {[]string{"internal/telemetry"}, "traces go through telemetry"},
	"github.com/spf13/cobra":   {[]string{"internal/cli", "cmd/dayfly"}, "commands are cli's"},
	"flag": {[]string{"bench", "bench/simulate", "cmd/dayfly", "internal/build", "internal/guest"},
		"settings are config's; build and guest have the command lines of programs that run in a box"},
}

// sourceFile is one Go file of the repository.
type sourceFile struct {
	path string // from the root, with slashes
	dir  string
	text []byte
	ast  *ast.File
	test bool
}

// imports gives the import paths of f.
func (f *sourceFile) imports() []string {
	var out []string
	for _, spec := range f.ast.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		out = append(out, p)
	}
	return out
}

var fileSet = token.NewFileSet()

// sources reads every Go file of the repository, once.
var sources = sync.OnceValues(func() ([]*sourceFile, error) {
	var out []*sourceFile
	err := walk(func(p string) error {
		if path.Ext(p) != ".go" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fileSet, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, &sourceFile{path: p, dir: path.Dir(p), text: text, ast: parsed,
			test: strings.HasSuffix(p, "_test.go")})
		return nil
	})
	return out, err
})

// walk calls fn for each file of the repository: what is built, installed or running
// data is not, and testdata is not ours to judge.
func walk(fn func(path string) error) error {
	return filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return fn(filepath.ToSlash(p))
		}
		// An example is somebody's application: it has its own module and style.
		example := strings.Count(p, string(filepath.Separator)) == 1 && path.Dir(p) == "examples"
		switch {
		case slices.Contains([]string{".git", "bin", ".dayfly", "node_modules", "testdata"}, d.Name()),
			// absent stands in for modules of others, whose names it bears.
			filepath.ToSlash(p) == "bench/results", p == "absent", example:
			return fs.SkipDir
		}
		return nil
	})
}

func goFiles(t *testing.T) []*sourceFile {
	t.Helper()
	files, err := sources()
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
	return files
}

// family gives the folder under which dir stands in the storeys: internal/sandbox for
// internal/sandbox/process.
func family(dir string) string {
	parts := strings.Split(dir, "/")
	if len(parts) > 2 && parts[0] == "internal" {
		return path.Join(parts[0], parts[1])
	}
	return dir
}

// storey gives the height of a family, or -1.
func storey(family string) int {
	return slices.IndexFunc(storeys, func(s []string) bool { return slices.Contains(s, family) })
}

// local gives the folder of an import path of this module.
func local(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func TestPackagesImportLowerStoreysOnly(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		from := family(f.dir)
		allowed, public := publicImports[from]
		if !public && storey(from) < 0 {
			t.Errorf("%s: package %s stands in no storey; put it in the table of repo_test.go",
				f.path, from)
			continue
		}
		for _, imported := range f.imports() {
			dir, ok := local(imported)
			if !ok || family(dir) == from {
				continue
			}
			switch to := family(dir); {
			case public && !slices.Contains(allowed, to):
				t.Errorf("%s imports %s; %s is public and may import only %v", f.path, dir, from, allowed)
			case public, to == "client" && storey(from) >= storey("internal/cli"):
			case storey(to) < 0:
				t.Errorf("%s imports %s, which stands in no storey it may reach", f.path, dir)
			case storey(to) >= storey(from):
				t.Errorf("%s (storey %d) imports %s (storey %d); a package imports only lower ones",
					f.path, storey(from), dir, storey(to))
			}
		}
	}
}

func TestVocabularyImportsStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.dir != "." || f.test {
			continue
		}
		for _, imported := range f.imports() {
			if strings.Contains(imported, ".") {
				t.Errorf("%s imports %s; the root package imports the standard library only", f.path, imported)
			}
		}
	}
}

func TestBannedImports(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		for _, imported := range f.imports() {
			for banned, instead := range bannedImports {
				if imported == banned || strings.HasPrefix(imported, banned+"/") && banned != "log" &&
					banned != "math/rand" {
					t.Errorf("%s imports %s; instead: %s", f.path, imported, instead)
				}
			}
			for name, only := range importers {
				if imported != name && !strings.HasPrefix(imported, name+"/") || f.test {
					continue
				}
				if !slices.Contains(only.families, family(f.dir)) {
					t.Errorf("%s imports %s, only %v may: %s", f.path, imported, only.families, only.why)
				}
			}
		}
	}
}

// required gives the modules that go.mod requires and whether each is marked
// indirect.
func required(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	inBlock := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			inBlock = true
		case line == ")":
			inBlock = false
		case inBlock || strings.HasPrefix(line, "require "):
			fields := strings.Fields(strings.TrimPrefix(line, "require "))
			if len(fields) >= 2 {
				out[fields[0]] = strings.HasSuffix(line, "// indirect")
			}
		}
	}
	return out
}

func TestDirectDependenciesAreDecided(t *testing.T) {
	t.Parallel()
	modules := required(t)
	var decisions []byte
	names, err := filepath.Glob("docs/decisions/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no decision records: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		decisions = append(decisions, text...)
	}
	direct := map[string]string{} // module: a file that imports it
	for _, f := range goFiles(t) {
		for _, imported := range f.imports() {
			if m := moduleOf(imported, modules); m != "" {
				direct[m] = f.path
			}
		}
	}
	for m, file := range direct {
		if !bytes.Contains(decisions, []byte("`"+m+"`")) {
			t.Errorf("%s imports module %s, which no record in docs/decisions names", file, m)
		}
		if modules[m] {
			t.Errorf("go.mod marks %s indirect though %s imports it; run go mod tidy", m, file)
		}
	}
	for m, indirect := range modules {
		if !indirect && direct[m] == "" {
			t.Errorf("go.mod requires %s directly and nothing imports it; run go mod tidy", m)
		}
	}
}

// moduleOf gives the required module that holds a package, or "".
func moduleOf(imported string, modules map[string]bool) string {
	for p := imported; p != "." && p != "/"; p = path.Dir(p) {
		if _, ok := modules[p]; ok {
			return p
		}
	}
	return ""
}
