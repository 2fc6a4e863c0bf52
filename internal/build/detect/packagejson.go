// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"encoding/json"
	"regexp"
	"slices"
)

// packageFile is what matters of a package.json.
type packageFile struct {
	Main            string            `json:"main"`
	Type            string            `json:"type"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Optional        map[string]string `json:"optionalDependencies"`
	Engines         map[string]string `json:"engines"`
	PackageManager  string            `json:"packageManager"`
}

// packageJSON reads the source's package.json; nil when there is none that can be read.
func (s *source) packageJSON() (*packageFile, []candidate) {
	return s.packageFile("package.json")
}

func (s *source) packageFile(name string) (*packageFile, []candidate) {
	text := s.read(name)
	if text == "" {
		return nil, nil
	}
	// Fields of an unexpected form are left out one by one.
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, []candidate{problem(name + " cannot be read: " + err.Error())}
	}
	pkg := &packageFile{}
	for key, into := range map[string]any{
		"main": &pkg.Main, "type": &pkg.Type, "scripts": &pkg.Scripts,
		"dependencies": &pkg.Dependencies, "devDependencies": &pkg.DevDependencies,
		"optionalDependencies": &pkg.Optional, "engines": &pkg.Engines,
		"packageManager": &pkg.PackageManager,
	} {
		if value, ok := raw[key]; ok {
			_ = json.Unmarshal(value, into) // of another form: as if it were not there
		}
	}
	return pkg, nil
}

// has tells whether the application depends on a package, in whichever way.
func (p *packageFile) has(name string) bool {
	return p.Dependencies[name] != "" || p.DevDependencies[name] != ""
}

func (p *packageFile) needsInstall() bool {
	return len(p.Dependencies)+len(p.Optional) > 0
}

var enginesMajor = regexp.MustCompile(`^\s*[\^~=v]*\s*(\d+)(?:\.(?:\d+|x|\*))*\s*$`)

// nodeVersion gives the version of Node that the source asks for, if it is one.
func (s *source) nodeVersion(pkg *packageFile) string {
	for _, name := range []string{".nvmrc", ".node-version"} {
		if match := enginesMajor.FindStringSubmatch(s.read(name)); match != nil {
			return match[1]
		}
	}
	if version := s.toolVersion("nodejs", "node"); version != "" {
		if match := enginesMajor.FindStringSubmatch(version); match != nil {
			return match[1]
		}
	}
	if pkg != nil {
		if match := enginesMajor.FindStringSubmatch(pkg.Engines["node"]); match != nil {
			return match[1]
		}
	}
	return ""
}

var toolLine = regexp.MustCompile(`(?m)^\s*([\w-]+)\s+v?(\S+)`)

// toolVersion reads .tool-versions, of asdf and mise.
func (s *source) toolVersion(names ...string) string {
	for _, match := range toolLine.FindAllStringSubmatch(s.read(".tool-versions"), -1) {
		if slices.Contains(names, match[1]) {
			return match[2]
		}
	}
	return ""
}
