// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// whiskConfig tells the guest how an action is called over HTTP.
type whiskConfig struct {
	Raw bool `json:"raw"` // query and body are not parsed
}

// whiskAction is one action of a package file, in the spelling of wskdeploy or of
// DigitalOcean.
type whiskAction struct {
	Name     string `yaml:"name"`
	Function string `yaml:"function"`
	Main     string `yaml:"main"`
	Runtime  string `yaml:"runtime"`
	Web      any    `yaml:"web"`
	RawHTTP  bool   `yaml:"raw-http"`
}

// whiskFile reads the only action of a package file, and the folder it is in.
func (s *source) whiskFile() (file, module string, action whiskAction) {
	for _, name := range []string{"project.yml", "manifest.yml", "manifest.yaml"} {
		text := s.read(name)
		if text == "" || !parsable(text) || yamlReference.MatchString(text) {
			continue
		}
		for _, a := range whiskActions(text) {
			places := []string{a.Function, path.Join("packages", a.Name), path.Join("packages", a.Name, "index")}
			for _, place := range places {
				if found := s.moduleFile(place); place != "" && found != "" {
					return name, found, a
				}
			}
		}
	}
	return "", "", whiskAction{}
}

// whiskActions lists the actions of a package file when there is but one.
func whiskActions(text string) []whiskAction {
	var wskdeploy struct {
		Packages map[string]struct {
			Actions map[string]whiskAction
		}
	}
	var digitalOcean struct {
		Packages []struct {
			Name      string
			Functions []whiskAction
			Actions   []whiskAction
		}
	}
	var list []whiskAction
	if yaml.Unmarshal([]byte(text), &wskdeploy) == nil {
		for _, p := range wskdeploy.Packages {
			for _, a := range p.Actions {
				list = append(list, a)
			}
		}
	}
	if len(list) == 0 && yaml.Unmarshal([]byte(text), &digitalOcean) == nil {
		for _, p := range digitalOcean.Packages {
			for _, a := range append(p.Functions, p.Actions...) {
				a.Name = path.Join(p.Name, a.Name)
				list = append(list, a)
			}
		}
	}
	if len(list) != 1 {
		return nil
	}
	return list
}

func (s *source) whisk() []candidate {
	file, module, action := s.whiskFile()
	if module == "" {
		return nil
	}
	name := action.Main
	if name == "" {
		name = "main"
	}
	c := handler(toolchain.Node, dayfly.DialectOpenWhisk, module, name)
	return declared([]candidate{c}, handlerFrom(file))
}

func (s *source) whiskConfig() *whiskConfig {
	_, _, action := s.whiskFile()
	if action.RawHTTP || action.Web == "raw" {
		return &whiskConfig{Raw: true}
	}
	return nil
}

var (
	jsNamesMain = regexp.MustCompile(`\bmain\b`)
	jsMain      = regexp.MustCompile(`(?m)^\s*(?:async\s+)?function\s+main\s*\(([^)]*)\)`)
	jsExports   = regexp.MustCompile(`\bexports\b|^\s*export\b|(?m)^import\b`)
	jsCalls     = regexp.MustCompile(`(?m)^\s*(?:await\s+)?main\s*\(`)
	jsParams    = regexp.MustCompile(`^_?(?:params|args|parameters|arguments_)$`)
	jsFaaS      = regexp.MustCompile(`\bcontext\s*\.\s*(?:status\s*\(|succeed\s*\(|headers\s*\()`)
	jsDenoRun   = regexp.MustCompile(`\bDeno\.serve\s*\(|\bBun\.serve\s*\(`)
	jsForeign   = regexp.MustCompile(`\bfrom\s+['"]((?:npm|jsr|https?):[^'"]*)['"]|\bimport\s+['"]((?:npm|jsr|https?):[^'"]*)['"]`)
	jsClass     = regexp.MustCompile(`\bexport\s+default\s+class\b[^{]*\bextends\s+WorkerEntrypoint\b`)
	jsWork      = regexp.MustCompile(`(?:^|[\s,{])(?:scheduled|queue)\s*(?:\(|:|,|$)`)
)

// nodeForeign judges what is written for other platforms, by the text of one module.
func nodeForeign(name, text string) []candidate {
	if match := jsForeign.FindStringSubmatch(text); match != nil {
		return []candidate{problem(name + " imports " + match[1] + match[2] + ", which Node cannot resolve: " +
			"add the package to package.json and import it by its name")}
	}
	if jsDenoRun.MatchString(text) || jsClass.MatchString(text) {
		return []candidate{handler(toolchain.Node, dayfly.DialectFetch, name, "")}
	}
	if match := jsDefault.FindStringSubmatch(text); match != nil && jsFaaS.MatchString(text) {
		names := parameters(match[2] + match[3] + match[4])
		if len(names) >= 2 && jsEvent.MatchString(names[0]) && names[1] == "context" {
			return []candidate{handler(toolchain.Node, dayfly.DialectOpenFaaS, name, "")}
		}
	}
	return whiskMain(name, text)
}

// whiskMain finds main(params): exported, or only defined in a script that exports
// nothing and does not call it.
func whiskMain(name, text string) []candidate {
	if !jsNamesMain.MatchString(text) {
		return nil // what follows looks at each export
	}
	is := func(names []string) bool { return len(names) == 1 && jsParams.MatchString(names[0]) }
	for _, e := range scriptExports(text) {
		if e.name == "main" && is(e.parameters) {
			return []candidate{handler(toolchain.Node, dayfly.DialectOpenWhisk, name, "main")}
		}
	}
	match := jsMain.FindStringSubmatch(text)
	isTaken := match == nil || jsExports.MatchString(text) || jsCalls.MatchString(text)
	if isTaken || !is(parameters(match[1])) {
		return nil
	}
	return []candidate{handler(toolchain.Node, dayfly.DialectOpenWhisk, name, "main")}
}

// wranglerFile is what counts of a worker's configuration.
type wranglerFile struct {
	Main string         `toml:"main" json:"main"`
	Vars map[string]any `toml:"vars" json:"vars"`
}

// wrangler reads the worker's configuration: TOML, or JSON with comments.
func (s *source) wrangler() (file wranglerFile, name string) {
	for _, name := range []string{"wrangler.toml", "wrangler.jsonc", "wrangler.json"} {
		text := s.read(name)
		switch {
		case text == "" || !parsable(text):
			continue
		case path.Ext(name) == ".toml":
			if readTOML(text, &file) == nil {
				return file, name
			}
		case json.Unmarshal([]byte(trailingComma.ReplaceAllString(stripScript(text), "$1")), &file) == nil:
			return file, name
		}
	}
	return wranglerFile{}, ""
}

var (
	trailingComma = regexp.MustCompile(`,(\s*[}\]])`)
	// wranglerBindings are what workers are given beside variables.
	wranglerBindings = regexp.MustCompile(`\b(kv_namespaces|r2_buckets|d1_databases|durable_objects|queues|` +
		`services|vectorize|hyperdrive|analytics_engine_datasets|ai|browser|send_email|workflows)\b`)
)

// worker is the candidate that a worker's configuration names.
func (s *source) worker() []candidate {
	file, name := s.wrangler()
	module := s.moduleFile(file.Main)
	if module == "" {
		return nil
	}
	c := handler(toolchain.Node, dayfly.DialectFetch, module, "")
	if match := wranglerBindings.FindString(s.read(name)); match != "" {
		c.notices = append(c.notices, "env has the variables of "+name+" alone; its "+match+" are not there")
	}
	return declared([]candidate{c}, "the worker is "+module+", as "+name+" says")
}

// fetchConfig says which runtime a web-standard handler was written for.
func (s *source) fetchConfig(plan *Plan, config *nodeConfig, text string) {
	file, name := s.wrangler()
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

var npmSpecifier = regexp.MustCompile(`^npm:/?((?:@[\w.-]+/)?[\w.-]+)(?:@([^/]+))?`)

// denoPackage makes a package.json of what deno.json maps to npm; nil when it maps
// nothing so.
func (s *source) denoPackage(plan *Plan) *packageFile {
	var file struct {
		Imports map[string]string `json:"imports"`
	}
	for _, name := range []string{"deno.json", "deno.jsonc"} {
		text := trailingComma.ReplaceAllString(stripScript(s.read(name)), "$1")
		if !parsable(text) || json.Unmarshal([]byte(text), &file) != nil {
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
				plan.notice(name + " maps an import to " + target + ", which Node cannot resolve")
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
		plan.notice("the packages that " + name + " maps to npm are installed")
		return pkg
	}
	return nil
}

// isWorkerObject tells whether a default export has handlers of events alone.
func isWorkerObject(keys string) bool {
	return jsFetchIn.MatchString(keys) || jsWork.MatchString(keys) && !strings.Contains(keys, "=>")
}
