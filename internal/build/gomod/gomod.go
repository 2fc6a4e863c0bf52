// SPDX-License-Identifier: Apache-2.0

package gomod

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

var (
	goMain   = grep.Of(`(?m)^package\s+main\b`)
	goEntry  = grep.Of(`(?m)^func\s+main\s*\(\s*\)`)
	goServes = grep.Of(`\bListenAndServe(?:TLS)?\(|\bhttp\.Serve\(|\bfuncframework\.Start|` +
		`\bgin\.(?:Default|New)\(|\becho\.New\(|\bfiber\.New\(|\bnet\.Listen\(|\bfasthttp\.`)
	goLambda = grep.Of(`"github\.com/aws/aws-lambda-go/lambda"`)
	goHTTP   = grep.Of(`(?m)^func\s+[A-Z]\w*\(\s*\w+\s+http\.ResponseWriter\s*,` +
		`\s*\w+\s+\*http\.Request\s*\)`)
	goIgnore = grep.Of(`(?m)^//go:build\s+ignore\b`)
)

// Candidates looks for a Go program.
func Candidates(s *look.Source) []look.Candidate {
	hasModule := s.Has("go.mod") || s.Has("go.work")
	root := Files(s, ".")
	if !hasModule && len(root) == 0 && len(s.Names("api", look.Suffixed(".go"))) == 0 {
		return nil
	}
	folder, files, others := Main(s, root)
	if folder == "" {
		if found := goFunction(s); len(others) == 0 && len(found) > 0 {
			return found
		}
		return []look.Candidate{goProblem(others)}
	}
	text := ""
	for _, name := range files {
		text += s.Read(name)
	}
	c := look.Runs(toolchain.Go, look.Program)
	switch {
	case goLambda.MatchString(text):
		c = look.Polls(toolchain.Go, look.Program)
	case goServes.MatchString(text) || moduleServes(s, folder):
		c = look.Server(toolchain.Go, look.Program)
	}
	c.Rank, c.File = look.RankExported, folder
	if len(others) > 1 {
		c.Notices = []string{"there are several main packages, " + strings.Join(others, ", ") +
			": " + folder + " is built"}
	}
	return []look.Candidate{c}
}

// Files gives the Go files of a folder that a build takes.
func Files(s *look.Source, dir string) []string {
	return s.Names(dir, func(name string) bool {
		return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") &&
			!goIgnore.MatchString(s.Read(path.Join(dir, name)))
	})
}

// Main chooses the main package: the root's, cmd's only one, or the only one of
// any folder. It also gives all that it saw.
func Main(s *look.Source, root []string) (folder string, files, all []string) {
	if IsMain(s, root) {
		return ".", root, []string{"."}
	}
	var mains []string
	seen := map[string]bool{".": true}
	for _, name := range s.Walk(".", look.Suffixed(".go")) {
		dir := path.Dir(name)
		if !seen[dir] && IsMain(s, Files(s, dir)) {
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
		return below[0], Files(s, below[0]), mains
	case len(mains) == 1:
		return mains[0], Files(s, mains[0]), mains
	}
	for _, name := range []string{"cmd/server", "cmd/api", "cmd/app", "cmd/web", "cmd/main"} {
		if slices.Contains(mains, name) {
			return name, Files(s, name), mains
		}
	}
	return "", nil, mains
}

// IsMain tells whether files hold the main function of a program.
func IsMain(s *look.Source, files []string) bool {
	return slices.ContainsFunc(files, func(name string) bool {
		text := s.Read(name)
		return goMain.MatchString(text) && goEntry.MatchString(text)
	})
}

// moduleServes looks for a server in the packages beside the main one.
func moduleServes(s *look.Source, folder string) bool {
	return slices.ContainsFunc(s.Walk(".", look.Suffixed(".go")), func(name string) bool {
		dir := path.Dir(name)
		isOther := dir != folder && IsMain(s, []string{name})
		return !isOther && !strings.HasSuffix(name, "_test.go") && goServes.MatchString(s.Read(name))
	})
}

func goProblem(mains []string) look.Candidate {
	if len(mains) > 1 {
		return look.Problem("there are several Go main packages and none is the obvious one: " +
			strings.Join(mains, ", ") + "; deploy one of the folders, or move it to the root")
	}
	return look.Problem("the Go source has no main package with a func main(), and no function of " +
		"a shape that is known: func F(w http.ResponseWriter, r *http.Request), " +
		"func F(ctx context.Context, e T) error, func Handle([]byte) string")
}

// planGo says how the program is compiled.
func planGo(s *look.Source, plan *look.Plan, folder string) {
	plan.Install, plan.Package = look.InstallGo, folder
	if plan.Extra[ShimFolder+"/main.go"] != "" {
		plan.Package, plan.Go.Shim = ShimFolder, true
		plan.Go.Tidy = !s.Has("go.mod") && goNeedsModules(s)
	} else if !s.Has("go.mod") && !s.Has("go.work") {
		plan.Files = Files(s, folder)
	}
	if goUsesGin(s) {
		plan.Env = map[string]string{"GIN_MODE": "release"}
	}
	named := slices.ContainsFunc(plan.Command, func(word string) bool { // with arguments
		return strings.Contains(word, look.Program)
	})
	if !named && plan.Contract != dayfly.ContractHandler {
		plan.Command = []string{look.Program}
	}
}

func goUsesGin(s *look.Source) bool {
	return strings.Contains(s.Read("go.mod"), "github.com/gin-gonic/gin ")
}

// goNeedsModules tells whether a source imports other packages than the standard ones.
func goNeedsModules(s *look.Source) bool {
	return slices.ContainsFunc(s.Walk(".", look.Suffixed(".go")), func(name string) bool {
		return goOutside.MatchString(s.Read(name))
	})
}

// Finish says which program is compiled.
func Finish(s *look.Source, plan *look.Plan) {
	folder, _, _ := Main(s, Files(s, "."))
	planGo(s, plan, folder)
}
