// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// membersMax is how many patterns and folders of a workspace are looked at.
const membersMax = 100

var (
	plainFolder = grep.Of(`^[A-Za-z0-9_][\w./-]*$`)
	scriptOf    = grep.Of(`^\s*([A-Za-z_][\w.]*):([A-Za-z_]\w*)\s*$`)
)

// uvTable is what uv keeps in pyproject.toml.
type uvTable struct {
	Sources   map[string]any `toml:"sources"`
	Workspace struct {
		Members []string `toml:"members"`
	} `toml:"workspace"`
}

// isProject tells whether a folder of the source is a package that pip can install.
func isProject(s *look.Source, folder string) bool {
	plain := plainFolder.MatchString(folder) && path.Clean(folder) == folder
	return plain && (s.Has(folder+"/pyproject.toml") || s.Has(folder+"/setup.py"))
}

// place puts the folder of the source in the place of a requirement that uv takes from
// there; false when it comes from where it cannot be had. Its name alone would mean
// whatever an index has under it.
func (t *uvTable) place(s *look.Source, requirement string) (string, bool) {
	edge, ok := edgeOf(requirement)
	if !ok {
		return requirement, true
	}
	for name, value := range t.Sources {
		table, isTable := value.(map[string]any)
		if normalName(name) != edge.name || !isTable || table["index"] != nil {
			continue
		}
		folder, _ := table["path"].(string)
		if table["workspace"] == true {
			folder = t.member(s, edge.name)
		}
		folder = path.Clean(folder)
		return "./" + folder, isProject(s, folder)
	}
	return requirement, true
}

// member finds the folder of a workspace's package; "" when it has none of that name.
func (t *uvTable) member(s *look.Source, name string) string {
	patterns := t.Workspace.Members
	for _, pattern := range patterns[:min(len(patterns), membersMax)] {
		folders := []string{path.Clean(pattern)}
		if dir, rest, isPattern := strings.Cut(pattern, "*"); isPattern && rest == "" {
			folders = s.Folders(path.Clean(dir))
		}
		for _, folder := range folders[:min(len(folders), membersMax)] {
			if normalName(projectOf(s, folder).Name) == name {
				return folder
			}
		}
	}
	return ""
}

// projectTable is what the project says of itself in pyproject.toml.
type projectTable struct {
	Name    string            `toml:"name"`
	Scripts map[string]string `toml:"scripts"`
}

func projectOf(s *look.Source, folder string) projectTable {
	var file struct {
		Project projectTable `toml:"project"`
	}
	if look.ReadTOML(s.Read(path.Join(folder, "pyproject.toml")), &file) != nil {
		return projectTable{} // as if it were not there
	}
	return file.Project
}

// projectScript is the program that pyproject.toml names: the only one, or that of the
// project's own name.
func projectScript(s *look.Source) []look.Candidate {
	project := projectOf(s, ".")
	target := project.Scripts[project.Name]
	if len(project.Scripts) == 1 {
		for _, target = range project.Scripts {
		}
	}
	match := scriptOf.FindStringSubmatch(target)
	if match == nil {
		return nil
	}
	run := []string{"python", "-c", "from " + match[1] + " import " + match[2] + "; raise SystemExit(" + match[2] + "())"}
	c := look.Runs(toolchain.Python, run...)
	module := strings.ReplaceAll(match[1], ".", "/")
	files := s.Present([]string{module + ".py", module + "/__init__.py", "src/" + module + ".py",
		"src/" + module + "/__init__.py"})
	if slices.ContainsFunc(files, func(name string) bool { return pyServer.MatchString(Strip(s.Read(name))) }) {
		c = look.Server(toolchain.Python, run...)
	}
	c.Notices = []string{"the program is " + strings.TrimSpace(target) + ", by pyproject.toml's scripts"}
	return []look.Candidate{c}
}
