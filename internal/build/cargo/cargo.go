// SPDX-License-Identifier: Apache-2.0

package cargo

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

var (
	rustMain   = grep.Of(`(?m)^\s*(?:pub\s+)?(?:async\s+)?fn\s+main\s*\(`)
	rustServes = grep.Of(`\bTcpListener::(?:bind|from_std)|\bHttpServer::new|#\[launch\]|` +
		`\brocket::build\(|\bwarp::serve\(|\btiny_http::Server::http|\brouille::start_server`)
	rustChannel = grep.Of(`(?m)^\s*(?:channel\s*=\s*")?(\d+\.\d+)(?:\.\d+)?"?\s*$`)
	rustNames   = grep.Of(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$`)
)

// rustServers are crates whose use means that the program serves HTTP. Hyper is also
// what clients are built on: with it alone the code decides.
var rustServers = []string{
	"axum", "actix-web", "rocket", "warp", "tide", "poem", "salvo", "ntex", "tiny_http", "rouille",
	"gotham", "viz", "trillium",
}

// rustLambda are crates that poll the Lambda Runtime API.
var rustLambda = []string{"lambda_runtime", "lambda_http"}

// Crate is what matters of a Cargo.toml.
type Crate struct {
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

	Folder string
}

// rustBinsMax is how many programs, crates and patterns of a workspace are looked at.
const rustBinsMax = 100

// Bin is one program that cargo can build.
type Bin struct {
	Crate *Crate
	Name  string
	file  string
}

// Candidates looks for Rust.
func Candidates(s *look.Source) []look.Candidate {
	bin, problemText := Chosen(s)
	switch {
	case problemText != "":
		return []look.Candidate{look.Problem(problemText)}
	case bin == nil:
		return rustSingle(s)
	}
	c := rustProgram(s, rustText(s, bin), bin.Crate)
	c.File = bin.file
	return []look.Candidate{c}
}

// rustSingle is a source without Cargo.toml.
func rustSingle(s *look.Source) []look.Candidate {
	file := Single(s)
	if file == "" {
		return nil
	}
	c := rustProgram(s, s.Read(file), &Crate{})
	c.File = file
	return []look.Candidate{c}
}

// Single gives the only source of a folder without Cargo.toml.
func Single(s *look.Source) string {
	files := s.Names(".", look.Suffixed(".rs"))
	if s.Has("Cargo.toml") || len(files) == 0 {
		return ""
	}
	if slices.Contains(files, "main.rs") {
		return "main.rs"
	}
	if len(files) == 1 && rustMain.MatchString(s.Read(files[0])) {
		return files[0]
	}
	return ""
}

// rustProgram judges how the program of a crate is called.
func rustProgram(s *look.Source, text string, crate *Crate) look.Candidate {
	uses := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return crate.Dependencies[name] != nil })
	}
	var c look.Candidate
	switch {
	case uses(rustLambda):
		c = look.Runs(toolchain.Rust, look.Program)
		c.Contract = dayfly.ContractLambda
	case crate.Dependencies["rocket"] != nil:
		c = look.Server(toolchain.Rust, "/bin/sh", "-c",
			`ROCKET_ADDRESS=127.0.0.1 ROCKET_PORT="$PORT" exec `+look.Program)
	case uses(rustServers), rustServes.MatchString(text):
		c = look.Server(toolchain.Rust, look.Program)
	default:
		c = look.Runs(toolchain.Rust, look.Program)
	}
	c.Rank, c.Version = look.RankExported, rustVersion(s)
	if name := rustFramework(crate); name != "" {
		c.Notices = append(c.Notices, "the program uses "+name)
	}
	return c
}

func rustFramework(crate *Crate) string {
	for _, name := range append(slices.Clone(rustLambda), rustServers...) {
		if crate.Dependencies[name] != nil {
			return name
		}
	}
	return ""
}

// rustVersion reads the release that a rust-toolchain file asks for; channels such as
// stable mean whatever there is.
func rustVersion(s *look.Source) string {
	for _, name := range []string{"rust-toolchain.toml", "rust-toolchain"} {
		if match := rustChannel.FindStringSubmatch(s.Read(name)); match != nil {
			return match[1]
		}
	}
	return ""
}

// Chosen is the program: the one that Cargo.toml runs by default, or the only
// one. It is nil without a Cargo.toml; the text says why there is none to choose.
func Chosen(s *look.Source) (*Bin, string) {
	if !s.Has("Cargo.toml") {
		return nil, ""
	}
	root := cargo(s, ".")
	if root == nil {
		return nil, "Cargo.toml cannot be read as TOML"
	}
	bins, members := binsOf(s, root), members(s, root)
	if len(bins) == 0 {
		for _, member := range members {
			bins = append(bins, binsOf(s, member)...)
		}
	}
	switch {
	case len(bins) == 0:
		return nil, "the Rust source has no program: there is neither src/main.rs nor a [[bin]] " +
			"in Cargo.toml"
	case len(bins) == 1:
		return bins[0], ""
	}
	for _, choose := range []func(*Bin) bool{
		func(b *Bin) bool { return b.Name == b.Crate.Package.DefaultRun },
		func(b *Bin) bool { return len(members) == 0 && b.Name == b.Crate.Package.Name },
		func(b *Bin) bool { return slices.Contains([]string{"bootstrap", "server", "main", "app"}, b.Name) },
	} {
		if i := slices.IndexFunc(bins, choose); i >= 0 {
			return bins[i], ""
		}
	}
	var names []string
	for _, b := range bins[:min(len(bins), 5)] {
		names = append(names, b.Name)
	}
	return nil, "there are several Rust programs and none is the obvious one: " +
		strings.Join(names, ", ") + "; say default-run in Cargo.toml"
}

// cargo reads the Cargo.toml of a folder; nil when it cannot be used.
func cargo(s *look.Source, folder string) *Crate {
	file := &Crate{Folder: folder}
	text := s.Read(path.Join(folder, "Cargo.toml"))
	if text == "" || look.ReadTOML(text, file) != nil {
		return nil
	}
	return file
}

// members gives the crates of a workspace.
func members(s *look.Source, root *Crate) []*Crate {
	var list []*Crate
	patterns := root.Workspace.Members
	for _, pattern := range patterns[:min(len(patterns), rustBinsMax)] {
		folders := []string{path.Clean(pattern)}
		if dir, rest, _ := strings.Cut(pattern, "*"); rest == "" && dir != pattern {
			folders = s.Folders(path.Clean(dir))
		}
		for _, folder := range folders[:min(len(folders), rustBinsMax)] {
			if crate := cargo(s, folder); crate != nil && len(list) < rustBinsMax {
				list = append(list, crate)
			}
		}
	}
	return list
}

// binsOf gives the programs of a crate.
func binsOf(s *look.Source, crate *Crate) []*Bin {
	var list []*Bin
	add := func(name, file string) {
		known := func(b *Bin) bool { return b.Name == name || b.file == file }
		if rustNames.MatchString(name) && s.Has(file) && len(list) < rustBinsMax &&
			!slices.ContainsFunc(list, known) {
			list = append(list, &Bin{Crate: crate, Name: name, file: file})
		}
	}
	if !rustNames.MatchString(crate.Package.Name) {
		return nil
	}
	folder := path.Join(crate.Folder, "src/bin")
	for _, b := range crate.Bin[:min(len(crate.Bin), rustBinsMax)] {
		for _, file := range []string{b.Path, "src/bin/" + b.Name + ".rs", "src/main.rs"} {
			if file != "" {
				add(b.Name, path.Join(crate.Folder, file))
			}
		}
	}
	add(crate.Package.Name, path.Join(crate.Folder, "src/main.rs"))
	for _, file := range s.Names(folder, look.Suffixed(".rs")) {
		add(strings.TrimSuffix(path.Base(file), ".rs"), file)
	}
	inner := s.Folders(folder)
	for _, dir := range inner[:min(len(inner), rustBinsMax)] {
		add(path.Base(dir), path.Join(dir, "main.rs"))
	}
	return list
}

// rustText gives the sources of a crate, as one text.
func rustText(s *look.Source, bin *Bin) string {
	var text strings.Builder
	for _, name := range s.Walk(path.Join(bin.Crate.Folder, "src"), look.Suffixed(".rs")) {
		text.WriteString(s.Read(name))
	}
	if !strings.HasPrefix(bin.file, path.Join(bin.Crate.Folder, "src")+"/") {
		text.WriteString(s.Read(bin.file))
	}
	return text.String()
}

// Finish says how the program is compiled.
func Finish(s *look.Source, plan *look.Plan) {
	plan.Install = look.InstallRust
	bin, _ := Chosen(s)
	if bin == nil {
		plan.Rust = look.RustPlan{File: Single(s)}
		return
	}
	plan.Rust = look.RustPlan{
		Folder: bin.Crate.Folder, Package: bin.Crate.Package.Name, Bin: bin.Name,
		Locked: s.Has("Cargo.lock") || s.Has(path.Join(bin.Crate.Folder, "Cargo.lock")),
	}
}
