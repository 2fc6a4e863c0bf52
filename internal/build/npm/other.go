// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// whiskConfig tells the guest how an action is called over HTTP.
type whiskConfig struct {
	Raw bool `json:"raw"` // query and body are not parsed
}

// whiskFile reads the only action of a package file, and the folder it is in.
func whiskFile(s *look.Source) (file, module string, action look.WhiskAction) {
	for _, name := range []string{"project.yml", "manifest.yml", "manifest.yaml"} {
		text := s.Read(name)
		if text == "" || !look.Parsable(text) || look.YAMLReference.MatchString(text) {
			continue
		}
		for _, a := range look.WhiskActions(text) {
			places := []string{a.Function, path.Join("packages", a.Name), path.Join("packages", a.Name, "index")}
			for _, place := range places {
				if found := moduleFile(s, place); place != "" && found != "" {
					return name, found, a
				}
			}
		}
	}
	return "", "", look.WhiskAction{}
}

func whisk(s *look.Source) []look.Candidate {
	file, module, action := whiskFile(s)
	if module == "" {
		return nil
	}
	name := action.Main
	if name == "" {
		name = "main"
	}
	c := look.Handler(toolchain.Node, dayfly.DialectOpenWhisk, module, name)
	return declared([]look.Candidate{c}, look.HandlerFrom(file))
}

func whiskSettings(s *look.Source) *whiskConfig {
	_, _, action := whiskFile(s)
	if action.RawHTTP || action.Web == "raw" {
		return &whiskConfig{Raw: true}
	}
	return nil
}

var (
	jsNamesMain = grep.Of(`\bmain\b`)
	jsMain      = grep.Of(`(?m)^\s*(?:async\s+)?function\s+main\s*\(([^)]*)\)`)
	jsExports   = grep.Of(`\bexports\b|^\s*export\b|(?m)^import\b`)
	jsCalls     = grep.Of(`(?m)^\s*(?:await\s+)?main\s*\(`)
	jsParams    = grep.Of(`^_?(?:params|args|parameters|arguments_)$`)
	jsFaaS      = grep.Of(`\bcontext\s*\.\s*(?:status\s*\(|succeed\s*\(|headers\s*\()`)
	jsDenoRun   = grep.Of(`\bDeno\.serve\s*\(|\bBun\.serve\s*\(`)
	jsForeign   = grep.Of(`\bfrom\s+['"]((?:npm|jsr|https?):[^'"]*)['"]|\bimport\s+['"]((?:npm|jsr|https?):[^'"]*)['"]`)
	jsClass     = grep.Of(`\bexport\s+default\s+class\b[^{]*\bextends\s+WorkerEntrypoint\b`)
	jsWork      = grep.Of(`(?:^|[\s,{])(?:scheduled|queue)\s*(?:\(|:|,|$)`)
)

// nodeForeign judges what is written for other platforms, by the text of one module.
func nodeForeign(name, text string) []look.Candidate {
	if match := jsForeign.FindStringSubmatch(text); match != nil {
		return []look.Candidate{look.Problem(name + " imports " + match[1] + match[2] + ", which Node cannot resolve: " +
			"add the package to package.json and import it by its name")}
	}
	if jsDenoRun.MatchString(text) || jsClass.MatchString(text) {
		return []look.Candidate{look.Handler(toolchain.Node, dayfly.DialectFetch, name, "")}
	}
	if match := jsDefault.FindStringSubmatch(text); match != nil && jsFaaS.MatchString(text) {
		names := look.Parameters(match[2] + match[3] + match[4])
		if len(names) >= 2 && jsEvent.MatchString(names[0]) && names[1] == "context" {
			return []look.Candidate{look.Handler(toolchain.Node, dayfly.DialectOpenFaaS, name, "")}
		}
	}
	return whiskMain(name, text)
}

// whiskMain finds main(params): exported, or only defined in a script that exports
// nothing and does not call it.
func whiskMain(name, text string) []look.Candidate {
	if !jsNamesMain.MatchString(text) {
		return nil // what follows looks at each export
	}
	is := func(names []string) bool { return len(names) == 1 && jsParams.MatchString(names[0]) }
	for _, e := range scriptExports(text) {
		if e.name == "main" && is(e.parameters) {
			return []look.Candidate{look.Handler(toolchain.Node, dayfly.DialectOpenWhisk, name, "main")}
		}
	}
	match := jsMain.FindStringSubmatch(text)
	isTaken := match == nil || jsExports.MatchString(text) || jsCalls.MatchString(text)
	if isTaken || !is(look.Parameters(match[1])) {
		return nil
	}
	return []look.Candidate{look.Handler(toolchain.Node, dayfly.DialectOpenWhisk, name, "main")}
}

// wranglerFile is what counts of a worker's configuration.
type wranglerFile struct {
	Main string         `toml:"main" json:"main"`
	Vars map[string]any `toml:"vars" json:"vars"`
}

// wrangler reads the worker's configuration: TOML, or JSON with comments.
func wrangler(s *look.Source) (file wranglerFile, name string) {
	for _, name := range []string{"wrangler.toml", "wrangler.jsonc", "wrangler.json"} {
		text := s.Read(name)
		switch {
		case text == "" || !look.Parsable(text):
			continue
		case path.Ext(name) == ".toml":
			if look.ReadTOML(text, &file) == nil {
				return file, name
			}
		case json.Unmarshal([]byte(trailingComma.ReplaceAllString(look.StripScript(text), "$1")), &file) == nil:
			return file, name
		}
	}
	return wranglerFile{}, ""
}

var (
	trailingComma = grep.Of(`,(\s*[}\]])`)
	// wranglerBindings are what workers are given beside variables.
	wranglerBindings = grep.Of(`\b(kv_namespaces|r2_buckets|d1_databases|durable_objects|producers|` +
		`services|vectorize|hyperdrive|analytics_engine_datasets|ai|browser|send_email|workflows)\b`)
)

// worker is the candidate that a worker's configuration names.
func worker(s *look.Source) []look.Candidate {
	file, name := wrangler(s)
	module := moduleFile(s, file.Main)
	if module == "" {
		return nil
	}
	c := look.Handler(toolchain.Node, dayfly.DialectFetch, module, "")
	if match := wranglerBindings.FindString(s.Read(name)); match != "" {
		c.Notices = append(c.Notices, "env has the variables of "+name+" alone; its "+match+" are not there")
	}
	return declared([]look.Candidate{c}, "the worker is "+module+", as "+name+" says")
}

// fetchConfig says which runtime a web-standard handler was written for.
func fetchConfig(s *look.Source, plan *look.Plan, config *nodeConfig, text string) {
	file, name := wrangler(s)
	if name != "" || slices.Contains(config.Modules, "cloudflare:workers") {
		config.Globals = append(config.Globals, "workers")
	}
	for key, value := range file.Vars {
		word, ok := value.(string)
		if !ok {
			if config.Vars == nil {
				config.Vars = map[string]any{}
			}
			config.Vars[key] = value
			continue
		}
		if plan.Env == nil {
			plan.Env = map[string]string{}
		}
		plan.Env[key] = word
	}
	if usesDeno.MatchString(text) {
		config.Globals = append(config.Globals, "deno")
	}
	if usesBun.MatchString(text) {
		config.Globals = append(config.Globals, "bun")
	}
}

var npmSpecifier = grep.Of(`^npm:/?((?:@[\w.-]+/)?[\w.-]+)(?:@([^/]+))?`)

// denoPackage makes a package.json of what deno.json maps to npm; nil when it maps
// nothing so.
func denoPackage(s *look.Source, plan *look.Plan) *packageFile {
	var file struct {
		Imports map[string]string `json:"imports"`
	}
	for _, name := range []string{"deno.json", "deno.jsonc"} {
		text := trailingComma.ReplaceAllString(look.StripScript(s.Read(name)), "$1")
		if !look.Parsable(text) || json.Unmarshal([]byte(text), &file) != nil {
			continue
		}
		pkg := &packageFile{Type: "module", Dependencies: map[string]string{}}
		for _, target := range file.Imports {
			match := npmSpecifier.FindStringSubmatch(target)
			switch {
			case match != nil && match[2] != "":
				pkg.Dependencies[match[1]] = match[2]
			case match != nil:
				pkg.Dependencies[match[1]] = "*"
			case strings.Contains(target, ":"):
				plan.Notice(name + " maps an import to " + target + ", which Node cannot resolve")
			}
		}
		if len(pkg.Dependencies) == 0 {
			return nil
		}
		encoded, err := json.Marshal(map[string]any{
			"private": true, "type": pkg.Type, "dependencies": pkg.Dependencies})
		if err != nil {
			return nil
		}
		if plan.Extra == nil {
			plan.Extra = map[string]string{}
		}
		plan.Extra["package.json"] = string(encoded)
		plan.Notice("the packages that " + name + " maps to npm are installed")
		return pkg
	}
	return nil
}

// isWorkerObject tells whether a default export has handlers of events alone.
func isWorkerObject(keys string) bool {
	return jsFetchIn.MatchString(keys) || jsWork.MatchString(keys) && !strings.Contains(keys, "=>")
}
