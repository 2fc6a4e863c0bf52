// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Compiled is a file that the build makes of another.
type Compiled struct{ Source, Output string }

// NodePlan is what building JavaScript and TypeScript takes beside the rest of a plan.
type NodePlan struct {
	// Modules are what is compiled from TypeScript beside the plan's own.
	Modules []Compiled
	// Folder is where package.json is; empty for the source itself.
	Folder string
	// Manager is the package manager whose lock file there is, "pnpm" or "yarn"; empty
	// for npm. Yarn is the script of a yarn that the source brings.
	Manager, Yarn string
	// Copies are folders that the build script leaves in another place than they are
	// needed in; Drop is what the bundle does not need.
	Copies []Compiled
	Drop   []string
}

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

func (s *source) finishNode(plan *Plan) {
	pkg, _ := s.packageJSON()
	if plan.Version == "" {
		plan.Version = s.nodeVersion(pkg)
	}
	if pkg == nil {
		pkg = s.nodeFolder(plan)
	}
	if pkg == nil {
		pkg = s.denoPackage(plan)
	}
	if pkg != nil {
		s.nodeInstall(plan, pkg)
	}
	entryText := s.read(s.nodeEntryFile(plan))
	if plan.Script != "" {
		plan.TypeScript = ""
	} else {
		s.nodeCompile(plan, pkg)
	}
	s.nodeConfigure(plan, entryText)
}

// nodeEntryFile gives the module of a handler's entry, as it is in the source.
func (s *source) nodeEntryFile(plan *Plan) string {
	if plan.TypeScript != "" {
		return plan.TypeScript
	}
	file, _ := s.entryFile(plan.Entry, plan.Language)
	return file
}

// nodeCompile plans for what is TypeScript.
func (s *source) nodeCompile(plan *Plan, pkg *packageFile) {
	for _, file := range s.nodeModules(plan) {
		if isTypeScript(file) {
			plan.Node.Modules = append(plan.Node.Modules, Compiled{file, s.typescriptOutput(file, pkg)})
		}
	}
	if plan.TypeScript == "" {
		return
	}
	plan.Output = s.typescriptOutput(plan.TypeScript, pkg)
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
		plan.Entry = entryOf(plan.Output, export)
	}
}

// nodeModules lists the scripts of a folder of functions.
func (s *source) nodeModules(plan *Plan) []string {
	switch plan.Dialect {
	case dayfly.DialectVercel, dayfly.DialectNetlify:
		return s.functionFiles(plan.Entry)
	case dayfly.DialectAzure:
		return append(s.azureModules(), s.azureScripts()...)
	}
	return nil
}

var (
	usesDeno    = regexp.MustCompile(`\bDeno\.\w`)
	usesBun     = regexp.MustCompile(`\bBun\.\w`)
	standInName = regexp.MustCompile(`['"](cloudflare:workers|@azure/functions|@netlify/functions|@vercel/functions)['"]`)
)

// nodeConfigure leaves for the guest what it cannot find out by itself.
func (s *source) nodeConfigure(plan *Plan, text string) {
	if plan.Contract != dayfly.ContractHandler {
		return
	}
	config := nodeConfig{}
	for _, m := range plan.Node.Modules {
		if config.Built == nil {
			config.Built = map[string]string{}
		}
		config.Built[m.Source] = m.Output
		text += s.read(m.Source)
	}
	if plan.Node.Modules == nil {
		for _, file := range s.nodeModules(plan) {
			text += s.read(file)
		}
	}
	for _, match := range standInName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(config.Modules, match[1]) {
			config.Modules = append(config.Modules, match[1])
		}
	}
	switch plan.Dialect {
	case dayfly.DialectFetch:
		s.fetchConfig(plan, &config, text)
	case dayfly.DialectNetlify:
		config.Netlify = s.netlifyConfig()
	case dayfly.DialectAzure:
		config.Azure = s.azureConfig(plan)
	case dayfly.DialectOpenWhisk:
		config.OpenWhisk = s.whiskConfig()
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
func (s *source) nodeFolder(plan *Plan) *packageFile {
	dir := path.Dir(plan.Entry)
	if plan.Contract != dayfly.ContractHandler || dir == "." || !s.has(path.Join(dir, "package.json")) {
		return nil
	}
	pkg, problems := s.packageFile(path.Join(dir, "package.json"))
	if len(problems) > 0 {
		return nil
	}
	plan.Node.Folder = dir
	return pkg
}

func (s *source) nodeInstall(plan *Plan, pkg *packageFile) {
	below := func(name string) string { return path.Join(plan.Node.Folder, name) }
	plan.Locked = s.has(below("package-lock.json")) || s.has(below("npm-shrinkwrap.json"))
	if !plan.Locked {
		s.nodeManager(plan, pkg)
	}
	installed := s.hasFolder(below("node_modules"))
	if pkg.needsInstall() && !installed {
		plan.Install = InstallNpm
	}
	if pkg.Scripts["build"] != "" && !installed && s.startsBuilt(plan, pkg) {
		plan.Install, plan.Script = InstallNpm, "build"
	}
	s.planBuilt(plan, pkg)
}

var yarnPath = regexp.MustCompile(`(?m)^yarnPath:\s*["']?([\w./-]+)`)

// nodeManager chooses the package manager by packageManager of package.json, else by
// the lock file.
func (s *source) nodeManager(plan *Plan, pkg *packageFile) {
	locks := map[string]string{"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock"}
	named, _, _ := strings.Cut(pkg.PackageManager, "@")
	for _, name := range []string{"pnpm", "yarn"} {
		if s.has(path.Join(plan.Node.Folder, locks[name])) && (named == name || named == "" || plan.Node.Manager == "") {
			plan.Node.Manager = name
		}
	}
	if match := yarnPath.FindStringSubmatch(s.read(".yarnrc.yml")); match != nil && plan.Node.Manager == "yarn" {
		if script := path.Clean(match[1]); s.has(script) {
			plan.Node.Yarn = script
		}
	}
	for _, lock := range []string{"bun.lock", "bun.lockb"} {
		if s.has(path.Join(plan.Node.Folder, lock)) && plan.Node.Manager == "" {
			plan.notice(lock + " is not used: npm resolves the versions; a package-lock.json pins them")
		}
	}
}

// startsBuilt tells whether what is to run is only there after the build script.
func (s *source) startsBuilt(plan *Plan, pkg *packageFile) bool {
	if plan.Contract == dayfly.ContractHandler || plan.TypeScript != "" {
		return false // esbuild compiles what is needed
	}
	for _, word := range plan.Command {
		if withSuffix(".js", ".mjs", ".cjs")(word) && !s.has(word) {
			return true
		}
	}
	return pkg.Scripts["prestart"] == "" && len(plan.Command) > 0 &&
		strings.HasPrefix(plan.Command[0], "node_modules/.bin/")
}

// onlyModules is what CommonJS cannot say: import.meta, and await outside a function.
var onlyModules = regexp.MustCompile(`\bimport\.meta\b|` +
	`(?m)^(?:export\s+)?(?:(?:const|let|var)\s+[^\n=]+=\s*)?await\b`)

// typescriptOutput names the compiled module: beside its source, so that relative
// paths mean the same, unless a module of that name is there already.
func (s *source) typescriptOutput(file string, pkg *packageFile) string {
	suffix := ".cjs"
	isModule := pkg != nil && pkg.Type == "module" && path.Ext(file) != ".cts"
	if isModule || path.Ext(file) == ".mts" || onlyModules.MatchString(stripScript(s.read(file))) {
		suffix = ".mjs"
	}
	stem := strings.TrimSuffix(file, path.Ext(file))
	for _, taken := range []string{"", ".js", ".mjs", ".cjs"} {
		if s.has(stem + taken) {
			return path.Join(".dayfly/build", stem+suffix)
		}
	}
	return stem + suffix
}
