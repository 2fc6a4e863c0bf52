// SPDX-License-Identifier: Apache-2.0

package gomod

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/goshim"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// ShimFolder is where the written main package goes, and the copies of functions whose
// own package cannot be imported.
const ShimFolder = "dayflymain"

// goModule is what a source without go.mod is called.
const goModule = "handler/function"

var (
	goPackage  = grep.Of(`(?m)^package[ \t]+(\w+)`)
	goModLine  = grep.Of(`(?m)^module\s+"?([A-Za-z0-9_.~/-]{1,200})"?\s*(?://.*)?$`)
	goRegister = grep.Of(`\bfunctions\.(HTTP|CloudEvent|Typed)\(\s*"([^"\n]{1,100})"`)
	goEvent    = grep.Of(`(?m)^func\s+([A-Z]\w*)\(\s*\w+\s+context\.Context\s*,` +
		`\s*\w+\s+([\w.*\[\]]+)\s*\)\s*(?:\(\s*(?:\w+\s+)?error\s*\)|error)\s*\{`)
	goClassic = grep.Of(`(?m)^func\s+Handle\(\s*\w+\s+\[\]byte\s*\)\s*string\b`)
	goSDK     = grep.Of(`(?m)^func\s+Handle\(\s*\w+\s+handler\.Request\s*\)\s*` +
		`\(\s*handler\.Response\s*,\s*error\s*\)`)
	goSDKPath  = grep.Of(`"(github\.com/openfaas(?:-incubator)?/[\w./-]{1,100})"`)
	goWhisk    = grep.Of(`(?m)^func\s+Main\s*\([^)\n]*\)\s*[^\s{]`)
	goNamed    = grep.Of(`^func\s+(\w+)`)
	goOutside  = grep.Of(`(?m)^\s*(?:import\s+)?(?:\w+\s+)?"[\w-]+\.[\w.-]+/[^"]+"`)
	goExported = grep.Of(`^[A-Z]\w{0,100}$`)
)

// goUsual are names that a function is preferred by when there are several.
var goUsual = []string{"Handler", "Handle", "Function", "HelloWorld", "HelloHTTP", "HelloGet", "Main"}

// goFunction looks for functions without a main package, and writes one.
func goFunction(s *look.Source) []look.Candidate {
	if c, ok := goVercel(s); ok {
		return []look.Candidate{c}
	}
	for _, dir := range append([]string{"."}, s.Folders(".")...) {
		files := Files(s, dir)
		if dir == ShimFolder || len(files) == 0 || IsMain(s, files) {
			continue
		}
		if c, ok := goFunctionIn(s, dir, files); ok {
			return []look.Candidate{c}
		}
	}
	return nil
}

// goFunctionIn judges the functions of one package.
func goFunctionIn(s *look.Source, dir string, files []string) (look.Candidate, bool) {
	var text strings.Builder
	for _, name := range files {
		text.WriteString(look.StripScript(s.Read(name)) + "\n")
	}
	program, notice, ok := goShape(s, text.String())
	if !ok {
		return look.Candidate{}, false
	}
	extra := map[string]string{}
	first := &program.Functions[0]
	first.Package = path.Join(goModulePath(s, extra), dir)
	if match := goPackage.FindStringSubmatch(text.String()); match != nil && match[1] == "main" {
		goCopy(s, extra, "function", files)
		first.Package = path.Join(goModulePath(s, extra), ShimFolder, "function")
	}
	program.Metadata = strings.Contains(text.String(), `"cloud.google.com/go/functions/metadata"`)
	return goShim(program, extra, notice)
}

// goShape tells what kind of function a package has, and which.
func goShape(s *look.Source, text string) (p goshim.Program, notice string, ok bool) {
	one := func(kind goshim.Kind, name string) goshim.Program {
		return goshim.Program{Kind: kind, Functions: []goshim.Function{{Name: name}}}
	}
	entry := s.Settings.Entry
	if list := goRegister.FindAllStringSubmatch(text, -1); list != nil &&
		strings.Contains(text, "functions-framework-go/functions") {
		name := list[0][2]
		if entry != "" {
			name = entry
		}
		return one(goshim.KindFramework, name), "functions-framework function " + name, true
	}
	events := goEvent.FindAllStringSubmatch(text, -1)
	names := func(pattern *grep.Regexp) []string {
		var list []string
		for _, found := range pattern.FindAllString(text, look.ExportsMax) {
			list = append(list, goNamed.FindStringSubmatch(found)[1])
		}
		return list
	}
	sdk := goSDKPath.FindStringSubmatch(text)
	switch handlers := names(goHTTP); {
	case goClassic.MatchString(text):
		return one(goshim.KindOpenFaaS, "Handle"), "OpenFaaS function Handle", true
	case goSDK.MatchString(text) && sdk != nil:
		p = one(goshim.KindOpenFaaSHTTP, "Handle")
		p.SDK = sdk[1]
		return p, "OpenFaaS function Handle", true
	case len(handlers) > 0:
		name := choose(handlers, entry)
		return one(goshim.KindHTTP, name), "HTTP function " + name, true
	case goWhisk.MatchString(text):
		return one(goshim.KindOpenWhisk, "Main"), "OpenWhisk action Main", true
	case len(events) > 0:
		var list []string
		for _, found := range events {
			list = append(list, found[1])
		}
		name := choose(list, entry)
		parameter := events[slices.Index(list, name)][2]
		if isCloudEvent(parameter) {
			return one(goshim.KindCloudEvent, name), "CloudEvent function " + name, true
		}
		return one(goshim.KindEvent, name), "background function " + name, true
	}
	return p, "", false
}

func isCloudEvent(parameter string) bool {
	return parameter == "event.Event" || parameter == "cloudevents.Event" || parameter == "ce.Event"
}

// choose takes the function that the settings name, else one of a usual name, else the
// first.
func choose(names []string, wanted string) string {
	for _, name := range append([]string{wanted}, goUsual...) {
		if slices.Contains(names, name) {
			return name
		}
	}
	return names[0]
}

// goModulePath gives the module's path; a source without go.mod gets one.
func goModulePath(s *look.Source, extra map[string]string) string {
	if match := goModLine.FindStringSubmatch(s.Read("go.mod")); match != nil {
		return match[1]
	}
	if !s.Has("go.mod") {
		extra["go.mod"] = "module " + goModule + "\n\ngo 1.21\n"
	}
	return goModule
}

// goCopy copies files into a package of their own, which can be imported even when
// theirs is called main.
func goCopy(s *look.Source, extra map[string]string, name string, files []string) {
	for _, file := range files {
		text := s.Read(file)
		if at := goPackage.FindStringSubmatchIndex(text); at != nil {
			text = text[:at[2]] + "function" + text[at[3]:]
		}
		target := path.Base(file)
		if len(files) == 1 {
			target = "function.go"
		}
		extra[path.Join(ShimFolder, name, target)] = text
	}
}

// goShim makes a candidate of the program to write.
func goShim(p goshim.Program, extra map[string]string, notice string) (look.Candidate, bool) {
	text, err := goshim.Source(p)
	if err != nil {
		return look.Problem("the Go function cannot be served: " + err.Error()), true
	}
	extra[ShimFolder+"/main.go"] = text
	c := look.Server(toolchain.Go, look.Program)
	c.Rank, c.File, c.Extra = look.RankExported, ShimFolder, extra
	c.Notices = []string{notice + ": a main package that serves it on $PORT is written"}
	return c, true
}

// Entry plans for the function that the settings name.
func Entry(s *look.Source, wanted toolchain.Language) (look.Candidate, bool) {
	name := s.Settings.Entry
	if wanted != toolchain.Go && (wanted != "" || !goExported.MatchString(name)) {
		return look.Candidate{}, false
	}
	for _, c := range Candidates(s) {
		defined := regexp.MustCompile(`(?m)^func\s+` + regexp.QuoteMeta(name) + `\(|"` +
			regexp.QuoteMeta(name) + `"`)
		isThere := slices.ContainsFunc(s.Walk(".", look.Suffixed(".go")), func(file string) bool {
			return defined.MatchString(s.Read(file))
		})
		if c.Problem == "" && c.File == ShimFolder && isThere {
			return c, true
		}
	}
	return look.Candidate{}, false
}
