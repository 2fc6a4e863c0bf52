// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// The applications below languages are the cells of docs/MATRIX.md: each shows that one
// language works under one contract and dialect. languages/NAME/cells.yaml says what of
// them must hold; the matrix is written from these files, and TestLanguages holds it.

var update = flag.Bool("update", false, "write docs/MATRIX.md anew")

// matrixFile is what the cells are printed to.
const matrixFile = "../docs/MATRIX.md"

// languageCells is one cells.yaml.
type languageCells struct {
	Language string `yaml:"language"` // as people write it: "C#"
	// Needs are runtimes, as of dayfly runtimes, without which the tests are skipped:
	// "rust", or "rust>=1.85" for what the default one must be.
	Needs []string `yaml:"needs"`
	Cells []cell   `yaml:"cells"`

	folder string
}

// cell is one application and what must hold of it.
type cell struct {
	Folder string   `yaml:"folder"`
	Shows  string   `yaml:"shows"`
	Needs  []string `yaml:"needs"` // beside the language's
	// NeedsFile are patterns of files, such as a library that a compiler needs for
	// another machine than its own. One must be there; all of one with spaces in it.
	NeedsFile []string `yaml:"needs_file"`
	// Deploy are words for dayfly deploy, beside the folder and the name.
	Deploy []string `yaml:"deploy"`
	// Contract and Dialect are what the platform must find by itself.
	Contract dayfly.Contract `yaml:"contract"`
	Dialect  dayfly.Dialect  `yaml:"dialect"`
	Calls    []cellCall      `yaml:"calls"`
	Sockets  []cellSocket    `yaml:"sockets"`
}

// cellSocket is a WebSocket and what is said over it, by either side, in that order.
type cellSocket struct {
	Path string `yaml:"path"`
	Talk []struct {
		Say  string `yaml:"say"`
		Hear string `yaml:"hear"`
	} `yaml:"talk"`
}

// cellCall is one request and what must come back; see call.
type cellCall struct {
	Method   string            `yaml:"method"`
	Path     string            `yaml:"path"`
	Header   map[string]string `yaml:"header"`
	Body     string            `yaml:"body"`
	Status   int               `yaml:"status"`
	Want     *string           `yaml:"want"`
	Contains string            `yaml:"contains"`
	JSON     bool              `yaml:"json"`
	WantHead map[string]string `yaml:"want_header"`
}

func (c cellCall) call() call {
	made := call{method: c.Method, path: c.Path, header: c.Header, body: c.Body, status: c.Status,
		contains: c.Contains, json: c.JSON, wantHead: c.WantHead}
	if c.Want != nil {
		made.want = *c.Want
	}
	return made
}

// cells reads every cells.yaml, in the order of the folders.
func cells(t *testing.T) []languageCells {
	t.Helper()
	files, err := filepath.Glob("languages/*/cells.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cells: %v", err)
	}
	var all []languageCells
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read := languageCells{folder: filepath.Dir(file)}
		if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&read); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range read.Cells {
			if c.Folder == "" || c.Shows == "" || c.Contract == "" || len(c.Calls) == 0 {
				t.Errorf("%s: cell %q lacks folder, shows, contract or calls", file, c.Folder)
			}
		}
		all = append(all, read)
	}
	return all
}

// TestLanguages deploys each cell through the real binary and calls it. Languages run
// one after the other: compilers take every processor by themselves.
func TestLanguages(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the cells are built with the languages' own tools")
	}
	for _, language := range cells(t) {
		t.Run(filepath.Base(language.folder), func(t *testing.T) {
			for _, c := range language.Cells {
				t.Run(c.Folder, func(t *testing.T) { c.check(t, language) })
			}
		})
	}
}

func (c cell) check(t *testing.T, language languageCells) {
	for _, name := range append(slices.Clone(language.Needs), c.Needs...) {
		if !shared.has(t, name) {
			t.Skipf("SKIPPED: the runtime %s is not on this machine; scripts/setup installs it", name)
		}
	}
	if len(c.NeedsFile) > 0 && !anyFile(c.NeedsFile) {
		t.Skipf("SKIPPED: there is no %s on this machine; scripts/setup installs it", c.NeedsFile[0])
	}
	name := dayfly.FunctionName(filepath.Base(language.folder) + "-" + c.Folder)
	url := shared.deployAs(t, filepath.Join(language.folder, c.Folder), string(name), c.Deploy...)
	inspection, err := shared.client.Inspect(t.Context(), dayfly.FunctionRef{Project: "default", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	spec := inspection.Revision.Spec
	if spec.Contract != c.Contract || spec.Dialect != c.Dialect {
		t.Errorf("found %s %s, want %s %s", spec.Contract, spec.Dialect, c.Contract, c.Dialect)
	}
	for _, one := range c.Calls {
		one.call().check(t, url)
	}
	for _, socket := range c.Sockets {
		socket.check(t, url)
	}
	// What was deployed for one cell takes no memory while others are tested.
	if _, err := shared.client.Evict(t.Context(), dayfly.FunctionRef{Project: "default", Name: name}); err != nil {
		t.Error(err)
	}
}

func (s cellSocket) check(t *testing.T, url string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url+s.Path, nil)
	if err != nil {
		t.Fatalf("open the WebSocket %s: %v", s.Path, err)
	}
	defer conn.CloseNow()
	for _, line := range s.Talk {
		if line.Hear == "" {
			if err := conn.Write(ctx, websocket.MessageText, []byte(line.Say)); err != nil {
				t.Fatalf("say %q over %s: %v", line.Say, s.Path, err)
			}
			continue
		}
		if _, got, err := conn.Read(ctx); err != nil || string(got) != line.Hear {
			t.Fatalf("%s said %q (%v), want %q", s.Path, got, err, line.Hear)
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close the WebSocket %s: %v", s.Path, err)
	}
}

// TestTheMatrixIsUpToDate compares docs/MATRIX.md with the cells.
func TestTheMatrixIsUpToDate(t *testing.T) {
	t.Parallel()
	want := matrix(cells(t))
	if *update {
		if err := os.WriteFile(matrixFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not up to date; make generate writes it anew (-want +got):\n%s", matrixFile, diff)
	}
}

// matrix prints the cells as a page.
func matrix(all []languageCells) string {
	var b strings.Builder
	b.WriteString(`# What runs

Every row is an application below [examples/languages](../examples/languages), written as for another platform or for none,
and a test: ` + "`go test ./examples -run TestLanguages/LANGUAGE/NAME`" + ` deploys it with ` + "`dayfly deploy`" + `, checks that contract and
dialect are found as they stand here, and compares what it answers. A row whose runtime a machine lacks is skipped there, and says so.
This page is generated from the tests: ` + "`make generate`" + `.

| language | contract | dialect | application | shows | calls |
|---|---|---|---|---|---|
`)
	for _, language := range all {
		for _, c := range language.Cells {
			dialect := "–"
			if c.Dialect != "" {
				dialect = "`" + string(c.Dialect) + "`"
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | [%s/%s](../examples/%s/%s) | %s | %d |\n", language.Language,
				c.Contract, dialect, filepath.Base(language.folder), c.Folder, language.folder, c.Folder, c.Shows,
				len(c.Calls))
		}
	}
	return b.String()
}

// has tells whether the platform found a runtime of that name.
func (p *platform) has(t *testing.T, needed string) bool {
	t.Helper()
	name, least, _ := strings.Cut(needed, ">=")
	list, err := p.client.Runtimes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(r client.Runtime) bool {
		isOne := strings.TrimRight(string(r.Name), "0123456789.") == name || string(r.Name) == name
		return isOne && (least == "" || r.Default && !older(r.Version, least))
	})
}

// older compares versions by their numbers.
func older(version, least string) bool {
	numbers := func(text string) (list []int) {
		for _, part := range strings.Split(text, ".") {
			n, _ := strconv.Atoi(part) // what is no number counts as none
			list = append(list, n)
		}
		return list
	}
	return slices.Compare(numbers(version), numbers(least)) < 0
}

// anyFile tells whether there is a file of any of the patterns; ~ is the home folder.
func anyFile(patterns []string) bool {
	home, _ := os.UserHomeDir() // without one no pattern below it matches
	missing := func(pattern string) bool {
		found, _ := filepath.Glob(strings.Replace(pattern, "~", home, 1))
		return len(found) == 0
	}
	return slices.ContainsFunc(patterns, func(all string) bool {
		return !slices.ContainsFunc(strings.Fields(all), missing)
	})
}

// TestEveryCellHasATest finds folders that cells.yaml forgot.
func TestEveryCellHasATest(t *testing.T) {
	t.Parallel()
	for _, language := range cells(t) {
		entries, err := os.ReadDir(language.folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			known := func(c cell) bool { return c.Folder == e.Name() }
			if e.IsDir() && !slices.ContainsFunc(language.Cells, known) {
				t.Errorf("%s/%s is in no cell of cells.yaml", language.folder, e.Name())
			}
		}
	}
}
