// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

var (
	goMain   = regexp.MustCompile(`(?m)^package\s+main\b`)
	goEntry  = regexp.MustCompile(`(?m)^func\s+main\s*\(\s*\)`)
	goServes = regexp.MustCompile(`\bListenAndServe(?:TLS)?\(|\bhttp\.Serve\(|\bfuncframework\.Start|` +
		`\bgin\.(?:Default|New)\(|\becho\.New\(|\bfiber\.New\(|\bnet\.Listen\(|\bfasthttp\.`)
	goLambda = regexp.MustCompile(`"github\.com/aws/aws-lambda-go/lambda"`)
	goHTTP   = regexp.MustCompile(`(?m)^func\s+[A-Z]\w*\(\s*\w+\s+http\.ResponseWriter\s*,` +
		`\s*\w+\s+\*http\.Request\s*\)`)
	goIgnore = regexp.MustCompile(`(?m)^//go:build\s+ignore\b`)
)

// golang looks for a Go program.
func (s *source) golang() []candidate {
	hasModule := s.has("go.mod") || s.has("go.work")
	root := s.goFiles(".")
	if !hasModule && len(root) == 0 && len(s.names("api", withSuffix(".go"))) == 0 {
		return nil
	}
	folder, files, others := s.goPackage(root)
	if folder == "" {
		if found := s.goFunction(); len(others) == 0 && len(found) > 0 {
			return found
		}
		return []candidate{s.goProblem(others)}
	}
	text := ""
	for _, name := range files {
		text += s.read(name)
	}
	c := runs(toolchain.Go, program)
	switch {
	case goLambda.MatchString(text):
		c = polls(toolchain.Go, program)
	case goServes.MatchString(text) || s.moduleServes(folder):
		c = server(toolchain.Go, program)
	}
	c.rank, c.file = rankExported, folder
	if len(others) > 1 {
		c.notices = []string{"there are several main packages, " + strings.Join(others, ", ") +
			": " + folder + " is built"}
	}
	return []candidate{c}
}

// goFiles gives the Go files of a folder that a build takes.
func (s *source) goFiles(dir string) []string {
	return s.names(dir, func(name string) bool {
		return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") &&
			!goIgnore.MatchString(s.read(path.Join(dir, name)))
	})
}

// goPackage chooses the main package: the root's, cmd's only one, or the only one of
// any folder. It also gives all that it saw.
func (s *source) goPackage(root []string) (folder string, files, all []string) {
	if s.isMain(root) {
		return ".", root, []string{"."}
	}
	var mains []string
	seen := map[string]bool{".": true}
	for _, name := range s.walk(".", withSuffix(".go")) {
		dir := path.Dir(name)
		if !seen[dir] && s.isMain(s.goFiles(dir)) {
			mains = append(mains, dir)
		}
		seen[dir] = true
	}
	slices.Sort(mains)
	below := slices.DeleteFunc(slices.Clone(mains), func(dir string) bool {
		return !strings.HasPrefix(dir, "cmd/") && dir != "cmd"
	})
	switch {
	case len(below) == 1:
		return below[0], s.goFiles(below[0]), mains
	case len(mains) == 1:
		return mains[0], s.goFiles(mains[0]), mains
	}
	for _, name := range []string{"cmd/server", "cmd/api", "cmd/app", "cmd/web", "cmd/main"} {
		if slices.Contains(mains, name) {
			return name, s.goFiles(name), mains
		}
	}
	return "", nil, mains
}

func (s *source) isMain(files []string) bool {
	return slices.ContainsFunc(files, func(name string) bool {
		text := s.read(name)
		return goMain.MatchString(text) && goEntry.MatchString(text)
	})
}

// moduleServes looks for a server in the packages beside the main one.
func (s *source) moduleServes(folder string) bool {
	return slices.ContainsFunc(s.walk(".", withSuffix(".go")), func(name string) bool {
		dir := path.Dir(name)
		isOther := dir != folder && s.isMain([]string{name})
		return !isOther && !strings.HasSuffix(name, "_test.go") && goServes.MatchString(s.read(name))
	})
}

func (s *source) goProblem(mains []string) candidate {
	if len(mains) > 1 {
		return problem("there are several Go main packages and none is the obvious one: " +
			strings.Join(mains, ", ") + "; deploy one of the folders, or move it to the root")
	}
	return problem("the Go source has no main package with a func main(), and no function of " +
		"a shape that is known: func F(w http.ResponseWriter, r *http.Request), " +
		"func F(ctx context.Context, e T) error, func Handle([]byte) string")
}

// planGo says how the program is compiled.
func (s *source) planGo(plan *Plan, folder string) {
	plan.Install, plan.Package = InstallGo, folder
	if plan.Extra[shimFolder+"/main.go"] != "" {
		plan.Package, plan.Go.Shim = shimFolder, true
		plan.Go.Tidy = !s.has("go.mod") && s.goNeedsModules()
	} else if !s.has("go.mod") && !s.has("go.work") {
		plan.Files = s.goFiles(folder)
	}
	if s.goUsesGin() {
		plan.Env = map[string]string{"GIN_MODE": "release"}
	}
	named := slices.ContainsFunc(plan.Command, func(word string) bool { // with arguments
		return strings.Contains(word, program)
	})
	if !named && plan.Contract != dayfly.ContractHandler {
		plan.Command = []string{program}
	}
}

func (s *source) goUsesGin() bool {
	return strings.Contains(s.read("go.mod"), "github.com/gin-gonic/gin ")
}

// goNeedsModules tells whether a source imports other packages than the standard ones.
func (s *source) goNeedsModules() bool {
	return slices.ContainsFunc(s.walk(".", withSuffix(".go")), func(name string) bool {
		return goOutside.MatchString(s.read(name))
	})
}
