// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/nuget"
	"github.com/dayfly-faas/dayfly/internal/guest/dotnet"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// CompatDir is where the stand-in for Amazon.Lambda.Core is compiled, below the code; it
// is left out of the bundle, as the guest brings it.
const CompatDir = ".dayfly/compat"

// looseProject makes a project of sources without one; %s are the type of the output,
// the name, the framework's version and references.
const looseProject = `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>%s</OutputType>
    <AssemblyName>%s</AssemblyName>
    <TargetFramework>net%s</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <InvariantGlobalization>true</InvariantGlobalization>
  </PropertyGroup>
  <ItemGroup>%s</ItemGroup>
</Project>
`

// lambdaPackages are what Lambda's templates for .NET refer to.
const lambdaPackages = `<PackageReference Include="Amazon.Lambda.Core" Version="2.*"/>` +
	`<PackageReference Include="Amazon.Lambda.Serialization.SystemTextJson" Version="2.*"/>` +
	`<PackageReference Include="Amazon.Lambda.APIGatewayEvents" Version="2.*"/>`

// dotnetSteps compile a C# source, with .NET's SDK or with Mono's mcs.
func (k *kitchen) dotnetSteps(context.Context) ([]Step, error) {
	if k.runtime.Language == toolchain.Mono {
		return k.monoSteps()
	}
	return k.publishSteps(), nil
}

var dotnetVersion = grep.Of(`^\d+\.\d+`)

// publishSteps have the SDK restore packages and publish.
func (k *kitchen) publishSteps() []Step {
	plan := &k.plan.DotNet
	project := plan.Project
	if project == "" {
		project = plan.Name + ".csproj"
		kind, references := "Exe", ""
		if plan.Library {
			kind = "Library"
		}
		if plan.Lambda {
			references = lambdaPackages
		}
		for _, file := range plan.References {
			references += fmt.Sprintf("<Reference Include=%q/>", file)
		}
		text := fmt.Sprintf(looseProject, kind, plan.Name, dotnetVersion.FindString(k.runtime.Version), references)
		k.addExtra(map[string]string{project: text})
	}
	return []Step{{
		Stage: StageCompile, Name: "dotnet publish", Mounts: k.runtime.Prefixes, Online: true,
		Argv: []string{
			k.runtime.Path, "publish", project, "--configuration", "Release",
			"--output", TaskDir + "/" + nuget.Folder, "--nologo", "-nodeReuse:false",
			"-p:UseAppHost=false", "-p:GenerateRuntimeConfigurationFiles=true",
			"-p:CopyLocalLockFileAssemblies=true", "-p:UseSharedCompilation=false",
		},
		Env: []string{
			"NUGET_PACKAGES=" + CacheDir + "/nuget", "DOTNET_CLI_HOME=/tmp", "DOTNET_NOLOGO=1",
			"DOTNET_ROOT=" + filepath.Dir(k.runtime.Path), "DOTNET_CLI_TELEMETRY_OPTOUT=1",
			"DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1",
			"DOTNET_CLI_UI_LANGUAGE=en",
		},
	}}
}

// monoSteps compile with mcs: first the stand-in for Amazon.Lambda.Core, when the
// sources speak of it and do not bring it, then the sources.
func (k *kitchen) monoSteps() ([]Step, error) {
	plan := k.plan.DotNet
	if plan.Needs != "" {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the project needs %s, which Mono does not have", plan.Needs).
			WithHint("install .NET's SDK: apt install dotnet-sdk-8.0 from the packages of its maker")
	}
	compiler := dotnet.MonoCompiler(k.runtime.Path)
	if _, err := os.Stat(compiler); err != nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "Mono has no compiler at %s", compiler).
			WithHint("install it: apt install mono-mcs")
	}
	mcs := func(name string, words ...string) Step {
		return Step{
			Stage: StageCompile, Name: name, Mounts: k.runtime.Prefixes,
			Argv: append([]string{"/bin/sh", "-c", monoScript, "sh", k.runtime.Path, compiler, "-nologo", "-optimize+"}, words...),
		}
	}
	var list []Step
	kind, suffix := "-target:exe", ".exe"
	if plan.Library {
		kind, suffix = "-target:library", ".dll"
	}
	words := []string{kind, "-out:" + nuget.Folder + "/" + plan.Name + suffix}
	if plan.Lambda && !brings(plan.References, dotnet.CompatName()) {
		core := CompatDir + "/" + dotnet.CompatName()
		list = append(list, mcs("mcs (Amazon.Lambda.Core)",
			append([]string{"-target:library", "-out:" + core}, k.compatSources()...)...))
		words = append(words, "-r:"+core)
	}
	for _, name := range k.monoAssemblies(filepath.Dir(compiler)) {
		words = append(words, "-r:"+name)
	}
	for _, file := range plan.References {
		words = append(words, "-r:"+file)
	}
	return append(list, mcs("mcs", append(words, plan.Files...)...)), nil
}

// monoScript compiles, and puts the assemblies that are referred to beside the program,
// where it looks for them.
const monoScript = `set -e
mkdir -p ` + nuget.Folder + `
for word in "$@"; do
  case "$word" in
  -r:` + CompatDir + `/*) ;;
  -r:*/*.dll|-r:*.dll) if [ -f "${word#-r:}" ]; then cp "${word#-r:}" ` + nuget.Folder + `/; fi ;;
  esac
done
exec "$@"`

func brings(references []string, name string) bool {
	return slices.ContainsFunc(references, func(file string) bool { return path.Base(file) == name })
}

// compatSources has the stand-in's sources written beside the code, and names them.
func (k *kitchen) compatSources() []string {
	var names []string
	extra := map[string]string{}
	for name, text := range dotnet.CompatFiles() {
		place := path.Join(CompatDir, name)
		extra[place] = text
		names = append(names, place)
	}
	slices.Sort(names)
	k.addExtra(extra)
	return names
}

// addExtra adds files that the build writes beside the source's own.
func (k *kitchen) addExtra(files map[string]string) {
	all := maps.Clone(k.plan.Extra)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, files)
	k.plan.Extra = all
}

// monoLibraries are assemblies that mcs refers to only when told, by what using names.
var monoLibraries = [...]struct{ namespace, assembly string }{
	{"System.Net.Http", "System.Net.Http"},
	{"System.Numerics", "System.Numerics"},
	{"System.Xml.Linq", "System.Xml.Linq"},
	{"System.Runtime.Serialization", "System.Runtime.Serialization"},
	{"System.Web.Script.Serialization", "System.Web.Extensions"},
	{"System.IO.Compression", "System.IO.Compression"},
	{"System.Data", "System.Data"},
	{"System.Web", "System.Web"},
	{"System.Configuration", "System.Configuration"},
	{"Newtonsoft.Json", "Newtonsoft.Json"},
}

// sourceBytesMax bounds what of one source is searched for what it uses.
const sourceBytesMax = 1 << 20

// monoAssemblies gives those that the sources use and this machine has.
func (k *kitchen) monoAssemblies(dir string) []string {
	var names []string
	for _, library := range monoLibraries {
		if _, err := os.Stat(filepath.Join(dir, library.assembly+".dll")); err != nil {
			continue
		}
		uses := func(file string) bool {
			text := startOf(k.root, file)
			return strings.Contains(text, "using "+library.namespace) ||
				strings.Contains(text, library.namespace+".")
		}
		if slices.ContainsFunc(k.plan.DotNet.Files, uses) {
			names = append(names, library.assembly+".dll")
		}
	}
	return names
}

// startOf gives the first part of a file; what cannot be read is as good as empty.
func startOf(root *os.Root, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, sourceBytesMax))
	return string(text)
}
