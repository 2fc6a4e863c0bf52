// SPDX-License-Identifier: Apache-2.0

package dotnet_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/dotnet"
)

// sdkRuntime is the host's .NET, with its SDK.
func sdkRuntime(t *testing.T) dotnet.Runtime {
	t.Helper()
	home, _ := os.UserHomeDir()
	for _, file := range []string{
		"/usr/lib/dotnet/dotnet", "/usr/share/dotnet/dotnet", filepath.Join(home, ".dotnet/dotnet"),
	} {
		version, err := exec.CommandContext(t.Context(), file, "--version").Output()
		if err == nil {
			return dotnet.Runtime{Path: file, Version: strings.TrimSpace(string(version))}
		}
	}
	t.Skip("SKIPPED: this machine has no .NET SDK: the guest is tested on Mono only")
	return dotnet.Runtime{}
}

const sdkFunction = `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net%s</TargetFramework><AssemblyName>Hello</AssemblyName></PropertyGroup>
  <ItemGroup><Reference Include="%s" Private="false"/></ItemGroup>
</Project>`

func TestTheGuestRunsOnDotNet(t *testing.T) {
	runtime := sdkRuntime(t)
	folder, err := dotnet.Install(t.Context(), runtime, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	task := t.TempDir()
	framework := strings.Join(strings.SplitN(runtime.Version, ".", 3)[:2], ".")
	core := filepath.Join(folder, "compat", dotnet.CompatName())
	for name, text := range map[string]string{
		"Hello.csproj": fmt.Sprintf(sdkFunction, framework, core), "Function.cs": lambdaSource,
	} {
		if err := os.WriteFile(filepath.Join(task, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), runtime.Path, "build", "-c", "Release", "-o", ".dayfly/app")
	cmd.Dir = task
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, out)
	}
	g := bootWith(t, runtime.Args(folder))
	if err := g.become(t, task, dayfly.DialectLambda, "Hello::Hello.Function::Same"); err != nil {
		t.Fatal(err)
	}
	if got := g.event(t, `{"x":1}`); got != `{"X":1,"Y":null,"Tags":null,"other":null}` {
		t.Errorf("the function gives %s", got)
	}
}
