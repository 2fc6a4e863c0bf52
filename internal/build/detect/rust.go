// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// RustPlan is what building Rust takes beside the rest of a plan.
type RustPlan struct {
	// Folder is where the Cargo.toml is that says what to build; "." for the root.
	Folder string
	// Package and Bin name the crate and its program, for cargo.
	Package, Bin string
	// Locked tells that Cargo.lock pins what cargo fetches.
	Locked bool
	// File is a single source that needs no cargo; empty otherwise.
	File string
}

var (
	rustMain   = regexp.MustCompile(`(?m)^\s*(?:pub\s+)?(?:async\s+)?fn\s+main\s*\(`)
	rustServes = regexp.MustCompile(`\bTcpListener::(?:bind|from_std)|\bHttpServer::new|#\[launch\]|` +
		`\brocket::build\(|\bwarp::serve\(|\btiny_http::Server::http|\brouille::start_server`)
	rustChannel = regexp.MustCompile(`(?m)^\s*(?:channel\s*=\s*")?(\d+\.\d+)(?:\.\d+)?"?\s*$`)
	rustNames   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$`)
)

// rustServers are crates whose use means that the program serves HTTP. Hyper is also
// what clients are built on: with it alone the code decides.
var rustServers = []string{
	"axum", "actix-web", "rocket", "warp", "tide", "poem", "salvo", "ntex", "tiny_http", "rouille",
	"gotham", "viz", "trillium",
}

// rustLambda are crates that poll the Lambda Runtime API.
var rustLambda = []string{"lambda_runtime", "lambda_http"}

// cargoFile is what matters of a Cargo.toml.
type cargoFile struct {
	Package struct {
		Name       string `toml:"name"`
		DefaultRun string `toml:"default-run"`
	} `toml:"package"`
	Bin []struct {
		Name string `toml:"name"`
		Path string `toml:"path"`
	} `toml:"bin"`
	Dependencies map[string]any `toml:"dependencies"`
	Workspace    struct {
		Members []string `toml:"members"`
	} `toml:"workspace"`

	folder string
}

// rustBinsMax is how many programs, crates and patterns of a workspace are looked at.
const rustBinsMax = 100

// rustBin is one program that cargo can build.
type rustBin struct {
	crate *cargoFile
	name  string
	file  string
}

// rust looks for Rust.
func (s *source) rust() []candidate {
	bin, problemText := s.rustBin()
	switch {
	case problemText != "":
		return []candidate{problem(problemText)}
	case bin == nil:
		return s.rustSingle()
	}
	c := s.rustProgram(s.rustText(bin), bin.crate)
	c.file = bin.file
	return []candidate{c}
}

// rustSingle is a source without Cargo.toml.
func (s *source) rustSingle() []candidate {
	file := s.rustFile()
	if file == "" {
		return nil
	}
	c := s.rustProgram(s.read(file), &cargoFile{})
	c.file = file
	return []candidate{c}
}

// rustFile gives the only source of a folder without Cargo.toml.
func (s *source) rustFile() string {
	files := s.names(".", withSuffix(".rs"))
	if s.has("Cargo.toml") || len(files) == 0 {
		return ""
	}
	if slices.Contains(files, "main.rs") {
		return "main.rs"
	}
	if len(files) == 1 && rustMain.MatchString(s.read(files[0])) {
		return files[0]
	}
	return ""
}

// rustProgram judges how the program of a crate is called.
func (s *source) rustProgram(text string, crate *cargoFile) candidate {
	uses := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return crate.Dependencies[name] != nil })
	}
	var c candidate
	switch {
	case uses(rustLambda):
		c = runs(toolchain.Rust, program)
		c.contract = dayfly.ContractLambda
	case crate.Dependencies["rocket"] != nil:
		c = server(toolchain.Rust, "/bin/sh", "-c",
			`ROCKET_ADDRESS=127.0.0.1 ROCKET_PORT="$PORT" exec `+program)
	case uses(rustServers), rustServes.MatchString(text):
		c = server(toolchain.Rust, program)
	default:
		c = runs(toolchain.Rust, program)
	}
	c.rank, c.version = rankExported, s.rustVersion()
	if name := s.rustFramework(crate); name != "" {
		c.notices = append(c.notices, "the program uses "+name)
	}
	return c
}

func (s *source) rustFramework(crate *cargoFile) string {
	for _, name := range append(slices.Clone(rustLambda), rustServers...) {
		if crate.Dependencies[name] != nil {
			return name
		}
	}
	return ""
}

// rustVersion reads the release that a rust-toolchain file asks for; channels such as
// stable mean whatever there is.
func (s *source) rustVersion() string {
	for _, name := range []string{"rust-toolchain.toml", "rust-toolchain"} {
		if match := rustChannel.FindStringSubmatch(s.read(name)); match != nil {
			return match[1]
		}
	}
	return ""
}

// rustBin chooses the program: the one that Cargo.toml runs by default, or the only
// one. It is nil without a Cargo.toml; the text says why there is none to choose.
func (s *source) rustBin() (*rustBin, string) {
	if !s.has("Cargo.toml") {
		return nil, ""
	}
	root := s.cargo(".")
	if root == nil {
		return nil, "Cargo.toml cannot be read as TOML"
	}
	bins, members := s.bins(root), s.members(root)
	if len(bins) == 0 {
		for _, member := range members {
			bins = append(bins, s.bins(member)...)
		}
	}
	switch {
	case len(bins) == 0:
		return nil, "the Rust source has no program: there is neither src/main.rs nor a [[bin]] " +
			"in Cargo.toml"
	case len(bins) == 1:
		return bins[0], ""
	}
	for _, choose := range []func(*rustBin) bool{
		func(b *rustBin) bool { return b.name == b.crate.Package.DefaultRun },
		func(b *rustBin) bool { return len(members) == 0 && b.name == b.crate.Package.Name },
		func(b *rustBin) bool { return slices.Contains([]string{"bootstrap", "server", "main", "app"}, b.name) },
	} {
		if i := slices.IndexFunc(bins, choose); i >= 0 {
			return bins[i], ""
		}
	}
	var names []string
	for _, b := range bins[:min(len(bins), 5)] {
		names = append(names, b.name)
	}
	return nil, "there are several Rust programs and none is the obvious one: " +
		strings.Join(names, ", ") + "; say default-run in Cargo.toml"
}

// cargo reads the Cargo.toml of a folder; nil when it cannot be used.
func (s *source) cargo(folder string) *cargoFile {
	file := &cargoFile{folder: folder}
	text := s.read(path.Join(folder, "Cargo.toml"))
	if text == "" || readTOML(text, file) != nil {
		return nil
	}
	return file
}

// members gives the crates of a workspace.
func (s *source) members(root *cargoFile) []*cargoFile {
	var list []*cargoFile
	patterns := root.Workspace.Members
	for _, pattern := range patterns[:min(len(patterns), rustBinsMax)] {
		folders := []string{path.Clean(pattern)}
		if dir, rest, _ := strings.Cut(pattern, "*"); rest == "" && dir != pattern {
			folders = s.folders(path.Clean(dir))
		}
		for _, folder := range folders[:min(len(folders), rustBinsMax)] {
			if crate := s.cargo(folder); crate != nil && len(list) < rustBinsMax {
				list = append(list, crate)
			}
		}
	}
	return list
}

// bins gives the programs of a crate.
func (s *source) bins(crate *cargoFile) []*rustBin {
	var list []*rustBin
	add := func(name, file string) {
		known := func(b *rustBin) bool { return b.name == name || b.file == file }
		if rustNames.MatchString(name) && s.has(file) && len(list) < rustBinsMax &&
			!slices.ContainsFunc(list, known) {
			list = append(list, &rustBin{crate: crate, name: name, file: file})
		}
	}
	if !rustNames.MatchString(crate.Package.Name) {
		return nil
	}
	folder := path.Join(crate.folder, "src/bin")
	for _, b := range crate.Bin[:min(len(crate.Bin), rustBinsMax)] {
		for _, file := range []string{b.Path, "src/bin/" + b.Name + ".rs", "src/main.rs"} {
			if file != "" {
				add(b.Name, path.Join(crate.folder, file))
			}
		}
	}
	add(crate.Package.Name, path.Join(crate.folder, "src/main.rs"))
	for _, file := range s.names(folder, withSuffix(".rs")) {
		add(strings.TrimSuffix(path.Base(file), ".rs"), file)
	}
	inner := s.folders(folder)
	for _, dir := range inner[:min(len(inner), rustBinsMax)] {
		add(path.Base(dir), path.Join(dir, "main.rs"))
	}
	return list
}

// rustText gives the sources of a crate, as one text.
func (s *source) rustText(bin *rustBin) string {
	var text strings.Builder
	for _, name := range s.walk(path.Join(bin.crate.folder, "src"), withSuffix(".rs")) {
		text.WriteString(s.read(name))
	}
	if !strings.HasPrefix(bin.file, path.Join(bin.crate.folder, "src")+"/") {
		text.WriteString(s.read(bin.file))
	}
	return text.String()
}

// finishRust says how the program is compiled.
func (s *source) finishRust(plan *Plan) {
	plan.Install = InstallRust
	bin, _ := s.rustBin()
	if bin == nil {
		plan.Rust = RustPlan{File: s.rustFile()}
		return
	}
	plan.Rust = RustPlan{
		Folder: bin.crate.folder, Package: bin.crate.Package.Name, Bin: bin.name,
		Locked: s.has("Cargo.lock") || s.has(path.Join(bin.crate.folder, "Cargo.lock")),
	}
}
