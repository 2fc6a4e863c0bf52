// SPDX-License-Identifier: Apache-2.0

package dayfly_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Bounds of the code. A file is read in one sitting, a function seen on one screen.
// Text in quotes may pass the end of the line, and a function that only returns a
// table may be as long as the table.
const (
	fileLinesMax     = 700
	packageLinesMax  = 3000
	functionLinesMax = 70
	rootLinesMax     = 1500
	lineColumnsMax   = 120
)

// longFunctions may be longer, each for its reason: "FILE FUNCTION".
var longFunctions = map[string]string{
	"internal/sandbox/sandboxtest/escape.go probes":    "a table of ways out of a box",
	"internal/sandbox/sandboxtest/hostile.go hostiles": "a table of hostile guests",
}

// bannedNames say nothing about what a package is.
var bannedNames = strings.Fields(`util utils common helper helpers misc shared types models base
	core lib pkg manager service impl runtime context log http errors time strings testing`)

// twins share a package's name, each for its reason.
var twins = map[string]string{
	"internal/guest/node": "the guest of Node.js bears its language's name; only internal/node imports it",
}

// environmentReaders are the families that may read the process's environment.
var environmentReaders = map[string]string{
	"internal/config":  "settings are read in one place",
	"internal/airlock": "it hands itself its orders when it starts again",
	"internal/guest":   "guests run inside a sandbox, whose environment is the function's",
	"cmd/dayfly":       "main",
	"bench":            "a program of its own",
}

// exiters are the families that may end the process.
var exiters = map[string]string{
	"cmd/dayfly":       "main",
	"bench":            "main",
	"bench/simulate":   "main",
	"internal/airlock": "it is the main of a sandbox's first process",
}

func TestFilesStartWithLicence(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if !bytes.HasPrefix(f.text, []byte("// SPDX-License-Identifier: Apache-2.0\n\n")) {
			t.Errorf("%s: the first line must be // SPDX-License-Identifier: Apache-2.0, then a blank one",
				f.path)
		}
	}
}

func TestPackagesHaveOneDoc(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{} // folder: files with a package doc
	count := map[string]int{}     // folder: its files
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		if count[f.dir]++; docs[f.dir] == nil {
			docs[f.dir] = []string{}
		}
		if f.ast.Doc == nil {
			continue
		}
		docs[f.dir] = append(docs[f.dir], f.path)
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = strings.ToUpper(path.Base(f.dir)[:1]) + path.Base(f.dir)[1:] + " "
		}
		if !strings.HasPrefix(f.ast.Doc.Text(), want) {
			t.Errorf("%s: the package doc must start with %q", f.path, want)
		}
	}
	for dir, files := range docs {
		if len(files) != 1 {
			t.Errorf("package %s must have exactly one package doc, in doc.go; it has %v", dir, files)
			continue
		}
		// A package of one file may carry its doc there.
		if name := path.Base(files[0]); name != "doc.go" && count[dir] > 1 {
			t.Errorf("package %s has its doc in %s; move it to doc.go", dir, name)
		}
	}
}

func TestPackageNamesSaySomething(t *testing.T) {
	t.Parallel()
	folders := map[string]string{}
	for _, f := range goFiles(t) {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if slices.Contains(bannedNames, name) || strings.ContainsAny(name, "_-") ||
			name != strings.ToLower(name) {
			t.Errorf("%s: package name %s is banned: use one lower-case noun of the domain", f.path, name)
		}
		if twins[f.dir] != "" {
			continue
		}
		if name != "main" && folders[name] != "" && folders[name] != f.dir {
			t.Errorf("packages %s and %s are both named %s; names are unique, so that none needs an alias",
				folders[name], f.dir, name)
		}
		folders[name] = f.dir
		if depth := strings.Count(f.dir, "/"); strings.HasPrefix(f.dir, "internal/") && depth > 2 {
			t.Errorf("%s: packages nest at most internal/x/y", f.path)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && receiverIsExported(d) {
					wantDoc(t, f, d.Name, d.Doc)
				}
			case *ast.GenDecl:
				checkGroup(t, f, d)
			}
		}
	}
}

// receiverIsExported tells whether users of a package see a method, or d is none.
func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}

// checkGroup checks a declaration of types, constants or variables: each type has its
// own comment, constants and variables may share one.
func checkGroup(t *testing.T, f *sourceFile, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			doc := s.Doc
			if doc == nil && len(d.Specs) == 1 {
				doc = d.Doc
			}
			if s.Name.IsExported() {
				wantDoc(t, f, s.Name, doc)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					t.Errorf("%s: %s is exported and not documented", where(name), name.Name)
				}
			}
		}
	}
}

func wantDoc(t *testing.T, f *sourceFile, name *ast.Ident, doc *ast.CommentGroup) {
	t.Helper()
	words := strings.Fields(doc.Text())
	if len(words) == 0 {
		t.Errorf("%s: %s is exported and not documented", where(name), name.Name)
		return
	}
	first := strings.TrimSuffix(words[0], ",")
	if slices.Contains([]string{"A", "An", "The"}, first) && len(words) > 1 {
		first = words[1]
	}
	if first != name.Name && first != "Deprecated:" {
		t.Errorf("%s: the comment of %s must start with its name, not with %q", where(name), name.Name, words[0])
	}
}

// where gives FILE:LINE of a node.
func where(n ast.Node) string {
	p := fileSet.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func TestSizesStayReadable(t *testing.T) {
	t.Parallel()
	packages := map[string]int{}
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.path, "_gen.go") {
			continue
		}
		lines := bytes.Count(f.text, []byte("\n"))
		if lines > fileLinesMax {
			t.Errorf("%s has %d lines, at most %d are allowed: it holds more than one noun",
				f.path, lines, fileLinesMax)
		}
		for i, line := range strings.Split(string(f.text), "\n") {
			columns := len([]rune(strings.ReplaceAll(line, "\t", "    ")))
			if columns > lineColumnsMax && !f.test && !strings.ContainsAny(line, "`\"") {
				t.Errorf("%s:%d has %d columns, at most %d are allowed", f.path, i+1, columns, lineColumnsMax)
			}
		}
		if !f.test {
			packages[f.dir] += lines
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		limit := packageLinesMax
		if dir == "." {
			limit = rootLinesMax
		}
		if packages[dir] > limit {
			t.Errorf("package %s has %d lines, at most %d are allowed: split it at its second promise",
				dir, packages[dir], limit)
		}
	}
}

func TestFunctionsFitOnAScreen(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, decl := range f.ast.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := fileSet.Position(d.End()).Line - fileSet.Position(d.Pos()).Line + 1
			if _, table := onlyStatement(d).(*ast.ReturnStmt); table || lines <= functionLinesMax {
				continue
			}
			key := f.path + " " + d.Name.Name
			if used[key] = true; longFunctions[key] == "" {
				t.Errorf("%s: %s has %d lines, at most %d are allowed", where(d), d.Name.Name, lines,
					functionLinesMax)
			}
		}
	}
	for key := range longFunctions {
		if !used[key] {
			t.Errorf("%s is listed as long and is not, or is gone: take it off the list", key)
		}
	}
}

// onlyStatement gives the statement of a function that has just one.
func onlyStatement(d *ast.FuncDecl) ast.Stmt {
	if d.Body == nil || len(d.Body.List) != 1 {
		return nil
	}
	return d.Body.List[0]
}

func TestNoHiddenEffects(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil && family(f.dir) != "internal/airlock" {
					t.Errorf("%s: init is hidden wiring; call it from internal/node", where(n))
				}
			case *ast.SelectorExpr:
				checkEffect(t, f, n)
			}
			return true
		})
	}
}

// checkEffect refuses what reads the environment or ends the process in the wrong
// place.
func checkEffect(t *testing.T, f *sourceFile, n *ast.SelectorExpr) {
	if x, ok := n.X.(*ast.Ident); !ok || x.Name != "os" {
		return
	}
	switch n.Sel.Name {
	case "Getenv", "LookupEnv", "Environ", "ExpandEnv":
		if environmentReaders[family(f.dir)] == "" {
			t.Errorf("%s: os.%s is read here; only config reads the environment, values flow down",
				where(n), n.Sel.Name)
		}
	case "Exit":
		if exiters[family(f.dir)] == "" {
			t.Errorf("%s: os.Exit is called here; only main ends the process, return an error", where(n))
		}
	}
}

var (
	failedTo = regexp.MustCompile(`(?i)"(failed|unable) to |"(could not|cannot) .*: %w"`)
	unfinish = regexp.MustCompile(`\b(FIX` + `ME|XX` + `X|TO` + `DO)\b`)
)

func TestErrorsSayWhatWasDone(t *testing.T) {
	t.Parallel()
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for i, line := range strings.Split(string(f.text), "\n") {
			if strings.Contains(line, "rrorf(") && failedTo.MatchString(line) {
				t.Errorf("%s:%d: say what you did and to whom, as in \"start instance %%s: %%w\":\n%s",
					f.path, i+1, strings.TrimSpace(line))
			}
			if unfinish.MatchString(line) {
				t.Errorf("%s:%d is unfinished: %s", f.path, i+1, strings.TrimSpace(line))
			}
		}
	}
}
