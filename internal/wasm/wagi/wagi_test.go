// SPDX-License-Identifier: Apache-2.0

package wagi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

const modules = `
[[module]]
route = "/"
module = "index.wasm"

[[module]]
route = "/static/..."
module = "file:files.wasm"
entrypoint = "serve"
environment = {A = "1"}
volumes = {"/data" = "assets/public"}

[[module]]
route = "/static/special"
module = "index.wasm"

[[module]]
route = "/static/deep/..."
module = "deep.wasm"
allowed_hosts = ["https://example.com"]
`

func TestModulesFileIsRead(t *testing.T) {
	t.Parallel()
	got, err := wagi.Parse("modules.toml", modules)
	if err != nil {
		t.Fatal(err)
	}
	want := &wagi.Program{Strict: true, Routes: []wagi.Route{
		{Pattern: "/", Module: "index.wasm", QueryArgs: true},
		{Pattern: "/static/...", Module: "files.wasm", Entry: "serve", QueryArgs: true,
			Env: map[string]string{"A": "1"}, Volumes: map[string]string{"/data": "assets/public"}},
		{Pattern: "/static/special", Module: "index.wasm", QueryArgs: true},
		{Pattern: "/static/deep/...", Module: "deep.wasm", QueryArgs: true},
	}, Notices: []string{"outgoing HTTP of WAGI modules (allowed_hosts, http_max_concurrency) is not given"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"index.wasm", "files.wasm", "deep.wasm"}, got.Modules()); diff != "" {
		t.Errorf("Modules (-want +got):\n%s", diff)
	}
}

func TestTheLongestPatternAnswers(t *testing.T) {
	t.Parallel()
	p, err := wagi.Parse("modules.toml", modules)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "/ ", "/static": "/static/... ", "/static/": "/static/... /", "/static/a/b": "/static/... /a/b",
		"/static/special": "/static/special ", "/static/specials": "/static/... /specials",
		"/static/deep/x": "/static/deep/... /x", "/staticx": "none", "/other": "none",
	} {
		got := "none"
		if r := p.Match(path); r != nil {
			got = r.Pattern + " " + r.Below(path)
		}
		if got != want {
			t.Errorf("Match(%s) = %s, want %s", path, got, want)
		}
	}
	if r := wagi.Alone("a.wasm", nil).Match("/any"); r == nil || r.Below("/any") != "/any" {
		t.Errorf("a module alone does not answer /any: %+v", r)
	}
}

func TestSubroutesStandBelowTheirModules(t *testing.T) {
	t.Parallel()
	p, err := wagi.Parse("modules.toml", "[[module]]\nroute = \"/app/...\"\nmodule = \"a.wasm\"")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AddSubroutes(p.Routes[0], "/hello say_hello\n\n/by/... say_bye\n"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/app/hello": "say_hello", "/app/by/x": "say_bye", "/app/other": "", "/app": "",
	} {
		if r := p.Match(path); r == nil || r.Entry != want {
			t.Errorf("Match(%s) = %+v, want the entry %q", path, r, want)
		}
	}
	if err := p.AddSubroutes(p.Routes[0], "one two three"); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("a line of three words: %v, want invalid", err)
	}
}

func TestSpinOneWithWAGIModules(t *testing.T) {
	t.Parallel()
	got, err := wagi.Parse("spin.toml", `
spin_version = "1"
name = "x"
trigger = {type = "http", base = "/base"}
[[component]]
id = "fortune"
source = "fortune.wasm"
environment = {A = "1"}
files = ["static/*", {source = "data", destination = "/d"}]
[component.trigger]
route = "/fortune/..."
executor = {type = "wagi", argv = "f ${ARGS}", entrypoint = "go"}
`)
	want := &wagi.Program{Strict: true, Routes: []wagi.Route{{
		Pattern: "/base/fortune/...", Module: "fortune.wasm", Entry: "go", QueryArgs: true, Argv: "f ${ARGS}",
		Env: map[string]string{"A": "1"}, Volumes: map[string]string{"/d": "data"}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Parse: %v (-want +got):\n%s", err, diff)
	}
}

func TestFilesThatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	const component = "spin_version = \"1\"\ntrigger = {type = \"http\"}\n[[component]]\nid = \"c\"\n"
	for name, tc := range map[string]struct{ file, text, want string }{
		"no TOML":        {"modules.toml", "[[module", "modules.toml:"},
		"nothing":        {"modules.toml", "", "names no module"},
		"path above":     {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"../a.wasm\"", "no path below"},
		"absolute":       {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"/a.wasm\"", "no path below"},
		"registry":       {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"oci:a/b\"", "must be a file"},
		"URL":            {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"file:///a.wasm\"", "must be a file"},
		"route":          {"modules.toml", "[[module]]\nroute = \"a\"\nmodule = \"a.wasm\"", "begin with a slash"},
		"dots":           {"modules.toml", "[[module]]\nroute = \"/.../a\"\nmodule = \"a.wasm\"", "elsewhere"},
		"volume above":   {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"a\"\nvolumes = {\"/\" = \"..\"}", "no path below"},
		"volume guest":   {"modules.toml", "[[module]]\nroute = \"/\"\nmodule = \"a\"\nvolumes = {\"x\" = \"y\"}", "absolute"},
		"Spin 2":         {"spin.toml", "spin_manifest_version = 2", "applications of Spin 2"},
		"Spin's own":     {"spin.toml", component + "source = \"a.wasm\"\n[component.trigger]\nroute=\"/\"", "not a WAGI module"},
		"Spin by URL":    {"spin.toml", component + "source = {url = \"https://x\"}", "must be a file below"},
		"trigger":        {"spin.toml", "spin_version = \"1\"\ntrigger = {type = \"redis\"}", "only http"},
		"too many":       {"modules.toml", strings.Repeat("[[module]]\nroute = \"/\"\nmodule = \"a\"\n", 1001), "more than 1000"},
		"wrong types":    {"modules.toml", "[[module]]\nroute = 1", "modules.toml:"},
		"routes as text": {"modules.toml", "module = \"a\"", "modules.toml:"},
	} {
		_, err := wagi.Parse(tc.file, tc.text)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an invalid error with %q", name, err, tc.want)
		}
	}
}

// FuzzParse holds that whatever is read stays below the code.
func FuzzParse(f *testing.F) {
	f.Add("modules.toml", modules)
	f.Add("spin.toml", "spin_version = \"1\"")
	f.Fuzz(func(t *testing.T, name, text string) {
		p, err := wagi.Parse(name, text)
		if err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Errorf("error %v, want an invalid one", err)
			}
			return
		}
		for _, module := range p.Modules() {
			if strings.HasPrefix(module, "/") || strings.HasPrefix(module, "..") && module[2:3] == "/" {
				t.Errorf("module %q is not below the code", module)
			}
		}
	})
}
