// SPDX-License-Identifier: Apache-2.0

package nuget

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Bounds of what is looked at in C# sources.
const (
	csHandlersMax = 50
	csMethodsMax  = 2000    // of one file
	csFilesMax    = 1000    // of one program
	csBytesMax    = 4 << 20 // of text that is searched
	csProjectsMax = 50
)

var (
	csTests     = grep.Of(`(?i)(?:^|[./])tests?(?:[./]|$)|\.?tests?\.csproj$`)
	csFileScope = grep.Of(`(?m)^\s*namespace\s+[\w.]+\s*;`)
	csRecord    = grep.Of(`(?m)^\s*(?:public|internal)\s+(?:sealed\s+)?record\s`)
	csTopLevel  = grep.Of(`(?m)^(?:Console\.|var\s|await\s)`)
	csNamespace = grep.Of(`\bnamespace\s+([\w.]+)`)
	csClass     = grep.Of(`\bpublic\s+(?:(?:sealed|static|partial|abstract)\s+)*class\s+(\w+)`)
	csMethod    = grep.Of(`\bpublic\s+(?:(?:static|async|virtual|override|sealed)\s+)*` +
		`[\w.<>,\[\]? ]+?\s+(\w+)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)`)
)

// csHandler is one method that can be called as a handler.
type csHandler struct {
	entry   string
	dialect dayfly.Dialect
}

// theProject finds the project, or the loose sources; nil without any. The text says
// why there is none to choose. It looks once.
func theProject(s *look.Source) (*project, string) {
	found := look.Once(s, func(s *look.Source) finding {
		project, why := findProject(s)
		return finding{project, why}
	})
	return found.project, found.why
}

// finding is the project, or why there is none.
type finding struct {
	project *project
	why     string
}

func findProject(s *look.Source) (*project, string) {
	files := s.Walk(".", look.Suffixed(".csproj"))
	files = slices.DeleteFunc(files[:min(len(files), csProjectsMax)], func(file string) bool {
		return csTests.MatchString(file) || strings.Contains(s.Read(file), "Microsoft.NET.Test.Sdk")
	})
	if len(files) == 0 {
		return looseProject(s), ""
	}
	file := files[0]
	if at := slices.IndexFunc(files, func(f string) bool { return path.Dir(f) == "." }); at >= 0 {
		file = files[at]
	} else if programs := programProjects(s, files); len(programs) == 1 {
		file = programs[0]
	} else if len(files) > 1 {
		return nil, "there are several C# projects and none is the obvious one: " +
			strings.Join(files[:min(len(files), 5)], ", ") + "; deploy one of the folders"
	}
	p := projectOf(s, file)
	if p == nil {
		return nil, file + " cannot be read as a C# project"
	}
	p.Files = csFiles(s, p.folder)
	p.References = s.Walk(p.folder, isReference)
	p.Lambda = speaksOfLambda(s, p)
	if p.Needs == "" {
		p.Needs = csNewer(csText(s, p.Files), p.isExe)
	}
	return p, ""
}

// csNewer tells what of a source is newer than C# 7, which is what Mono compiles.
func csNewer(text string, isExe bool) string {
	switch {
	case csFileScope.MatchString(text):
		return "a namespace for a whole file, of C# 10"
	case csRecord.MatchString(text):
		return "records, of C# 9"
	case isExe && !csMain.MatchString(text) && csTopLevel.MatchString(text):
		return "statements outside of methods, of C# 9"
	}
	return ""
}

// programProjects keeps the projects that are programs.
func programProjects(s *look.Source, files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		p := projectOf(s, file)
		return p == nil || !p.isExe
	})
}

func projectOf(s *look.Source, file string) *project {
	read := readProject(s.Read(file))
	if read == nil {
		return nil
	}
	p := &project{folder: path.Dir(file)}
	p.Project, p.Name = file, strings.TrimSuffix(path.Base(file), ".csproj")
	p.Web = read.Sdk == "Microsoft.NET.Sdk.Web"
	p.isExe = p.Web || read.Sdk == "Microsoft.NET.Sdk.Worker"
	for _, group := range read.Properties {
		if csNames.MatchString(group.AssemblyName) {
			p.Name = group.AssemblyName
		}
		kind := strings.ToLower(group.OutputType)
		p.isExe = p.isExe || kind == "exe" || kind == "winexe"
		for _, framework := range strings.Split(group.TargetFrameworks+";"+group.TargetFramework, ";") {
			if match := csFramework.FindStringSubmatch(framework); match != nil {
				p.version = match[1]
			}
		}
	}
	if !csNames.MatchString(p.Name) {
		return nil
	}
	projectNeeds(p, read)
	return p
}

// projectNeeds finds what Mono cannot give.
func projectNeeds(p *project, read *projectFile) {
	for _, group := range read.Items {
		for _, reference := range group.Packages {
			p.packages = append(p.packages, reference.Name)
			if !slices.Contains(monoPackages, reference.Name) && p.Needs == "" {
				p.Needs = "the package " + reference.Name
			}
		}
		if len(group.Projects) > 0 && p.Needs == "" {
			p.Needs = "the project " + group.Projects[0].Name
		}
	}
	if p.Web || read.Sdk == "Microsoft.NET.Sdk.Worker" {
		p.Needs = read.Sdk
	}
}

// looseProject takes the sources of a folder without .csproj for one program.
func looseProject(s *look.Source) *project {
	files := csFiles(s, ".")
	if len(files) == 0 {
		return nil
	}
	p := &project{folder: "."}
	p.Name, p.Files = "Function", files
	if name := strings.TrimSuffix(path.Base(files[0]), ".cs"); len(files) == 1 && csNames.MatchString(name) {
		p.Name = name
	}
	text := csText(s, files)
	p.Needs = csNewer(text, true)
	p.isExe = csMain.MatchString(text) || csTopLevel.MatchString(text)
	p.References = s.Walk(".", isReference)
	p.Lambda = speaksOfLambda(s, p)
	return p
}

func isReference(name string) bool {
	return strings.HasSuffix(name, ".dll") && !strings.Contains("/"+name, "/obj/") &&
		!strings.Contains("/"+name, "/bin/")
}

// csFiles gives the C# sources below a folder, without what builds leave.
func csFiles(s *look.Source, folder string) []string {
	files := s.Walk(folder, func(name string) bool {
		below := "/" + strings.TrimPrefix(name, folder+"/")
		return strings.HasSuffix(name, ".cs") && !strings.Contains(below, "/bin/") &&
			!strings.Contains(below, "/obj/")
	})
	return files[:min(len(files), csFilesMax)]
}

func csText(s *look.Source, files []string) string {
	var b strings.Builder
	for _, name := range files {
		if b.Len() > csBytesMax {
			break
		}
		b.WriteString(look.StripScript(s.Read(name)))
		b.WriteByte('\n')
	}
	return b.String()
}

func speaksOfLambda(s *look.Source, p *project) bool {
	return strings.Contains(csText(s, p.Files), "Amazon.Lambda") ||
		slices.ContainsFunc(p.packages, func(name string) bool { return strings.HasPrefix(name, "Amazon.Lambda.") })
}

// csHandlers finds the methods that can be called as handlers.
func csHandlers(s *look.Source, p *project) []csHandler {
	var list []csHandler
	total := 0
	for _, name := range p.Files {
		text := look.StripScript(s.Read(name))
		if total += len(text); total > csBytesMax || len(list) >= csHandlersMax {
			break
		}
		list = append(list, csFileHandlers(p.Name, text)...)
	}
	list = list[:min(len(list), csHandlersMax)]
	slices.SortStableFunc(list, func(a, b csHandler) int { return usualLast(a.entry) - usualLast(b.entry) })
	return list
}

// csFileHandlers goes through the declarations of one file in their order: a method is
// one of the class that was declared last.
func csFileHandlers(assembly, text string) []csHandler {
	spaces := csNamespace.FindAllStringSubmatchIndex(text, csMethodsMax)
	classes := csClass.FindAllStringSubmatchIndex(text, csMethodsMax)
	var list []csHandler
	space, class := "", ""
	for _, at := range csMethod.FindAllStringSubmatchIndex(text, csMethodsMax) {
		space, spaces = lastBefore(text, at[0], space, spaces)
		class, classes = lastBefore(text, at[0], class, classes)
		method, parameters := text[at[2]:at[3]], text[at[4]:at[5]]
		dialect := csDialect(class, method, parameters)
		if class == "" || dialect == "" {
			continue
		}
		list = append(list, csHandler{
			assembly + "::" + strings.TrimPrefix(space+"."+class, ".") + "::" + method, dialect,
		})
	}
	return list
}

// lastBefore gives the last name that was declared before a place, and the declarations
// that are left.
func lastBefore(text string, at int, name string, left [][]int) (string, [][]int) {
	for len(left) > 0 && left[0][0] < at {
		name, left = text[left[0][2]:left[0][3]], left[1:]
	}
	return name, left
}

// usualLast puts handlers of the name that AWS's templates give first.
func usualLast(entry string) int {
	if strings.HasSuffix(entry, "::FunctionHandler") || strings.HasSuffix(entry, "::Handler") {
		return 0
	}
	return 1
}

// csDialect judges a method by its signature; "" when it is no handler.
func csDialect(class, method, parameters string) dayfly.Dialect {
	switch {
	case strings.Contains(parameters, "ILambdaContext"), method == "FunctionHandler":
		return dayfly.DialectLambda
	case class == "FunctionHandler" && method == "Handle" && strings.HasPrefix(strings.TrimSpace(parameters), "string"):
		return dayfly.DialectOpenFaaS
	case method == "Main" && (strings.Contains(parameters, "JObject") ||
		strings.Contains(parameters, "Dictionary<string, object>")):
		return dayfly.DialectOpenWhisk
	}
	return ""
}

// dotnetPublished looks for what dotnet publish leaves, and for compiled programs.
func dotnetPublished(s *look.Source) []look.Candidate {
	if name := s.Single(); path.Ext(name) == ".exe" && strings.HasPrefix(s.Read(name), "MZ") {
		return []look.Candidate{look.Runs(toolchain.Mono, "mono", name)}
	}
	for _, file := range s.Names(".", look.Suffixed(".runtimeconfig.json")) {
		name := strings.TrimSuffix(file, ".runtimeconfig.json")
		if !csNames.MatchString(name) || !s.Has(name+".dll") {
			continue
		}
		deps := s.Read(name + ".deps.json")
		c := look.Runs(toolchain.DotNet, "dotnet", name+".dll")
		switch {
		case strings.Contains(deps, `"Amazon.Lambda.RuntimeSupport/`):
			c.Contract = dayfly.ContractLambda
		case strings.Contains(s.Read(file), "Microsoft.AspNetCore.App"):
			c = look.Server(toolchain.DotNet, "/bin/sh", "-c",
				`ASPNETCORE_URLS="http://127.0.0.1:$PORT" exec dotnet `+name+".dll")
		}
		c.Rank = look.RankExported
		c.Notices = []string{"what dotnet publish left is run as it is"}
		return []look.Candidate{c}
	}
	return nil
}

func hasPublished(s *look.Source) bool {
	return len(s.Names(".", look.Suffixed(".deps.json", ".runtimeconfig.json"))) > 0
}
