// SPDX-License-Identifier: Apache-2.0

package grep

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestAllExpressionsCompile stands for what regexp.MustCompile tells at the start of the
// program: here an expression that nobody tries would be found by who needs it.
func TestAllExpressionsCompile(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("..", func(folder string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" || d.Name() == "grep" {
			return err
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return err
		}
		found += compileAll(t, files)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("%d expressions were found, more than 100 were expected", found)
	}
}

// compileAll compiles the expressions of one package.
func compileAll(t *testing.T, files []string) (found int) {
	t.Helper()
	var calls []*ast.CallExpr
	constants := map[string]ast.Expr{}
	set := token.NewFileSet()
	for _, file := range files {
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && isNamed(f.X, "grep") && f.Sel.Name == "Of" {
					calls = append(calls, n)
				}
			case *ast.ValueSpec:
				for i := range min(len(n.Names), len(n.Values)) {
					constants[n.Names[i].Name] = n.Values[i]
				}
			}
			return true
		})
	}
	for _, call := range calls {
		text, ok := value(call.Args[0], constants)
		if !ok {
			t.Errorf("%s: the expression is not a constant; use package regexp", set.Position(call.Pos()))
		}
		if _, err := regexp.Compile(text); err != nil {
			t.Errorf("%s: %v", set.Position(call.Pos()), err)
		}
	}
	return len(calls)
}

func isNamed(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

// value gives what an expression of constant strings is.
func value(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		named, ok := constants[e.Name]
		if !ok {
			return "", false
		}
		return value(named, constants)
	case *ast.BinaryExpr:
		left, ok := value(e.X, constants)
		right, also := value(e.Y, constants)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}

func TestExpressionsAreCompiledWhenUsed(t *testing.T) {
	t.Parallel()
	wrong := Of(`(`)
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "missing closing") {
			t.Errorf("a wrong expression was used: got panic %v, want one that tells why", p)
		}
	}()
	wrong.MatchString("")
}
