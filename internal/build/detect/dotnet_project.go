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

// Bounds of what is looked at in C# sources.
const (
	csHandlersMax = 50
	csMethodsMax  = 2000    // of one file
	csFilesMax    = 1000    // of one program
	csBytesMax    = 4 << 20 // of text that is searched
	csProjectsMax = 50
)

var (
	csTests     = regexp.MustCompile(`(?i)(?:^|[./])tests?(?:[./]|$)|\.?tests?\.csproj$`)
	csFileScope = regexp.MustCompile(`(?m)^\s*namespace\s+[\w.]+\s*;`)
	csRecord    = regexp.MustCompile(`(?m)^\s*(?:public|internal)\s+(?:sealed\s+)?record\s`)
	csTopLevel  = regexp.MustCompile(`(?m)^(?:Console\.|var\s|await\s)`)
	csNamespace = regexp.MustCompile(`\bnamespace\s+([\w.]+)`)
	csClass     = regexp.MustCompile(`\bpublic\s+(?:(?:sealed|static|partial|abstract)\s+)*class\s+(\w+)`)
	csMethod    = regexp.MustCompile(`\bpublic\s+(?:(?:static|async|virtual|override|sealed)\s+)*` +
		`[\w.<>,\[\]? ]+?\s+(\w+)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)`)
)

// csHandler is one method that can be called as a handler.
type csHandler struct {
	entry   string
	dialect dayfly.Dialect
}

// dotnetProject finds the project, or the loose sources; nil without any. The text says
// why there is none to choose. It looks once.
func (s *source) dotnetProject() (*dotnetProject, string) {
	if !s.dotnetSeen {
		s.dotnetSeen = true
		s.dotnetFound, s.dotnetWhy = s.findProject()
	}
	return s.dotnetFound, s.dotnetWhy
}

func (s *source) findProject() (*dotnetProject, string) {
	files := s.walk(".", withSuffix(".csproj"))
	files = slices.DeleteFunc(files[:min(len(files), csProjectsMax)], func(file string) bool {
		return csTests.MatchString(file) || strings.Contains(s.read(file), "Microsoft.NET.Test.Sdk")
	})
	if len(files) == 0 {
		return s.looseProject(), ""
	}
	file := files[0]
	if at := slices.IndexFunc(files, func(f string) bool { return path.Dir(f) == "." }); at >= 0 {
		file = files[at]
	} else if programs := s.programProjects(files); len(programs) == 1 {
		file = programs[0]
	} else if len(files) > 1 {
		return nil, "there are several C# projects and none is the obvious one: " +
			strings.Join(files[:min(len(files), 5)], ", ") + "; deploy one of the folders"
	}
	p := s.projectOf(file)
	if p == nil {
		return nil, file + " cannot be read as a C# project"
	}
	p.Files = s.csFiles(p.folder)
	p.References = s.walk(p.folder, isReference)
	p.Lambda = s.speaksOfLambda(p)
	if p.Needs == "" {
		p.Needs = csNewer(s.csText(p.Files), p.isExe)
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
func (s *source) programProjects(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		p := s.projectOf(file)
		return p == nil || !p.isExe
	})
}

func (s *source) projectOf(file string) *dotnetProject {
	read := readProject(s.read(file))
	if read == nil {
		return nil
	}
	p := &dotnetProject{folder: path.Dir(file)}
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
	s.projectNeeds(p, read)
	return p
}

// projectNeeds finds what Mono cannot give.
func (s *source) projectNeeds(p *dotnetProject, read *projectFile) {
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
func (s *source) looseProject() *dotnetProject {
	files := s.csFiles(".")
	if len(files) == 0 {
		return nil
	}
	p := &dotnetProject{folder: "."}
	p.Name, p.Files = "Function", files
	if name := strings.TrimSuffix(path.Base(files[0]), ".cs"); len(files) == 1 && csNames.MatchString(name) {
		p.Name = name
	}
	text := s.csText(files)
	p.Needs = csNewer(text, true)
	p.isExe = csMain.MatchString(text) || csTopLevel.MatchString(text)
	p.References = s.walk(".", isReference)
	p.Lambda = s.speaksOfLambda(p)
	return p
}

func isReference(name string) bool {
	return strings.HasSuffix(name, ".dll") && !strings.Contains("/"+name, "/obj/") &&
		!strings.Contains("/"+name, "/bin/")
}

// csFiles gives the C# sources below a folder, without what builds leave.
func (s *source) csFiles(folder string) []string {
	files := s.walk(folder, func(name string) bool {
		below := "/" + strings.TrimPrefix(name, folder+"/")
		return strings.HasSuffix(name, ".cs") && !strings.Contains(below, "/bin/") &&
			!strings.Contains(below, "/obj/")
	})
	return files[:min(len(files), csFilesMax)]
}

func (s *source) csText(files []string) string {
	var b strings.Builder
	for _, name := range files {
		if b.Len() > csBytesMax {
			break
		}
		b.WriteString(stripScript(s.read(name)))
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *source) speaksOfLambda(p *dotnetProject) bool {
	return strings.Contains(s.csText(p.Files), "Amazon.Lambda") ||
		slices.ContainsFunc(p.packages, func(name string) bool { return strings.HasPrefix(name, "Amazon.Lambda.") })
}

// csHandlers finds the methods that can be called as handlers.
func (s *source) csHandlers(p *dotnetProject) []csHandler {
	var list []csHandler
	total := 0
	for _, name := range p.Files {
		text := stripScript(s.read(name))
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
func (s *source) dotnetPublished() []candidate {
	if name := s.single(); path.Ext(name) == ".exe" && strings.HasPrefix(s.read(name), "MZ") {
		return []candidate{runs(toolchain.Mono, "mono", name)}
	}
	for _, file := range s.names(".", withSuffix(".runtimeconfig.json")) {
		name := strings.TrimSuffix(file, ".runtimeconfig.json")
		if !csNames.MatchString(name) || !s.has(name+".dll") {
			continue
		}
		deps := s.read(name + ".deps.json")
		c := runs(toolchain.DotNet, "dotnet", name+".dll")
		switch {
		case strings.Contains(deps, `"Amazon.Lambda.RuntimeSupport/`):
			c.contract = dayfly.ContractLambda
		case strings.Contains(s.read(file), "Microsoft.AspNetCore.App"):
			c = server(toolchain.DotNet, "/bin/sh", "-c",
				`ASPNETCORE_URLS="http://127.0.0.1:$PORT" exec dotnet `+name+".dll")
		}
		c.rank = rankExported
		c.notices = []string{"what dotnet publish left is run as it is"}
		return []candidate{c}
	}
	return nil
}

func (s *source) hasPublished() bool {
	return len(s.names(".", withSuffix(".deps.json", ".runtimeconfig.json"))) > 0
}
