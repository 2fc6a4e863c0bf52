// SPDX-License-Identifier: Apache-2.0

package dotnet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/dayfly-faas/dayfly"
)

// Runtime is what compiles the guest and runs it.
type Runtime struct {
	Path    string // of mono or dotnet
	Version string
	IsMono  bool
}

// compatFolder is where the stand-in assembly is, below the guest's folder: not beside
// the guest, where a runtime would find it before a function's own.
const compatFolder = "compat"

// project compiles a folder of sources with .NET's own tools; %s are the output's type,
// the name, the framework's version, what to compile and what to refer to.
const project = `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>%s</OutputType>
    <AssemblyName>%s</AssemblyName>
    <TargetFramework>net%s</TargetFramework>
    <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
    <EnableDefaultCompileItems>false</EnableDefaultCompileItems>
    <GenerateAssemblyInfo>false</GenerateAssemblyInfo>
    <UseAppHost>false</UseAppHost>
    <TieredPGO>false</TieredPGO>
    <InvariantGlobalization>true</InvariantGlobalization>
  </PropertyGroup>
  <ItemGroup>%s</ItemGroup>
</Project>
`

// Args start the guest that Install left in folder, as the box sees both.
func (r Runtime) Args(folder string) []string {
	if r.IsMono {
		return []string{r.Path, filepath.Join(folder, "guest.exe")}
	}
	return []string{r.Path, filepath.Join(folder, "guest.dll")}
}

// Install compiles the guest below dir, unless it is there, and gives its folder. Calls
// at the same time do the work twice, no harm done.
func Install(ctx context.Context, r Runtime, dir string) (string, error) {
	target := filepath.Join(dir, r.key())
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make folder of guests: %w", err)
	}
	work, err := os.MkdirTemp(dir, "work-")
	if err != nil {
		return "", fmt.Errorf("make folder of the guest: %w", err)
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "made")
	if err := r.compile(ctx, work, made); err != nil {
		return "", err
	}
	if err := readable(made); err != nil {
		return "", fmt.Errorf("open guest to boxes: %w", err)
	}
	if err := os.Rename(made, target); err != nil {
		if _, there := os.Stat(target); there != nil {
			return "", fmt.Errorf("keep guest: %w", err)
		}
	}
	return target, nil
}

// key names what the compiled guest depends on.
func (r Runtime) key() string {
	sum := sha256.New()
	fmt.Fprint(sum, r.Path, "\n", r.Version, "\n", project, sourcesSum())
	return "dotnet-" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// sourcesSum identifies the embedded sources. It is made once: every start asks.
var sourcesSum = sync.OnceValue(func() string {
	sum := sha256.New()
	_ = fs.WalkDir(files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files(), name)
		fmt.Fprintln(sum, name, len(text))
		_, _ = sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))
})

func (r Runtime) compile(ctx context.Context, work, made string) error {
	sources := filepath.Join(work, "source")
	if err := os.CopyFS(sources, files()); err != nil {
		return fmt.Errorf("write guest's sources: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(made, compatFolder), 0o755); err != nil {
		return fmt.Errorf("make folder of the guest: %w", err)
	}
	if r.IsMono {
		return r.mcs(ctx, sources, made)
	}
	return r.build(ctx, sources, made)
}

// mcs compiles with Mono's compiler.
func (r Runtime) mcs(ctx context.Context, sources, made string) error {
	compiler := MonoCompiler(r.Path)
	if _, err := os.Stat(compiler); err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "Mono has no compiler at %s, which its guest needs", compiler).
			WithHint("install it: apt install mono-mcs")
	}
	core := filepath.Join(made, compatFolder, coreName)
	argv := []string{r.Path, compiler, "-nologo", "-optimize+", "-target:library", "-out:" + core, "compat/*.cs"}
	if err := run(ctx, sources, append(argv, mapper[:]...)); err != nil {
		return err
	}
	return run(ctx, sources, []string{r.Path, compiler, "-nologo", "-optimize+", "-unsafe", "-target:exe",
		"-out:" + filepath.Join(made, "guest.exe"), "-r:" + core, "*.cs"})
}

var majorMinor = regexp.MustCompile(`^\d+\.\d+`)

// build compiles with .NET's SDK. Nothing is fetched: no package is referred to.
func (r Runtime) build(ctx context.Context, sources, made string) error {
	framework := majorMinor.FindString(r.Version)
	core := filepath.Join(made, compatFolder, coreName)
	for _, p := range []struct{ kind, name, out, items string }{
		{"Library", strings.TrimSuffix(coreName, ".dll"), filepath.Dir(core),
			`<Compile Include="compat/*.cs;` + strings.Join(mapper[:], ";") + `"/>`},
		{"Exe", "guest", made, `<Compile Include="*.cs"/><Reference Include="` + core + `" Private="false"/>`},
	} {
		file := filepath.Join(sources, p.name+".csproj")
		text := fmt.Sprintf(project, p.kind, p.name, framework, p.items)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write guest's project: %w", err)
		}
		err := run(ctx, sources, []string{r.Path, "build", file, "-c", "Release", "-o", p.out, "--nologo",
			"-nodeReuse:false", "-p:BaseIntermediateOutputPath=" + filepath.Join(sources, "obj", p.name) + "/"})
		if err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, dir string, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "DOTNET_CLI_HOME=" + dir, "DOTNET_NOLOGO=1",
		"DOTNET_CLI_TELEMETRY_OPTOUT=1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1",
		"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", "NUGET_PACKAGES=" + filepath.Join(dir, "packages"), "LANG=C.UTF-8"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile guest with %s: %w: %s", argv[0], err, out)
	}
	return nil
}

// readable opens a folder to the users inside boxes.
func readable(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	})
}
