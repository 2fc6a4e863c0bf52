// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/look"
)

// lockedArtifact is a file of a package, in the lock files that are TOML.
type lockedArtifact struct {
	Hash string `toml:"hash"`
}

func hashesOf(list []lockedArtifact) []string {
	var hashes []string
	for _, artifact := range list {
		if artifact.Hash != "" && !slices.Contains(hashes, artifact.Hash) {
			hashes = append(hashes, artifact.Hash)
		}
	}
	return hashes
}

// uvEdge is a dependency in uv.lock.
type uvEdge struct {
	Name, Version, Marker string
	Extra                 []string
}

func uvEdges(list []uvEdge) []lockEdge {
	var edges []lockEdge
	for _, e := range list {
		edges = append(edges, lockEdge{name: normalName(e.Name), version: e.Version,
			marker: withoutExtra(e.Marker), extras: e.Extra})
	}
	return edges
}

// readUV reads uv.lock: a graph whose edges have the markers. The project is a package
// of it.
func readUV(text string, _ []string) (lockFile, error) {
	var file struct {
		Packages []struct {
			Name, Version string
			Source        struct{ Registry, URL, Git, Path, Directory, Editable, Virtual string }
			Dependencies  []uvEdge
			Optional      map[string][]uvEdge `toml:"optional-dependencies"`
			Sdist         lockedArtifact
			Wheels        []lockedArtifact
		} `toml:"package"`
	}
	if err := decodeTOML(text, &file); err != nil {
		return lockFile{}, err
	}
	var lock lockFile
	for _, p := range file.Packages {
		member := p.Source.Virtual + p.Source.Editable + p.Source.Directory
		if member == "." && p.Source.Directory == "" {
			lock.roots = append(lock.roots, uvEdges(p.Dependencies)...)
			continue
		}
		one := &locked{name: normalName(p.Name), version: p.Version, url: p.Source.URL,
			hashes: hashesOf(append(p.Wheels, p.Sdist)), edges: uvEdges(p.Dependencies),
			folder: member, virtual: p.Source.Virtual != "",
			unsupported: p.Source.Registry == "" && p.Source.URL == "" && member == "",
			extras:      map[string][]lockEdge{}}
		for extra, list := range p.Optional {
			one.extras[normalName(extra)] = uvEdges(list)
		}
		lock.packages = append(lock.packages, one)
	}
	return lock, nil
}

// readPoetry reads poetry.lock. Since version 2 its packages name their groups and have
// their markers; before, the project's requirements lead to them.
func readPoetry(text string, requirements []string) (lockFile, error) {
	var file struct {
		Packages []struct {
			Name, Version string
			Optional      bool
			Groups        []string
			Markers       any
			Files         []lockedArtifact
			Dependencies  map[string]any
			Extras        map[string][]string
			Source        struct{ Type, URL string }
		} `toml:"package"`
		Metadata struct {
			Files map[string][]lockedArtifact `toml:"files"`
		} `toml:"metadata"`
	}
	if err := decodeTOML(text, &file); err != nil {
		return lockFile{}, err
	}
	lock := lockFile{roots: edgesOf(requirements)}
	for _, p := range file.Packages {
		lock.whole = lock.whole || len(p.Groups) > 0
	}
	for _, p := range file.Packages {
		if lock.whole && (p.Optional || !slices.Contains(p.Groups, "main")) {
			continue
		}
		one := &locked{name: normalName(p.Name), version: p.Version,
			hashes: hashesOf(append(p.Files, file.Metadata.Files[p.Name]...))}
		switch p.Source.Type {
		case "", "legacy":
		case "url":
			one.url = p.Source.URL
		default:
			one.unsupported = true
		}
		if lock.whole {
			one.marker = mainMarker(p.Markers)
		} else {
			one.edges, one.extras = poetryEdges(p.Dependencies, p.Extras)
		}
		lock.packages = append(lock.packages, one)
	}
	return lock, nil
}

// mainMarker reads a package's markers: one for all groups, or one for each.
func mainMarker(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		text, _ := v["main"].(string)
		return text
	}
	return ""
}

// poetryEdges reads the dependencies of a package; the optional ones belong to extras.
func poetryEdges(list map[string]any, named map[string][]string) ([]lockEdge, map[string][]lockEdge) {
	var edges []lockEdge
	optional := map[string]lockEdge{}
	for _, name := range look.SortedKeys(list) {
		variants, isList := list[name].([]any)
		if !isList {
			variants = []any{list[name]}
		}
		for _, variant := range variants {
			edge := lockEdge{name: normalName(name)}
			table, _ := variant.(map[string]any)
			marker, _ := table["markers"].(string)
			edge.marker = withoutExtra(marker)
			extras, _ := table["extras"].([]any)
			for _, extra := range extras {
				text, _ := extra.(string)
				edge.extras = append(edge.extras, text)
			}
			if isOptional, _ := table["optional"].(bool); isOptional {
				optional[edge.name] = edge
				continue
			}
			edges = append(edges, edge)
		}
	}
	extras := map[string][]lockEdge{}
	for extra, list := range named {
		for _, wanted := range edgesOf(list) {
			if edge, ok := optional[wanted.name]; ok {
				extras[normalName(extra)] = append(extras[normalName(extra)], edge)
			}
		}
	}
	return edges, extras
}

// readPDM reads pdm.lock, whose packages name their groups and have their markers.
func readPDM(text string, requirements []string) (lockFile, error) {
	var file struct {
		Packages []struct {
			Name, Version, Marker string
			Groups, Dependencies  []string
			Extras                []string
			Files                 []lockedArtifact
			Git, Path, URL        string
			Editable              bool
		} `toml:"package"`
	}
	if err := decodeTOML(text, &file); err != nil {
		return lockFile{}, err
	}
	lock := lockFile{roots: edgesOf(requirements)}
	byName := map[string]*locked{}
	for _, p := range file.Packages {
		lock.whole = lock.whole || len(p.Groups) > 0
	}
	for _, p := range file.Packages {
		if lock.whole && !slices.Contains(p.Groups, "default") {
			continue
		}
		name := normalName(p.Name)
		if have := byName[name]; have != nil && (len(p.Extras) > 0 || have.version == p.Version) {
			have.edges = append(have.edges, edgesOf(p.Dependencies)...)
			continue // the same package once more, for its extras
		}
		one := &locked{name: name, version: p.Version, marker: p.Marker, hashes: hashesOf(p.Files),
			edges: edgesOf(p.Dependencies), unsupported: p.Git+p.Path != "" || p.Editable}
		if strings.HasPrefix(p.URL, "https://") {
			one.url = p.URL
		}
		byName[name] = one
		lock.packages = append(lock.packages, one)
	}
	return lock, nil
}
