// SPDX-License-Identifier: Apache-2.0

package gomod

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/goshim"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

var vercelName = grep.Of(`:(\w+)(\*?)`)

// goVercel looks for the functions of Vercel: each file of api/ is one, served at its
// own path.
func goVercel(s *look.Source) (look.Candidate, bool) {
	extra := map[string]string{}
	module := goModulePath(s, extra)
	shim := goshim.Program{Kind: goshim.KindHTTP}
	for _, file := range s.Walk("api", look.Suffixed(".go")) {
		base := path.Base(file)
		found := goHTTP.FindString(look.StripScript(s.Read(file)))
		isOther := strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") ||
			strings.HasSuffix(base, "_test.go")
		if found == "" || isOther || len(shim.Functions) >= look.RoutesMax {
			continue
		}
		name := fmt.Sprintf("api%d", len(shim.Functions))
		goCopy(s, extra, name, []string{file})
		shim.Functions = append(shim.Functions, goshim.Function{
			Package: path.Join(module, ShimFolder, name), Name: goNamed.FindStringSubmatch(found)[1],
			Pattern: vercelPattern(file),
		})
	}
	if len(shim.Functions) == 0 {
		return look.Candidate{}, false
	}
	// A plain path comes before one with names, and that before one that takes the rest.
	slices.SortStableFunc(shim.Functions, func(a, b goshim.Function) int {
		return vagueness(a.Pattern) - vagueness(b.Pattern)
	})
	shim.Rewrites = vercelRewrites(s)
	var paths []string
	for _, f := range shim.Functions[:min(len(shim.Functions), 5)] {
		paths = append(paths, f.Pattern)
	}
	return goShim(shim, extra, "Vercel functions at "+strings.Join(paths, ", "))
}

// vercelPattern gives the path of a file: api/users/[id].go is /api/users/[id].
func vercelPattern(file string) string {
	pattern := "/" + strings.TrimSuffix(file, ".go")
	return strings.TrimSuffix(pattern, "/index")
}

func vagueness(pattern string) int {
	return 100*strings.Count(pattern, "[...") + strings.Count(pattern, "[")
}

// vercelRewrites reads the rewrites of vercel.json, and its older routes.
func vercelRewrites(s *look.Source) []goshim.Rewrite {
	var file struct {
		Rewrites []struct{ Source, Destination string }
		Routes   []struct{ Src, Dest string }
	}
	text := s.Read("vercel.json")
	if len(text) > look.ParsedBytesMax || json.Unmarshal([]byte(text), &file) != nil {
		return nil
	}
	var list []goshim.Rewrite
	add := func(pattern, target string) {
		pattern = "^" + strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$") + "$"
		_, err := regexp.Compile(pattern)
		isPath := strings.HasPrefix(target, "/")
		if err == nil && isPath && len(list) < look.RoutesMax {
			list = append(list, goshim.Rewrite{Source: pattern, Target: target})
		}
	}
	for _, r := range file.Rewrites {
		add(vercelGroups(r.Source), vercelName.ReplaceAllString(r.Destination, "$${$1}"))
	}
	for _, r := range file.Routes {
		add(r.Src, r.Dest)
	}
	return list
}

// vercelGroups turns the names for parts of a path into groups of a regular expression.
func vercelGroups(source string) string {
	return vercelName.ReplaceAllStringFunc(source, func(found string) string {
		match := vercelName.FindStringSubmatch(found)
		if match[2] == "*" {
			return "(?P<" + match[1] + ">.*)"
		}
		return "(?P<" + match[1] + ">[^/]+)"
	})
}
