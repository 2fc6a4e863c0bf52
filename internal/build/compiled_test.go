// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// held names the files of a bundle.
func (w *world) held(t *testing.T, digest dayfly.Digest) string {
	t.Helper()
	return w.runIn(t, digest, "/usr/bin/find", ".", "-type", "f")
}

func TestRustProgramsAreAllThatIsKept(t *testing.T) {
	needs(t, "rust")
	if testing.Short() {
		t.Skip("-short: it compiles")
	}
	w := newWorld(t, boxes(t), nil)
	files := map[string]string{
		"Cargo.toml":  "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"src/main.rs": "mod word;\nfn main() { print!(\"{}\", word::WORD) }\n",
		"src/word.rs": "pub const WORD: &str = \"one\";\n",
		"asset.txt":   "kept\n",
	}
	built, err := w.build(t, files, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if got := w.runIn(t, built.Bundle, "./.dayfly/bin/app"); got != "one" {
		t.Errorf("the program prints %q, want one", got)
	}
	if got := w.held(t, built.Bundle); strings.Contains(got, "Cargo") || strings.Contains(got, ".rs") ||
		!strings.Contains(got, "asset.txt") {
		t.Errorf("the bundle holds\n%s", got)
	}
	files["src/word.rs"] = "pub const WORD: &str = \"two\";\n"
	built, err = w.build(t, files, manifest.Function{})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.runIn(t, built.Bundle, "./.dayfly/bin/app"); got != "two" {
		t.Errorf("after a change the program prints %q, want two: the cache is believed", got)
	}
}

func TestARustCrateMayDependOnOneOfItsOwnName(t *testing.T) {
	needs(t, "rust")
	if testing.Short() {
		t.Skip("-short: it compiles")
	}
	w := newWorld(t, boxes(t), nil)
	built, err := w.build(t, map[string]string{
		"Cargo.toml": "[workspace]\nmembers = [\"my app\"]\nexclude = [\"same\"]\nresolver = \"2\"\n",
		"my app/Cargo.toml": "[package]\nname = \"same\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" +
			"[dependencies]\nsame = { path = \"../same\" }\n",
		"my app/src/main.rs": "fn main() { print!(\"{}\", same::WORD) }\n",
		"same/Cargo.toml":    "[package]\nname = \"same\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
		"same/src/lib.rs":    "pub const WORD: &str = \"the other\";\n",
	}, manifest.Function{})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if got := w.runIn(t, built.Bundle, "./.dayfly/bin/app"); got != "the other" {
		t.Errorf("the program prints %q, want the other", got)
	}
}

func TestRustThatDoesNotCompileSaysWhere(t *testing.T) {
	needs(t, "rust")
	if testing.Short() {
		t.Skip("-short: it compiles")
	}
	w := newWorld(t, boxes(t), nil)
	_, err := w.build(t, map[string]string{"main.rs": "fn main() { let x: i32 = \"a\"; }\n"}, manifest.Function{})
	if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(w.said(), "main.rs:1") {
		t.Errorf("error %v, said\n%s\nwant an invalid one and the line", err, w.said())
	}
}

func TestDotNetProjectsArePublished(t *testing.T) {
	needs(t, "dotnet")
	w := onlineWorld(t)
	built, err := w.build(t, map[string]string{
		"App.csproj": `<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType>` +
			`<TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>`,
		"Program.cs": "System.Console.Write(\"hello\");\n",
	}, manifest.Function{Runtime: "dotnet"})
	if err != nil {
		t.Fatalf("%v\n%s", err, w.said())
	}
	if got := w.held(t, built.Bundle); !strings.Contains(got, ".dayfly/app/App.dll") || strings.Contains(got, ".cs\n") {
		t.Errorf("the bundle holds\n%s", got)
	}
}

func TestProjectsThatMonoCannotBuildSayWhy(t *testing.T) {
	needs(t, "mono")
	w := newWorld(t, boxes(t), nil)
	_, err := w.build(t, map[string]string{
		"Web.csproj": `<Project Sdk="Microsoft.NET.Sdk.Web"></Project>`, "Program.cs": "class P {}\n",
	}, manifest.Function{Runtime: "mono"})
	if err == nil || !strings.Contains(err.Error(), "the project needs Microsoft.NET.Sdk.Web, which Mono does not have") {
		t.Errorf("error %v, want what Mono does not have", err)
	}
}
