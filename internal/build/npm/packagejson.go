// SPDX-License-Identifier: Apache-2.0

package npm

import (
	"encoding/json"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
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
	Workspaces      any               `json:"workspaces"` // folders of packages that are linked
}

// packageJSON reads the source's package.json; nil when there is none that can be read.
func packageJSON(s *look.Source) (*packageFile, []look.Candidate) {
	return readPackage(s, "package.json")
}

func readPackage(s *look.Source, name string) (*packageFile, []look.Candidate) {
	text := s.Read(name)
	if text == "" {
		return nil, nil
	}
	// Fields of an unexpected form are left out one by one.
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, []look.Candidate{look.Problem(name + " cannot be read: " + err.Error())}
	}
	pkg := &packageFile{}
	for key, into := range map[string]any{
		"main": &pkg.Main, "type": &pkg.Type, "scripts": &pkg.Scripts,
		"dependencies": &pkg.Dependencies, "devDependencies": &pkg.DevDependencies,
		"optionalDependencies": &pkg.Optional, "engines": &pkg.Engines,
		"packageManager": &pkg.PackageManager, "workspaces": &pkg.Workspaces,
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
	return len(p.Dependencies)+len(p.Optional) > 0 || p.Workspaces != nil
}

var enginesMajor = grep.Of(`^\s*[\^~=v]*\s*(\d+)(?:\.(?:\d+|x|\*))*\s*$`)

// nodeVersion gives the version of Node that the source asks for, if it is one.
func nodeVersion(s *look.Source, pkg *packageFile) string {
	for _, name := range []string{".nvmrc", ".node-version"} {
		if match := enginesMajor.FindStringSubmatch(s.Read(name)); match != nil {
			return match[1]
		}
	}
	if version := s.ToolVersion("nodejs", "node"); version != "" {
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
