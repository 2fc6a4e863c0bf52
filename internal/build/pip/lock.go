// SPDX-License-Identifier: Apache-2.0

package pip

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
)

// Bounds of lock files, which are longer than what people write by hand.
const (
	lockPackagesMax = 5000
	lockEdgesMax    = 200_000 // of all packages together
	markersMax      = 20      // that one package is needed under
	// markerBytesMax is where a marker that was put together of many is given up: its
	// package is installed whatever the platform.
	markerBytesMax = 2000
)

// lockedFile is what pip is given of a lock file.
const lockedFile = ".dayfly-requirements.txt"

// locked is one package of a lock file.
type locked struct {
	name, version, marker string
	hashes                []string
	url                   string // when it comes from one
	folder                string // when it is a part of the source
	virtual               bool   // it only needs others, and is none itself
	unsupported           bool   // from git or another folder
	edges                 []lockEdge
	extras                map[string][]lockEdge
}

// lockEdge is what one package needs of another.
type lockEdge struct {
	name, version, marker string
	extras                []string
}

// lockFile is a lock file in one form: the packages, and where to begin. Without roots
// every package is wanted, with its own marker.
type lockFile struct {
	packages []*locked
	roots    []lockEdge
	whole    bool
}

// pythonLock pins what pip installs to the versions of a lock file, with their hashes.
func pythonLock(s *look.Source, plan *look.Plan) {
	for _, form := range []struct {
		file string
		read func(string, []string) (lockFile, error)
	}{{"uv.lock", readUV}, {"poetry.lock", readPoetry}, {"pdm.lock", readPDM}, {"Pipfile.lock", readPipenv}} {
		if !s.Has(form.file) {
			continue
		}
		text := s.Read(form.file)
		if len(text) >= look.FileBytesMax || !look.Flat(text) {
			plan.Notice(form.file + " is too large and is not used: pip resolves the versions")
			return
		}
		lock, err := form.read(text, plan.Packages)
		if err != nil || len(lock.packages) > lockPackagesMax {
			plan.Notice(fmt.Sprintf("%s cannot be read and is not used: pip resolves the versions (%v)", form.file, err))
			return
		}
		pin(s, plan, form.file, lock)
		return
	}
	if plan.Install == look.InstallPip && s.Has("pyproject.toml") {
		plan.Notice("there is no lock file: pip resolves the versions")
	}
}

// pin writes the requirements of a lock file in place of those of the project.
func pin(s *look.Source, plan *look.Plan, file string, lock lockFile) {
	lines := []string{}
	for _, p := range lock.wanted() {
		switch {
		case p.virtual:
			continue
		case p.unsupported, p.folder != "" && !isProject(s, p.folder):
			plan.Notice(file + ": " + p.name + unsupportedKind)
			continue
		case len(p.hashes) == 0 && p.folder == "":
			plan.Notice(file + " has no hash of " + p.name + ": no hash is checked")
		}
		lines = append(lines, p.requirement())
	}
	if len(lines) == 0 {
		plan.Notice(file + " is not used: it pins nothing that the project needs")
		return
	}
	unhashed := slices.ContainsFunc(lines, func(line string) bool { return !strings.Contains(line, " --hash=") })
	if unhashed || plan.Project { // pip checks all or none, and a folder has no hash
		for i, line := range lines {
			lines[i], _, _ = strings.Cut(line, " --hash=")
		}
	}
	plan.Install, plan.Packages, plan.Locked = look.InstallPip, nil, true
	plan.Requirements = []string{lockedFile}
	if plan.Extra == nil {
		plan.Extra = map[string]string{}
	}
	plan.Extra[lockedFile] = strings.Join(lines, "\n") + "\n"
	plan.Notice(fmt.Sprintf("the versions are those that %s pins (%d packages)", file, len(lines)))
}

// requirement is the package's line for pip.
func (p *locked) requirement() string {
	line := p.name + "==" + p.version
	if p.url != "" {
		line = p.name + " @ " + p.url
	}
	if p.folder != "" {
		line = "./" + p.folder
	}
	if p.marker != "" {
		line += " ; " + p.marker
	}
	for _, hash := range p.hashes {
		line += " --hash=" + hash
	}
	return strings.Join(strings.Fields(line), " ")
}

// wanted gives the packages that are reached from the roots, each with the marker under
// which it is.
func (l *lockFile) wanted() []*locked {
	if l.whole {
		return l.packages
	}
	byName := map[string][]*locked{}
	for _, p := range l.packages {
		byName[p.name] = append(byName[p.name], p)
	}
	g := &lockGraph{byName: byName, needs: map[*locked][]need{}, seen: map[string]bool{},
		markers: map[*locked]string{}}
	for _, edge := range l.roots {
		g.follow(nil, edge)
	}
	var found []*locked
	for _, p := range l.packages {
		if _, ok := g.needs[p]; ok {
			p.marker = g.marker(p)
			found = append(found, p)
		}
	}
	return found
}

// need is who needs a package and under which marker; a nil package is the project.
type need struct {
	by     *locked
	marker string
}

type lockGraph struct {
	byName map[string][]*locked
	needs  map[*locked][]need
	seen   map[string]bool
	edges  int
	// markers are those that are known; that of a package which is being asked for,
	// and so needs itself, is none.
	markers map[*locked]string
}

func (g *lockGraph) follow(by *locked, edge lockEdge) {
	for _, p := range g.byName[edge.name] {
		if g.edges++; g.edges > lockEdgesMax {
			return
		}
		if edge.version != "" && edge.version != p.version {
			continue
		}
		_, known := g.needs[p]
		g.needs[p] = append(g.needs[p], need{by, edge.marker})
		if !known {
			for _, next := range p.edges {
				g.follow(p, next)
			}
		}
		for _, extra := range edge.extras {
			key := p.name + "[" + extra + "]" + p.version
			if g.seen[key] {
				continue
			}
			g.seen[key] = true
			for _, next := range p.extras[normalName(extra)] {
				g.follow(p, next)
			}
		}
	}
}

// marker gives the marker of a package: any of its needs, each with that of who has it.
func (g *lockGraph) marker(p *locked) string {
	if known, ok := g.markers[p]; ok {
		return known
	}
	g.markers[p] = ""
	g.markers[p] = g.anyMarker(p)
	return g.markers[p]
}

func (g *lockGraph) anyMarker(p *locked) string {
	var any []string
	for _, n := range g.needs[p] {
		one := n.marker
		if n.by != nil {
			one = both(g.marker(n.by), one)
		}
		if one == "" {
			return ""
		}
		if !slices.Contains(any, one) {
			any = append(any, one)
		}
		if len(any) > markersMax {
			return ""
		}
	}
	text := strings.Join(any, " or ")
	if len(any) > 1 {
		text = "(" + strings.Join(any, ") or (") + ")"
	}
	if len(text) > markerBytesMax {
		return ""
	}
	return text
}

func both(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return "(" + a + ") and (" + b + ")"
}

var (
	nameRuns     = grep.Of(`[-_.]+`)
	extraMarker  = grep.Of(`\bextra\s*==\s*["'][^"']*["']`)
	requirement0 = grep.Of(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?$`)
)

// normalName gives a package's name as indexes compare it.
func normalName(name string) string { return strings.ToLower(nameRuns.ReplaceAllString(name, "-")) }

// edgeOf reads a requirement such as uvicorn[standard]>=0.2; python_version > "3".
func edgeOf(text string) (lockEdge, bool) {
	match := requirement0.FindStringSubmatch(text)
	if match == nil {
		return lockEdge{}, false
	}
	edge := lockEdge{name: normalName(match[1]), marker: withoutExtra(match[4])}
	for _, extra := range strings.Split(match[2], ",") {
		if extra = strings.TrimSpace(extra); extra != "" {
			edge.extras = append(edge.extras, extra)
		}
	}
	return edge, true
}

func edgesOf(list []string) []lockEdge {
	var edges []lockEdge
	for _, text := range list {
		if edge, ok := edgeOf(text); ok {
			edges = append(edges, edge)
		}
	}
	return edges
}

// withoutExtra takes away the part of a marker that asks for an extra: whoever follows
// the edge has it.
func withoutExtra(marker string) string {
	marker = strings.TrimSpace(marker)
	if !extraMarker.MatchString(marker) {
		return marker
	}
	parts := regexp.MustCompile(`\s+and\s+`).Split(marker, -1)
	parts = slices.DeleteFunc(parts, func(part string) bool {
		return strings.HasPrefix(strings.TrimLeft(part, "( "), "extra")
	})
	rest := strings.Join(parts, " and ")
	if strings.Contains(rest, "extra") || strings.Count(rest, "(") != strings.Count(rest, ")") {
		return ""
	}
	return rest
}

func decodeTOML(text string, into any) error {
	if err := toml.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("it is not TOML: %w", err)
	}
	return nil
}

// readPipenv reads Pipfile.lock, which has markers and all that is needed.
func readPipenv(text string, _ []string) (lockFile, error) {
	var file struct {
		Default map[string]struct {
			Version, Markers string
			Hashes           []string
			Git, Path, File  string
		} `json:"default"`
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return lockFile{}, fmt.Errorf("it is not JSON: %w", err)
	}
	lock := lockFile{whole: true}
	for name, p := range file.Default {
		lock.packages = append(lock.packages, &locked{
			name: normalName(name), version: strings.TrimPrefix(p.Version, "=="), marker: p.Markers,
			hashes: p.Hashes, unsupported: p.Version == "" || p.Git+p.Path+p.File != "",
		})
	}
	slices.SortFunc(lock.packages, func(a, b *locked) int { return strings.Compare(a.name, b.name) })
	return lock, nil
}
