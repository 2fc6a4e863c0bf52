// SPDX-License-Identifier: Apache-2.0

package goshim_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/build/goshim"
)

// functions are one of each kind that needs nothing from a registry, and their sources.
func functions() map[goshim.Kind]string {
	return map[goshim.Kind]string{
		goshim.KindHTTP: `package f
import "net/http"
func F(w http.ResponseWriter, r *http.Request) {}`,
		goshim.KindEvent: `package f
import "context"
func F(ctx context.Context, e map[string]string) error { return nil }`,
		goshim.KindOpenFaaS: `package f
func F(req []byte) string { return "" }`,
		goshim.KindOpenFaaSHTTP: `package f
import handler "x/sdk"
func F(req handler.Request) (handler.Response, error) { return handler.Response{}, nil }`,
		goshim.KindOpenWhisk: `package f
func F(args map[string]interface{}) map[string]interface{} { return args }`,
	}
}

const sdk = `package sdk
import ("context"; "net/http")
type Request struct { Body []byte; Header http.Header; QueryString, Method string; ctx context.Context }
type Response struct { Body []byte; StatusCode int; Header http.Header }
func (r *Request) WithContext(ctx context.Context) { r.ctx = ctx }
`

func TestWrittenProgramsPassVet(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it compiles")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: there is no go on the path")
	}
	for kind, function := range functions() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			program := goshim.Program{
				Kind: kind, SDK: "x/sdk", Functions: []goshim.Function{{Package: "x/f", Name: "F"}},
				Rewrites: []goshim.Rewrite{{Source: "^/a/(.*)$", Target: "/$1"}},
			}
			source, err := goshim.Source(program)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for name, text := range map[string]string{
				"go.mod": "module x\n\ngo 1.13\n", "f/f.go": function, "sdk/sdk.go": sdk, "main/main.go": source,
			} {
				file := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "go", "vet", "./main")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("go vet: %v\n%s\n%s", err, out, source)
			}
		})
	}
}

func TestEveryKindIsWritten(t *testing.T) {
	t.Parallel()
	for _, kind := range []goshim.Kind{
		goshim.KindHTTP, goshim.KindFramework, goshim.KindCloudEvent, goshim.KindEvent,
		goshim.KindOpenFaaS, goshim.KindOpenFaaSHTTP, goshim.KindOpenWhisk,
	} {
		source, err := goshim.Source(goshim.Program{
			Kind: kind, SDK: "x/sdk", Metadata: true,
			Functions: []goshim.Function{{Package: "example.com/mine", Name: "Mine"}},
		})
		if err != nil || !strings.Contains(source, `"example.com/mine"`) {
			t.Errorf("%s: %v, and the source lacks the function's package:\n%s", kind, err, source)
		}
	}
}

func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]goshim.Program{
		"no function":     {Kind: goshim.KindHTTP},
		"a call":          {Kind: goshim.KindHTTP, Functions: []goshim.Function{{Name: "F(); x"}}},
		"not exported":    {Kind: goshim.KindEvent, Functions: []goshim.Function{{Name: "f"}}},
		"a broken import": {Kind: goshim.KindHTTP, Functions: []goshim.Function{{Package: "x\"\ny", Name: "F"}}},
		"a broken path":   {Kind: goshim.KindHTTP, Functions: []goshim.Function{{Name: "F", Pattern: "/`"}}},
		"a broken SDK":    {Kind: goshim.KindOpenFaaSHTTP, SDK: "a b", Functions: []goshim.Function{{Name: "F"}}},
	} {
		if source, err := goshim.Source(p); err == nil {
			t.Errorf("%s is taken:\n%s", name, source)
		}
	}
	many := make([]goshim.Function, 10_000)
	if _, err := goshim.Source(goshim.Program{Kind: goshim.KindHTTP, Functions: many}); err == nil {
		t.Error("ten thousand functions are taken")
	}
}
