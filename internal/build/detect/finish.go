// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// finish adds what has to be installed and compiled, and which runtime is asked for.
func (s *source) finish(plan *Plan) {
	switch plan.Language {
	case toolchain.Python:
		s.finishPython(plan)
	case toolchain.Node:
		s.finishNode(plan)
	case toolchain.Go:
		folder, _, _ := s.goPackage(s.goFiles("."))
		s.planGo(plan, folder)
	case toolchain.Java:
		s.finishJava(plan)
	case toolchain.Ruby:
		s.finishRuby(plan)
	case toolchain.PHP:
		s.finishPHP(plan)
	case toolchain.DotNet, toolchain.Mono:
		s.finishDotNet(plan)
	case toolchain.Rust:
		s.finishRust(plan)
	case toolchain.Wasm:
		s.finishWasm(plan)
	}
	if s.has("Dockerfile") {
		plan.notice("the Dockerfile is not used: the source is built and run directly")
	}
	if language, version := toolchain.ParseName(s.settings.Runtime); language != "" {
		plan.Version = version
	}
}

var (
	pyVersion = regexp.MustCompile(`^\s*(?:python-)?(3\.\d+)(?:\.\d+)?\s*$`)
	pyExact   = regexp.MustCompile(`^\s*(?:==|~=)\s*(3\.\d+)`)
	pyNeeds   = regexp.MustCompile(`(?m)^[^#\s]`)
)

func (s *source) finishPython(plan *Plan) {
	for _, name := range []string{".python-version", "runtime.txt"} {
		first, _, _ := strings.Cut(s.read(name), "\n")
		if match := pyVersion.FindStringSubmatch(first); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	if version := s.toolVersion("python"); plan.Version == "" && version != "" {
		if match := pyVersion.FindStringSubmatch(version); match != nil {
			plan.Version = match[1]
		}
	}
	switch {
	case s.has("requirements.txt"):
		if pyNeeds.MatchString(s.read("requirements.txt")) {
			plan.Install = InstallPip
			plan.Requirements = []string{"requirements.txt"}
		}
	case s.has("pyproject.toml"):
		s.pyproject(plan)
	case s.has("Pipfile"):
		s.pipfile(plan)
	case s.has("setup.py"):
		plan.Install, plan.Project = InstallPip, true
	}
	plan.Command = pythonCommand(plan.Command, plan.Install == InstallPip)
	plan.Compile = plan.Install == InstallPip || s.size(withSuffix(".py")) > compileBytesMin
}

// compileBytesMin is how much Python is left to be compiled at each cold start: 64 KiB
// take about 15 ms, a box for compiling takes 150 ms of every first deploy.
const compileBytesMin = 64 << 10

// size gives how many bytes the files take that a test takes.
func (s *source) size(take func(string) bool) int64 {
	total := int64(0)
	for _, name := range s.walk(".", take) {
		if info, err := fs.Stat(s.files, name); err == nil {
			total += info.Size()
		}
	}
	return total
}

// pythonBin is where pip puts programs.
const pythonBin = ".dayfly/python/bin"

// pythonCommand makes a command find what pip installed.
func pythonCommand(words []string, installed bool) []string {
	if len(words) == 0 {
		return words
	}
	name, path := words[0], "PATH=$PWD/"+pythonBin+":$PATH; export PATH; "
	switch {
	case installed && name == "/bin/sh" && len(words) == 3 && words[1] == "-c":
		return []string{name, words[1], path + words[2]}
	case !installed, strings.Contains(name, "/"), strings.HasPrefix(name, "python"):
		return words
	case isPythonTool(name):
		return append([]string{pythonBin + "/" + name}, words[1:]...)
	}
	return append([]string{"/bin/sh", "-c", path + `exec "$0" "$@"`}, words...)
}

func readTOML(text string, into any) error {
	if !parsable(text) {
		return errors.New("it is too large or nested too deeply")
	}
	return toml.Unmarshal([]byte(text), into)
}

// unsupportedKind is what is wrong with a dependency from git, a path or a URL.
const unsupportedKind = " is of a kind that is not supported; put it into requirements.txt"

// pyproject reads dependencies of PEP 621 or Poetry. A project that is itself a
// package is installed, so that its modules can be imported from everywhere.
func (s *source) pyproject(plan *Plan) {
	var file struct {
		BuildSystem map[string]any `toml:"build-system"`
		Project     struct {
			Dependencies   []string `toml:"dependencies"`
			RequiresPython string   `toml:"requires-python"`
		} `toml:"project"`
		Tool struct {
			Poetry struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"poetry"`
		} `toml:"tool"`
	}
	if err := readTOML(s.read("pyproject.toml"), &file); err != nil {
		plan.notice("pyproject.toml cannot be read and is not used: " + err.Error())
		return
	}
	match := pyExact.FindStringSubmatch(file.Project.RequiresPython)
	if match != nil && plan.Version == "" {
		plan.Version = match[1]
	}
	plan.Packages = slices.Clone(file.Project.Dependencies)
	for _, name := range sortedKeys(file.Tool.Poetry.Dependencies) {
		if name == "python" {
			continue
		}
		requirement, ok := poetryRequirement(name, file.Tool.Poetry.Dependencies[name])
		if !ok {
			plan.notice("the Poetry dependency " + name + unsupportedKind)
			continue
		}
		plan.Packages = append(plan.Packages, requirement)
	}
	isPoetry := len(file.Tool.Poetry.Dependencies) > 0
	plan.Project = len(file.BuildSystem) > 0 && s.hasFolder("src") && !isPoetry
	if len(plan.Packages) > 0 || plan.Project {
		plan.Install = InstallPip
	}
	for _, lock := range []string{"uv.lock", "poetry.lock", "pdm.lock"} {
		if s.has(lock) && plan.Install == InstallPip {
			plan.notice(lock + " is not used: pip resolves the versions; " +
				"export a requirements.txt to pin them")
		}
	}
}

// pipfile reads the packages of a Pipfile.
func (s *source) pipfile(plan *Plan) {
	var file struct {
		Packages map[string]any `toml:"packages"`
		Requires struct {
			Version string `toml:"python_version"`
		} `toml:"requires"`
	}
	if err := readTOML(s.read("Pipfile"), &file); err != nil {
		plan.notice("Pipfile cannot be read and is not used: " + err.Error())
		return
	}
	if plan.Version == "" && pyVersion.MatchString(file.Requires.Version) {
		plan.Version = file.Requires.Version
	}
	for _, name := range sortedKeys(file.Packages) {
		requirement, ok := poetryRequirement(name, file.Packages[name])
		if !ok {
			plan.notice("the Pipfile's package " + name + unsupportedKind)
			continue
		}
		plan.Packages = append(plan.Packages, requirement)
	}
	if len(plan.Packages) > 0 {
		plan.Install = InstallPip
		plan.notice("pip resolves the Pipfile's versions; export a requirements.txt to pin them")
	}
}

var plainVersion = regexp.MustCompile(`^\d+(?:\.\d+)*$`)

// poetryRequirement turns a dependency of Poetry or Pipenv into one of pip's.
func poetryRequirement(name string, value any) (string, bool) {
	extras := ""
	if table, ok := value.(map[string]any); ok {
		if list, ok := table["extras"].([]any); ok {
			var words []string
			for _, item := range list {
				word, _ := item.(string)
				words = append(words, word)
			}
			extras = "[" + strings.Join(words, ",") + "]"
		}
		if value, ok = table["version"]; !ok {
			return "", false // from git, a path or a URL
		}
	}
	version, ok := value.(string)
	version = strings.TrimSpace(version)
	switch {
	case !ok || strings.Contains(version, "||"):
		return "", false
	case version == "*" || version == "":
		return name + extras, true
	case strings.HasPrefix(version, "^"):
		return caret(name+extras, version[1:])
	case strings.HasPrefix(version, "~") && !strings.HasPrefix(version, "~="):
		return name + extras + "~=" + padded(version[1:]), plainVersion.MatchString(version[1:])
	case plainVersion.MatchString(version):
		return name + extras + "==" + version, true
	}
	return name + extras + version, strings.ContainsAny(version[:1], "<>=!~")
}

// caret allows what does not change the first number that is not zero.
func caret(name, version string) (string, bool) {
	if !plainVersion.MatchString(version) {
		return "", false
	}
	parts := strings.Split(version, ".")
	upper := make([]string, 0, len(parts))
	for i, part := range parts {
		if part != "0" || i == len(parts)-1 {
			upper = append(upper, increment(part))
			break
		}
		upper = append(upper, part)
	}
	return name + ">=" + version + ",<" + strings.Join(upper, "."), true
}

// increment adds one to a number in decimal digits.
func increment(digits string) string {
	out := []byte(digits)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] < '9' {
			out[i]++
			return string(out)
		}
		out[i] = '0'
	}
	return "1" + string(out)
}

// padded gives a version two numbers at least, as ~= needs.
func padded(version string) string {
	if !strings.Contains(version, ".") {
		return version + ".0"
	}
	return version
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (s *source) finishNode(plan *Plan) {
	pkg, _ := s.packageJSON()
	if plan.Version == "" {
		plan.Version = s.nodeVersion(pkg)
	}
	if pkg != nil {
		s.nodeInstall(plan, pkg)
	}
	if plan.TypeScript == "" || plan.Script != "" {
		plan.TypeScript = ""
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

func (s *source) nodeInstall(plan *Plan, pkg *packageFile) {
	plan.Locked = s.has("package-lock.json") || s.has("npm-shrinkwrap.json")
	for _, lock := range []string{"pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"} {
		if s.has(lock) && !plan.Locked {
			plan.notice(lock + " is not used: npm resolves the versions; a package-lock.json pins them")
		}
	}
	installed := s.hasFolder("node_modules")
	if pkg.needsInstall() && !installed {
		plan.Install = InstallNpm
	}
	isBuilt := pkg.framework() != ""
	if pkg.Scripts["build"] != "" && !installed && (isBuilt || s.startsBuilt(plan, pkg)) {
		plan.Install, plan.Script = InstallNpm, "build"
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
