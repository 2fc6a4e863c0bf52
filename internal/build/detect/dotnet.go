// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"encoding/xml"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// DotNetFolder is where compiled assemblies go in their bundle.
const DotNetFolder = ".dayfly/app"

// DotNetPlan is what building C# takes beside the rest of a plan.
type DotNetPlan struct {
	// Name is the assembly's, without suffix.
	Name string
	// Project is the .csproj file; empty for loose sources.
	Project string
	// Files are the sources, and References the assemblies beside them, for compilers
	// that are told so.
	Files, References []string
	// Library tells that there is a handler and no program.
	Library bool
	// Lambda tells that the sources speak of Amazon.Lambda.
	Lambda bool
	// Needs says what Mono cannot give the project; empty when it can be built there.
	Needs string
	// Web tells that the program takes its address from ASPNETCORE_URLS.
	Web bool
}

// projectFile is what matters of a .csproj.
type projectFile struct {
	Sdk        string `xml:"Sdk,attr"`
	Properties []struct {
		OutputType       string `xml:"OutputType"`
		AssemblyName     string `xml:"AssemblyName"`
		TargetFramework  string `xml:"TargetFramework"`
		TargetFrameworks string `xml:"TargetFrameworks"`
	} `xml:"PropertyGroup"`
	Items []struct {
		Packages []struct {
			Name string `xml:"Include,attr"`
		} `xml:"PackageReference"`
		Projects []struct {
			Name string `xml:"Include,attr"`
		} `xml:"ProjectReference"`
	} `xml:"ItemGroup"`
}

// dotnetProject is a C# source as it is understood.
type dotnetProject struct {
	DotNetPlan
	folder   string
	packages []string
	version  string // of .NET; empty for any
	isExe    bool
}

var (
	csMain      = regexp.MustCompile(`\bstatic\s+(?:async\s+)?(?:unsafe\s+)?[\w.<>]+\s+Main\s*\(`)
	csServes    = regexp.MustCompile(`\bnew\s+(?:System\.Net\.)?HttpListener\b|\bnew\s+(?:[\w.]+\.)?TcpListener\b`)
	csNames     = regexp.MustCompile(`^[A-Za-z_][\w.-]{0,100}$`)
	csFramework = regexp.MustCompile(`^net(?:coreapp)?(\d+)\.\d+`)
	csEntries   = regexp.MustCompile(`^([\w.-]+)::([\w.+]+)::(\w+)$`)
)

// monoPackages are those that the guest has a stand-in for, or that nothing of is used.
var monoPackages = []string{
	"Amazon.Lambda.Core", "Amazon.Lambda.Serialization.Json", "Amazon.Lambda.Serialization.SystemTextJson",
	"Amazon.Lambda.APIGatewayEvents", "Microsoft.CSharp", "System.ValueTuple",
}

// dotnet looks for C#.
func (s *source) dotnet() []candidate {
	if found := s.dotnetPublished(); found != nil {
		return found
	}
	p, problemText := s.dotnetProject()
	switch {
	case problemText != "":
		return []candidate{problem(problemText)}
	case p == nil:
		return nil
	}
	c := s.dotnetCandidate(p)
	if c.problem == "" {
		c.rank, c.version, c.language = min(c.rank, rankExported), p.version, s.dotnetLanguage(p)
		if c.contract != dayfly.ContractHandler {
			c.command = p.command(c.language)
		}
	}
	return []candidate{c}
}

// dotnetLanguage chooses between .NET, which projects ask for, and Mono, which compiles
// loose sources in no time. Whoever has only one of them gets that.
func (s *source) dotnetLanguage(p *dotnetProject) toolchain.Language {
	named, _ := toolchain.ParseName(s.settings.Runtime)
	switch {
	case named == toolchain.DotNet || named == toolchain.Mono:
		return named
	case p.Project != "", p.Needs != "":
		return toolchain.DotNet
	}
	return toolchain.Mono
}

// dotnetCandidate judges how a source is called.
func (s *source) dotnetCandidate(p *dotnetProject) candidate {
	text := s.csText(p.Files)
	uses := func(name string) bool { return slices.Contains(p.packages, name) }
	c := candidate{rank: rankExported, contract: dayfly.ContractStdio}
	switch {
	case uses("Microsoft.Azure.Functions.Worker") || uses("Microsoft.NET.Sdk.Functions"):
		return problem("Azure functions in C# run in the host of their makers, which is not here; " +
			"a custom handler or an ASP.NET application can be deployed")
	case uses("Google.Cloud.Functions.Hosting"):
		p.Needs = "functions-framework, which is made of ASP.NET"
		c.contract = dayfly.ContractHTTP
		c.notices = []string{"the program uses functions-framework"}
	case p.Web:
		c.contract = dayfly.ContractHTTP
		c.notices = []string{"the program uses ASP.NET"}
	case p.isExe && (uses("Amazon.Lambda.RuntimeSupport") || strings.Contains(text, "LambdaBootstrapBuilder")):
		p.Needs = "Amazon.Lambda.RuntimeSupport"
		c.contract = dayfly.ContractLambda
	case p.isExe && csServes.MatchString(text):
		c.contract = dayfly.ContractHTTP
	case p.isExe:
	default:
		return s.dotnetHandler(p)
	}
	return c
}

// dotnetHandler finds the handler of a library.
func (s *source) dotnetHandler(p *dotnetProject) candidate {
	p.Library = true
	found := s.csHandlers(p)
	if declared := s.lambdaDefaults(p.folder); declared != "" {
		c := handler("", dayfly.DialectLambda, "", "")
		c.entry, c.rank = declared, rankDeclared
		c.notices = []string{"the handler comes from aws-lambda-tools-defaults.json"}
		return c
	}
	if len(found) == 0 {
		return problem("the C# source has neither a Main nor a handler: a public method that takes an " +
			"ILambdaContext, or FunctionHandler.Handle(string)")
	}
	c := handler("", found[0].dialect, "", "")
	c.entry = found[0].entry
	if len(found) > 1 {
		var others []string
		for _, h := range found[:min(len(found), 5)] {
			others = append(others, h.entry)
		}
		c.notices = []string{"there are several handlers, " + strings.Join(others, ", ") +
			"; say entry to choose another than the first"}
	}
	return c
}

// lambdaDefaults reads the handler that AWS's tools for .NET deploy.
func (s *source) lambdaDefaults(folder string) string {
	var file struct {
		Handler string `json:"function-handler"`
	}
	text := s.read(path.Join(folder, "aws-lambda-tools-defaults.json"))
	if len(text) > parsedBytesMax || json.Unmarshal([]byte(text), &file) != nil ||
		!csEntries.MatchString(file.Handler) {
		return ""
	}
	return file.Handler
}

// dotnetEntry gives the candidate for an entry Assembly::Namespace.Class::Method.
func (s *source) dotnetEntry(given string, wanted toolchain.Language) (candidate, bool) {
	isOurs := wanted == "" || wanted == toolchain.DotNet || wanted == toolchain.Mono
	if !isOurs || !csEntries.MatchString(given) {
		return candidate{}, false
	}
	c := handler(toolchain.Mono, dayfly.Dialect(s.settings.Dialect), "", "")
	if p, _ := s.dotnetProject(); p != nil {
		c.language, c.version = s.dotnetLanguage(p), p.version
		for _, found := range s.csHandlers(p) {
			if found.entry == given && c.dialect == "" {
				c.dialect = found.dialect
			}
		}
	} else if s.hasPublished() {
		c.language = toolchain.DotNet
	}
	if wanted != "" {
		c.language = wanted
	}
	if c.dialect == "" {
		c.dialect = dayfly.DialectLambda
	}
	c.entry = given
	return c, true
}

// finishDotNet says how the source is compiled.
func (s *source) finishDotNet(plan *Plan) {
	p, _ := s.dotnetProject()
	if p == nil || s.dotnetPublished() != nil {
		return
	}
	s.dotnetCandidate(p) // finds what is needed
	plan.Install, plan.DotNet = InstallDotNet, p.DotNetPlan
	if match := csEntries.FindStringSubmatch(plan.Entry); match != nil {
		plan.DotNet.Library = true
		if p.Project == "" {
			plan.DotNet.Name = match[1] // loose sources are called as the entry says
		}
	}
	if plan.Language == toolchain.DotNet {
		// A newer runtime than the project asks for runs it as well.
		plan.Env = map[string]string{"DOTNET_ROLL_FORWARD": "Major"}
	}
}

// command starts the compiled program.
func (p *DotNetPlan) command(language toolchain.Language) []string {
	if language == toolchain.Mono {
		return []string{"mono", DotNetFolder + "/" + p.Name + ".exe"}
	}
	if p.Web {
		// The content root is the working directory: it must be where views and settings are.
		return []string{"/bin/sh", "-c", "cd " + DotNetFolder +
			` && ASPNETCORE_URLS="http://127.0.0.1:$PORT" exec dotnet ` + p.Name + ".dll"}
	}
	return []string{"dotnet", DotNetFolder + "/" + p.Name + ".dll"}
}

// Fallback gives the other of .NET and Mono, for machines that lack the one that a plan
// is for. The text says why there is none.
func (p *Plan) Fallback() (language toolchain.Language, problem string) {
	switch {
	case p.Install != InstallDotNet:
		return "", ""
	case p.Language == toolchain.Mono:
		return toolchain.DotNet, ""
	case p.DotNet.Needs != "":
		return "", "Mono cannot build it instead: the project needs " + p.DotNet.Needs
	}
	return toolchain.Mono, ""
}

// Switch makes the plan one for the other of .NET and Mono.
func (p *Plan) Switch(language toolchain.Language) {
	p.Language, p.Version = language, ""
	if p.Contract != dayfly.ContractHandler {
		p.Command = p.DotNet.command(language)
	}
	if language == toolchain.Mono {
		p.Env = nil
		p.notice("there is no dotnet on this machine: Mono's mcs compiles the project, as C# 7")
	}
}

// readProject reads a .csproj; nil when it cannot be used.
func readProject(text string) *projectFile {
	file := &projectFile{}
	if len(text) > parsedBytesMax || xml.Unmarshal([]byte(text), file) != nil {
		return nil
	}
	return file
}
