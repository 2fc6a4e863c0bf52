// SPDX-License-Identifier: Apache-2.0

package dayfly_test

import (
	"go/ast"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// promise is a row of docs/SPEC.md: | S1.1 | what holds | where it is proven |.
var (
	promise   = regexp.MustCompile(`(?m)^\| *(S\d+\.\d+) *\|(.+)\|([^|]+)\|$`)
	testName  = regexp.MustCompile("`([A-Za-z0-9_./-]+)\\.((?:Test|Fuzz|Benchmark|Example)[A-Za-z0-9_]+)(?:/[^`]*)?`")
	storyName = regexp.MustCompile("`([A-Za-z0-9_./-]+\\.txtar)`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// tests gives "FOLDER.TestName" of every test function of the repository.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, f := range goFiles(t) {
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if ok && d.Recv == nil && (f.test || strings.HasSuffix(f.dir, "test")) {
				out[f.dir+"."+d.Name.Name] = true
			}
		}
	}
	return out
}

func TestSpecNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	known, seen := tests(t), map[string]bool{}
	rows := promise.FindAllStringSubmatch(string(text), -1)
	if len(rows) == 0 {
		t.Fatal("docs/SPEC.md has no row like | S1.1 | promise | `folder.TestName` |")
	}
	for _, row := range rows {
		number, proof := row[1], row[3]
		if seen[number] {
			t.Errorf("docs/SPEC.md: %s stands twice", number)
		}
		seen[number] = true
		named := testName.FindAllStringSubmatch(proof, -1)
		stories := storyName.FindAllStringSubmatch(proof, -1)
		if len(named)+len(stories) == 0 {
			t.Errorf("docs/SPEC.md: %s names no test", number)
		}
		for _, n := range named {
			if !known[n[1]+"."+n[2]] {
				t.Errorf("docs/SPEC.md: %s names %s.%s, which is not there", number, n[1], n[2])
			}
		}
		for _, s := range stories {
			if _, err := os.Stat(filepath.FromSlash("cmd/dayfly/testdata/script/" + s[1])); err != nil {
				t.Errorf("docs/SPEC.md: %s names the story %s, which is not there", number, s[1])
			}
		}
	}
}

// texts calls fn for each text file of the repository, examples included.
func texts(t *testing.T, fn func(name, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		switch d.Name() {
		case ".git", "bin", ".dayfly", "node_modules", "__pycache__":
			if d.IsDir() {
				return filepath.SkipDir
			}
			if p == ".git" {
				return nil // of a second work tree: it names where the first one is
			}
		}
		if p == "bench/results" {
			return filepath.SkipDir
		}
		if d.IsDir() || !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(p)
		if err == nil && utf8.Valid(text) {
			fn(p, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLinksResolve(t *testing.T) {
	t.Parallel()
	texts(t, func(name, text string) {
		if path.Ext(name) != ".md" {
			return
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, err := url.Parse(m[1])
			if err != nil || target.Scheme != "" || target.Path == "" {
				continue
			}
			if _, err := os.Stat(filepath.FromSlash(path.Join(path.Dir(name), target.Path))); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	})
}

// strangers are words that belong to one machine or to one way of getting packages:
// the text of the project speaks of the project alone. They are written in two parts
// so that this file passes its own test.
var strangers = []string{
	"/work/" + "main", "/work/" + "shared", "proxy." + "golang.org", "registry." + "npmjs.org", "files." + "pythonhosted.org",
	"pypi." + "org/simple", "deb." + "debian.org", "/opt/" + "wheels",
}

func TestTextsAreOfTheProjectAlone(t *testing.T) {
	t.Parallel()
	texts(t, func(name, text string) {
		for _, word := range strangers {
			if i := strings.Index(text, word); i >= 0 {
				line := 1 + strings.Count(text[:i], "\n")
				t.Errorf("%s:%d says %q: a path or host of one machine", name, line, word)
			}
		}
	})
}

func TestPapersAreThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md",
		"docs/GLOSSARY.md", "docs/SPEC.md", "docs/formats/frames.md", "docs/guides/first-function.md",
		"docs/checklists/add-a-language.md", "docs/checklists/add-a-dialect.md",
		"docs/checklists/add-a-driver.md",
	} {
		if info, err := os.Stat(filepath.FromSlash(name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty", name)
		}
	}
}

func TestMakefileTargetsHaveHelp(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile(`(?m)^([a-z][a-z-]*):(.*)$`)
	for _, m := range target.FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(m[2], "## ") {
			t.Errorf("Makefile: target %s has no help: end its line with ## and a few words", m[1])
		}
	}
}
