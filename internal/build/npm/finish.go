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
)

// nodeConfigFile is where the guest finds what only detection knows.
const nodeConfigFile = ".dayfly/node.json"

// nodeConfig is the text of nodeConfigFile: see configuration in the guest's become.cjs.
type nodeConfig struct {
	Built     map[string]string `json:"built,omitempty"`   // TypeScript → compiled
	Globals   []string          `json:"globals,omitempty"` // deno, bun, workers
	Modules   []string          `json:"modules,omitempty"` // packages that need a stand-in
	Vars      map[string]any    `json:"vars,omitempty"`    // of wrangler's file
	Netlify   *netlifyConfig    `json:"netlify,omitempty"`
	Azure     *azureConfig      `json:"azure,omitempty"`
	OpenWhisk *whiskConfig      `json:"openwhisk,omitempty"`
}

// Finish adds what npm installs and what is compiled, and which Node is asked for.
func Finish(s *look.Source, plan *look.Plan) {
	pkg, _ := packageJSON(s)
	if plan.Version == "" {
		plan.Version = nodeVersion(s, pkg)
	}
	if pkg == nil {
		pkg = nodeFolder(s, plan)
	}
	if pkg == nil {
		pkg = denoPackage(s, plan)
	}
	if pkg != nil {
		nodeInstall(s, plan, pkg)
	}
	entryText := s.Read(nodeEntryFile(s, plan))
	if plan.Script != "" {
		plan.TypeScript = ""
	} else {
		nodeCompile(s, plan, pkg)
	}
	nodeConfigure(s, plan, entryText)
}

// nodeEntryFile gives the module of a handler's entry, as it is in the source.
func nodeEntryFile(s *look.Source, plan *look.Plan) string {
	if plan.TypeScript != "" {
		return plan.TypeScript
	}
	file, _ := s.EntryFile(plan.Entry, plan.Language)
	return file
}

// nodeCompile plans for what is TypeScript.
func nodeCompile(s *look.Source, plan *look.Plan, pkg *packageFile) {
	for _, file := range nodeModules(s, plan) {
		if IsTypeScript(file) {
			plan.Node.Modules = append(plan.Node.Modules,
				look.Compiled{Source: file, Output: typescriptOutput(s, file, pkg)})
		}
	}
	if plan.TypeScript == "" {
		return
	}
	plan.Output = typescriptOutput(s, plan.TypeScript, pkg)
	if plan.Contract != dayfly.ContractHandler {
		for i, word := range plan.Command {
			if word == plan.TypeScript {
				plan.Command[i] = plan.Output
			}
		}
		return
	}
	if path.Dir(plan.Output) != path.Dir(plan.TypeScript) {
		stem := strings.TrimSuffix(plan.TypeScript, path.Ext(plan.TypeScript))
		_, export, _ := strings.Cut(strings.TrimPrefix(plan.Entry, stem), ".")
		plan.Entry = look.EntryOf(plan.Output, export)
	}
}

// nodeModules lists the scripts of a folder of functions.
func nodeModules(s *look.Source, plan *look.Plan) []string {
	switch plan.Dialect {
	case dayfly.DialectVercel, dayfly.DialectNetlify:
		return functionFiles(s, plan.Entry)
	case dayfly.DialectAzure:
		return append(azureModules(s), azureScripts(s)...)
	}
	return nil
}

var (
	usesDeno    = grep.Of(`\bDeno\.\w`)
	usesBun     = grep.Of(`\bBun\.\w`)
	standInName = grep.Of(`['"](cloudflare:workers|@azure/functions|@netlify/functions|@vercel/functions)['"]`)
)

// nodeConfigure leaves for the guest what it cannot find out by itself.
func nodeConfigure(s *look.Source, plan *look.Plan, text string) {
	if plan.Contract != dayfly.ContractHandler {
		return
	}
	config := nodeConfig{}
	for _, m := range plan.Node.Modules {
		if config.Built == nil {
			config.Built = map[string]string{}
		}
		config.Built[m.Source] = m.Output
		text += s.Read(m.Source)
	}
	if plan.Node.Modules == nil {
		for _, file := range nodeModules(s, plan) {
			text += s.Read(file)
		}
	}
	for _, match := range standInName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(config.Modules, match[1]) {
			config.Modules = append(config.Modules, match[1])
		}
	}
	switch plan.Dialect {
	case dayfly.DialectFetch:
		fetchConfig(s, plan, &config, text)
	case dayfly.DialectNetlify:
		config.Netlify = netlifyRedirects(s)
	case dayfly.DialectAzure:
		config.Azure = azureFunctions(s, plan)
	case dayfly.DialectOpenWhisk:
		config.OpenWhisk = whiskSettings(s)
	}
	encoded, err := json.Marshal(config)
	if err != nil || string(encoded) == "{}" {
		return
	}
	if plan.Extra == nil {
		plan.Extra = map[string]string{}
	}
	plan.Extra[nodeConfigFile] = string(encoded)
}

// nodeFolder finds the package.json of the folder that the handler is in, when the
// source itself has none.
func nodeFolder(s *look.Source, plan *look.Plan) *packageFile {
	dir := path.Dir(plan.Entry)
	if plan.Contract != dayfly.ContractHandler || dir == "." || !s.Has(path.Join(dir, "package.json")) {
		return nil
	}
	pkg, problems := readPackage(s, path.Join(dir, "package.json"))
	if len(problems) > 0 {
		return nil
	}
	plan.Node.Folder = dir
	return pkg
}

func nodeInstall(s *look.Source, plan *look.Plan, pkg *packageFile) {
	below := func(name string) string { return path.Join(plan.Node.Folder, name) }
	plan.Locked = s.Has(below("package-lock.json")) || s.Has(below("npm-shrinkwrap.json"))
	if !plan.Locked {
		nodeManager(s, plan, pkg)
	}
	installed := s.HasFolder(below("node_modules"))
	if pkg.needsInstall() && !installed {
		plan.Install = look.InstallNpm
	}
	if pkg.Scripts["build"] != "" && !installed && startsBuilt(s, plan, pkg) {
		plan.Install, plan.Script = look.InstallNpm, "build"
	}
	planBuilt(s, plan, pkg)
}

var yarnPath = grep.Of(`(?m)^yarnPath:\s*["']?([\w./-]+)`)

// nodeManager chooses the package manager by packageManager of package.json, else by
// the lock file.
func nodeManager(s *look.Source, plan *look.Plan, pkg *packageFile) {
	locks := map[string]string{"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock"}
	named, _, _ := strings.Cut(pkg.PackageManager, "@")
	for _, name := range []string{"pnpm", "yarn"} {
		if s.Has(path.Join(plan.Node.Folder, locks[name])) && (named == name || named == "" || plan.Node.Manager == "") {
			plan.Node.Manager = name
		}
	}
	if match := yarnPath.FindStringSubmatch(s.Read(".yarnrc.yml")); match != nil && plan.Node.Manager == "yarn" {
		if script := path.Clean(match[1]); s.Has(script) {
			plan.Node.Yarn = script
		}
	}
	for _, lock := range []string{"bun.lock", "bun.lockb"} {
		if s.Has(path.Join(plan.Node.Folder, lock)) && plan.Node.Manager == "" {
			plan.Notice(lock + " is not used: npm resolves the versions; a package-lock.json pins them")
		}
	}
}

// startsBuilt tells whether what is to run is only there after the build script.
func startsBuilt(s *look.Source, plan *look.Plan, pkg *packageFile) bool {
	if plan.Contract == dayfly.ContractHandler || plan.TypeScript != "" {
		return false // esbuild compiles what is needed
	}
	for _, word := range plan.Command {
		if look.Suffixed(".js", ".mjs", ".cjs")(word) && !s.Has(word) {
			return true
		}
	}
	return pkg.Scripts["prestart"] == "" && len(plan.Command) > 0 &&
		strings.HasPrefix(plan.Command[0], "node_modules/.bin/")
}

// onlyModules is what CommonJS cannot say: import.meta, and await outside a function.
var onlyModules = grep.Of(`\bimport\.meta\b|` +
	`(?m)^(?:export\s+)?(?:(?:const|let|var)\s+[^\n=]+=\s*)?await\b`)

// typescriptOutput names the compiled module: beside its source, so that relative
// paths mean the same, unless a module of that name is there already.
func typescriptOutput(s *look.Source, file string, pkg *packageFile) string {
	suffix := ".cjs"
	isModule := pkg != nil && pkg.Type == "module" && path.Ext(file) != ".cts"
	if isModule || path.Ext(file) == ".mts" || onlyModules.MatchString(look.StripScript(s.Read(file))) {
		suffix = ".mjs"
	}
	stem := strings.TrimSuffix(file, path.Ext(file))
	for _, taken := range []string{"", ".js", ".mjs", ".cjs"} {
		if s.Has(stem + taken) {
			return path.Join(".dayfly/build", stem+suffix)
		}
	}
	return stem + suffix
}
