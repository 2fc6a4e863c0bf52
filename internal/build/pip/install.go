// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"io/fs"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

var (
	pyVersion = grep.Of(`^\s*(?:python-)?(3\.\d+)(?:\.\d+)?\s*$`)
	pyExact   = grep.Of(`^\s*(?:==|~=)\s*(3\.\d+)`)
	pyNeeds   = grep.Of(`(?m)^[^#\s]`)
)

// Finish adds what pip installs and which Python is asked for.
func Finish(s *look.Source, plan *look.Plan) {
	for _, name := range []string{".python-version", "runtime.txt"} {
		first, _, _ := strings.Cut(s.Read(name), "\n")
		if match := pyVersion.FindStringSubmatch(first); match != nil && plan.Version == "" {
			plan.Version = match[1]
		}
	}
	if version := s.ToolVersion("python"); plan.Version == "" && version != "" {
		if match := pyVersion.FindStringSubmatch(version); match != nil {
			plan.Version = match[1]
		}
	}
	beside := path.Join(path.Dir(plan.Entry), "requirements.txt")
	switch {
	case s.Has("requirements.txt"):
		requirements(s, plan, "requirements.txt")
	case (plan.Dialect == dayfly.DialectOpenFaaS || plan.Dialect == dayfly.DialectOpenWhisk) && s.Has(beside):
		requirements(s, plan, beside)
	case s.Has("pyproject.toml"):
		pyproject(s, plan)
		pythonLock(s, plan)
	case s.Has("Pipfile"):
		pipfile(s, plan)
		pythonLock(s, plan)
	case s.Has("setup.py"):
		plan.Install, plan.Project = look.InstallPip, true
	}
	if pythonNeeds(s, "python-fasthtml") && !s.Has(fastHTMLKey) {
		plan.SessionKey = fastHTMLKey
	}
	plan.Command = pythonCommand(plan.Command, plan.Install == look.InstallPip)
	plan.Compile = plan.Install == look.InstallPip || size(s, look.Suffixed(".py")) > compileBytesMin
}

func requirements(s *look.Source, plan *look.Plan, file string) {
	if pyNeeds.MatchString(s.Read(file)) {
		plan.Install = look.InstallPip
		plan.Requirements = []string{file}
	}
}

// compileBytesMin is how much Python is left to be compiled at each cold start: 64 KiB
// take about 15 ms, a box for compiling takes 150 ms of every first deploy.
const compileBytesMin = 64 << 10

// size gives how many bytes the files take that a test takes.
func size(s *look.Source, take func(string) bool) int64 {
	total := int64(0)
	for _, name := range s.Walk(".", take) {
		if info, err := fs.Stat(s.Files, name); err == nil {
			total += info.Size()
		}
	}
	return total
}

// fastHTMLKey is where FastHTML keeps the key that it signs sessions with.
const fastHTMLKey = ".sesskey"

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
	case !installed, name == "dayfly", strings.Contains(name, "/"), strings.HasPrefix(name, "python"):
		return words
	case look.IsPythonTool(name):
		return append([]string{pythonBin + "/" + name}, words[1:]...)
	}
	return append([]string{"/bin/sh", "-c", path + `exec "$0" "$@"`}, words...)
}

// unsupportedKind is what is wrong with a dependency from git, a path or a URL.
const unsupportedKind = " is of a kind that is not supported; put it into requirements.txt"

// pyproject reads dependencies of PEP 621 or Poetry. A project that is itself a
// package is installed, so that its modules can be imported from everywhere.
func pyproject(s *look.Source, plan *look.Plan) {
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
			UV uvTable `toml:"uv"`
		} `toml:"tool"`
	}
	if err := look.ReadTOML(s.Read("pyproject.toml"), &file); err != nil {
		plan.Notice("pyproject.toml cannot be read and is not used: " + err.Error())
		return
	}
	match := pyExact.FindStringSubmatch(file.Project.RequiresPython)
	if match != nil && plan.Version == "" {
		plan.Version = match[1]
	}
	for _, requirement := range file.Project.Dependencies {
		placed, ok := file.Tool.UV.place(s, requirement)
		if !ok {
			plan.Notice("pyproject.toml: " + requirement + unsupportedKind)
			continue
		}
		plan.Packages = append(plan.Packages, placed)
	}
	for _, name := range look.SortedKeys(file.Tool.Poetry.Dependencies) {
		if name == "python" {
			continue
		}
		requirement, ok := poetryRequirement(name, file.Tool.Poetry.Dependencies[name])
		if !ok {
			plan.Notice("the Poetry dependency " + name + unsupportedKind)
			continue
		}
		plan.Packages = append(plan.Packages, requirement)
	}
	isPoetry := len(file.Tool.Poetry.Dependencies) > 0
	plan.Project = len(file.BuildSystem) > 0 && s.HasFolder("src") && !isPoetry
	if len(plan.Packages) > 0 || plan.Project {
		plan.Install = look.InstallPip
	}
}

// pipfile reads the packages of a Pipfile.
func pipfile(s *look.Source, plan *look.Plan) {
	var file struct {
		Packages map[string]any `toml:"packages"`
		Requires struct {
			Version string `toml:"python_version"`
		} `toml:"requires"`
	}
	if err := look.ReadTOML(s.Read("Pipfile"), &file); err != nil {
		plan.Notice("Pipfile cannot be read and is not used: " + err.Error())
		return
	}
	if plan.Version == "" && pyVersion.MatchString(file.Requires.Version) {
		plan.Version = file.Requires.Version
	}
	for _, name := range look.SortedKeys(file.Packages) {
		requirement, ok := poetryRequirement(name, file.Packages[name])
		if !ok {
			plan.Notice("the Pipfile's package " + name + unsupportedKind)
			continue
		}
		plan.Packages = append(plan.Packages, requirement)
	}
	if len(plan.Packages) > 0 {
		plan.Install = look.InstallPip
		if !s.Has("Pipfile.lock") {
			plan.Notice("pip resolves the Pipfile's versions; a Pipfile.lock pins them")
		}
	}
}

var plainVersion = grep.Of(`^\d+(?:\.\d+)*$`)

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
