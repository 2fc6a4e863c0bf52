// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// TestHostileProjectsDoNotHurtTheNode holds that no C#, Rust or Go source takes long to
// look at, however much it declares.
func TestHostileProjectsDoNotHurtTheNode(t *testing.T) {
	t.Parallel()
	method := "public class C { public string M(string s, ILambdaContext c) { return s; } }\n"
	function := "func F(w http.ResponseWriter, r *http.Request) {}\n"
	csharp, projects, crates, functions := fstest.MapFS{}, fstest.MapFS{}, fstest.MapFS{}, fstest.MapFS{"go.mod": {Data: []byte("module x")}}
	crates["Cargo.toml"] = &fstest.MapFile{Data: []byte("[workspace]\nmembers = [" + strings.Repeat(`"*",`, 50_000) + "]\n")}
	for i := range 500 {
		csharp[fmt.Sprintf("F%d.cs", i)] = &fstest.MapFile{Data: []byte(strings.Repeat(method, 1000))}
		projects[fmt.Sprintf("p%d/p.csproj", i)] = &fstest.MapFile{Data: []byte("<Project>" + strings.Repeat("<PropertyGroup/>", 1000) + "</Project>")}
		crates[fmt.Sprintf("c%d/Cargo.toml", i)] = &fstest.MapFile{Data: []byte("[package]\nname = \"c\"\n")}
		crates[fmt.Sprintf("c%d/src/main.rs", i)] = &fstest.MapFile{Data: []byte("fn main() {}\n")}
		functions[fmt.Sprintf("api/f%d.go", i)] = &fstest.MapFile{Data: []byte("package p\n" + strings.Repeat(function, 200))}
	}
	for name, source := range map[string]fstest.MapFS{
		"C#": csharp, "C# projects": projects, "Rust": crates, "Go": functions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			plan, err := detect.Source(source, manifest.Function{})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v to find %+v, %v", took, plan, err)
			}
		})
	}
}
