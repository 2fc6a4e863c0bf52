// SPDX-License-Identifier: Apache-2.0

package nuget

import (
	"encoding/json"
	"encoding/xml"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Folder is where compiled assemblies go in their bundle.
const Folder = ".dayfly/app"

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

// project is a C# source as it is understood.
type project struct {
	look.DotNetPlan
	folder   string
	packages []string
	version  string // of .NET; empty for any
	isExe    bool
}

var (
	csMain      = grep.Of(`\bstatic\s+(?:async\s+)?(?:unsafe\s+)?[\w.<>]+\s+Main\s*\(`)
	csServes    = grep.Of(`\bnew\s+(?:System\.Net\.)?HttpListener\b|\bnew\s+(?:[\w.]+\.)?TcpListener\b`)
	csNames     = grep.Of(`^[A-Za-z_][\w.-]{0,100}$`)
	csFramework = grep.Of(`^net(?:coreapp)?(\d+)\.\d+`)
	csEntries   = grep.Of(`^([\w.-]+)::([\w.+]+)::(\w+)$`)
)

// monoPackages are those that the guest has a stand-in for, or that nothing of is used.
var monoPackages = []string{
	"Amazon.Lambda.Core", "Amazon.Lambda.Serialization.Json", "Amazon.Lambda.Serialization.SystemTextJson",
	"Amazon.Lambda.APIGatewayEvents", "Microsoft.CSharp", "System.ValueTuple",
}

// Candidates looks for C#.
func Candidates(s *look.Source) []look.Candidate {
	if found := dotnetPublished(s); found != nil {
		return found
	}
	p, problemText := theProject(s)
	switch {
	case problemText != "":
		return []look.Candidate{look.Problem(problemText)}
	case p == nil:
		return nil
	}
	c := dotnetCandidate(s, p)
	if c.Problem == "" {
		c.Rank, c.Version, c.Language = min(c.Rank, look.RankExported), p.version, dotnetLanguage(s, p)
		if c.Contract != dayfly.ContractHandler {
			c.Command = dotnetCommand(&p.DotNetPlan, c.Language)
		}
	}
	return []look.Candidate{c}
}

// dotnetLanguage chooses between .NET, which projects ask for, and Mono, which compiles
// loose sources in no time. Whoever has only one of them gets that.
func dotnetLanguage(s *look.Source, p *project) toolchain.Language {
	named, _ := toolchain.ParseName(s.Settings.Runtime)
	switch {
	case named == toolchain.DotNet || named == toolchain.Mono:
		return named
	case p.Project != "", p.Needs != "":
		return toolchain.DotNet
	}
	return toolchain.Mono
}

// dotnetCandidate judges how a source is called.
func dotnetCandidate(s *look.Source, p *project) look.Candidate {
	text := csText(s, p.Files)
	uses := func(name string) bool { return slices.Contains(p.packages, name) }
	c := look.Candidate{Rank: look.RankExported, Contract: dayfly.ContractStdio}
	switch {
	case uses("Microsoft.Azure.Functions.Worker") || uses("Microsoft.NET.Sdk.Functions"):
		return look.Problem("Azure functions in C# run in the host of their makers, which is not here; " +
			"a custom handler or an ASP.NET application can be deployed")
	case uses("Google.Cloud.Functions.Hosting"):
		p.Needs = "functions-framework, which is made of ASP.NET"
		c.Contract = dayfly.ContractHTTP
		c.Notices = []string{"the program uses functions-framework"}
	case p.Web:
		c.Contract = dayfly.ContractHTTP
		c.Notices = []string{"the program uses ASP.NET"}
	case p.isExe && (uses("Amazon.Lambda.RuntimeSupport") || strings.Contains(text, "LambdaBootstrapBuilder")):
		p.Needs = "Amazon.Lambda.RuntimeSupport"
		c.Contract = dayfly.ContractLambda
	case p.isExe && csServes.MatchString(text):
		c.Contract = dayfly.ContractHTTP
	case p.isExe:
	default:
		return dotnetHandler(s, p)
	}
	return c
}

// dotnetHandler finds the handler of a library.
func dotnetHandler(s *look.Source, p *project) look.Candidate {
	p.Library = true
	found := csHandlers(s, p)
	if declared := lambdaDefaults(s, p.folder); declared != "" {
		c := look.Handler("", dayfly.DialectLambda, "", "")
		c.Entry, c.Rank = declared, look.RankDeclared
		c.Notices = []string{"the handler comes from aws-lambda-tools-defaults.json"}
		return c
	}
	if len(found) == 0 {
		return look.Problem("the C# source has neither a Main nor a handler: a public method that takes an " +
			"ILambdaContext, or FunctionHandler.Handle(string)")
	}
	c := look.Handler("", found[0].dialect, "", "")
	c.Entry = found[0].entry
	if len(found) > 1 {
		var others []string
		for _, h := range found[:min(len(found), 5)] {
			others = append(others, h.entry)
		}
		c.Notices = []string{"there are several handlers, " + strings.Join(others, ", ") +
			"; say entry to choose another than the first"}
	}
	return c
}

// lambdaDefaults reads the handler that AWS's tools for .NET deploy.
func lambdaDefaults(s *look.Source, folder string) string {
	var file struct {
		Handler string `json:"function-handler"`
	}
	text := s.Read(path.Join(folder, "aws-lambda-tools-defaults.json"))
	if len(text) > look.ParsedBytesMax || json.Unmarshal([]byte(text), &file) != nil ||
		!csEntries.MatchString(file.Handler) {
		return ""
	}
	return file.Handler
}

// Entry gives the candidate for an entry Assembly::Namespace.Class::Method.
func Entry(s *look.Source, given string, wanted toolchain.Language) (look.Candidate, bool) {
	isOurs := wanted == "" || wanted == toolchain.DotNet || wanted == toolchain.Mono
	if !isOurs || !csEntries.MatchString(given) {
		return look.Candidate{}, false
	}
	c := look.Handler(toolchain.Mono, dayfly.Dialect(s.Settings.Dialect), "", "")
	if p, _ := theProject(s); p != nil {
		c.Language, c.Version = dotnetLanguage(s, p), p.version
		for _, found := range csHandlers(s, p) {
			if found.entry == given && c.Dialect == "" {
				c.Dialect = found.dialect
			}
		}
	} else if hasPublished(s) {
		c.Language = toolchain.DotNet
	}
	if wanted != "" {
		c.Language = wanted
	}
	if c.Dialect == "" {
		c.Dialect = dayfly.DialectLambda
	}
	c.Entry = given
	return c, true
}

// Finish says how the source is compiled.
func Finish(s *look.Source, plan *look.Plan) {
	p, _ := theProject(s)
	if p == nil || dotnetPublished(s) != nil {
		return
	}
	dotnetCandidate(s, p) // finds what is needed
	plan.Install, plan.DotNet = look.InstallDotNet, p.DotNetPlan
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

// dotnetCommand starts the compiled program.
func dotnetCommand(p *look.DotNetPlan, language toolchain.Language) []string {
	if language == toolchain.Mono {
		return []string{"mono", Folder + "/" + p.Name + ".exe"}
	}
	if p.Web {
		// The content root is the working directory: it must be where views and settings are.
		return []string{"/bin/sh", "-c", "cd " + Folder +
			` && ASPNETCORE_URLS="http://127.0.0.1:$PORT" exec dotnet ` + p.Name + ".dll"}
	}
	return []string{"dotnet", Folder + "/" + p.Name + ".dll"}
}

// Fallback gives the other of .NET and Mono, for machines that lack the one that a plan
// is for. The text says why there is none.
func Fallback(p *look.Plan) (language toolchain.Language, problem string) {
	switch {
	case p.Install != look.InstallDotNet:
		return "", ""
	case p.Language == toolchain.Mono:
		return toolchain.DotNet, ""
	case p.DotNet.Needs != "":
		return "", "Mono cannot build it instead: the project needs " + p.DotNet.Needs
	}
	return toolchain.Mono, ""
}

// Switch makes the plan one for the other of .NET and Mono.
func Switch(p *look.Plan, language toolchain.Language) {
	p.Language, p.Version = language, ""
	if p.Contract != dayfly.ContractHandler {
		p.Command = dotnetCommand(&p.DotNet, language)
	}
	if language == toolchain.Mono {
		p.Env = nil
		p.Notice("there is no dotnet on this machine: Mono's mcs compiles the project, as C# 7")
	}
}

// readProject reads a .csproj; nil when it cannot be used.
func readProject(text string) *projectFile {
	file := &projectFile{}
	if len(text) > look.ParsedBytesMax || xml.Unmarshal([]byte(text), file) != nil {
		return nil
	}
	return file
}
