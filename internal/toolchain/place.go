// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// executablesMax bounds how many programs are looked at; a machine with every version
// of everything has about a hundred.
const executablesMax = 400

// executable is a program that may be a runtime.
type executable struct {
	language Language
	path     string // links resolved
	source   string
	size     int64
	modified int64 // nanoseconds
}

// place is where runtimes of a language may be; * stands for any name.
type place struct {
	language Language
	source   string
	pattern  string // absolute, or below a home folder
}

// places lists where to look, the host's own first.
func places() []place {
	return []place{
		{Python, "distribution", "/usr/bin/python3"},
		{Python, "distribution", "/usr/bin/python3.*"},
		{Node, "distribution", "/usr/bin/node"},
		{Node, "distribution", "/usr/bin/nodejs"},
		{Go, "distribution", "/usr/bin/go"},
		{Go, "distribution", "/usr/lib/go*/bin/go"},
		{Python, "local", "/usr/local/bin/python3"},
		{Python, "local", "/usr/local/bin/python3.*"},
		{Python, "local", "/usr/local/python*/bin/python3"},
		{Node, "local", "/usr/local/bin/node"},
		{Node, "n", "/usr/local/n/versions/node/*/bin/node"},
		{Go, "local", "/usr/local/go/bin/go"},
		{Python, "opt", "/opt/python*/bin/python3"},
		{Python, "opt", "/opt/python/*/bin/python3"},
		{Node, "opt", "/opt/node*/bin/node"},
		{Go, "opt", "/opt/go*/bin/go"},
		{Python, "pyenv", "/opt/pyenv/versions/*/bin/python3"},
		{Python, "pyenv", ".pyenv/versions/*/bin/python3"},
		{Python, "asdf", ".asdf/installs/python/*/bin/python3"},
		{Python, "mise", ".local/share/mise/installs/python/*/bin/python3"},
		{Python, "uv", ".local/share/uv/python/*/bin/python3"},
		{Python, "home", ".local/bin/python3"},
		{Python, "home", ".local/bin/python3.*"},
		{Node, "nvm", ".nvm/versions/node/*/bin/node"},
		{Node, "nvm", ".config/nvm/versions/node/*/bin/node"},
		{Node, "fnm", ".local/share/fnm/node-versions/*/installation/bin/node"},
		{Node, "fnm", ".fnm/node-versions/*/installation/bin/node"},
		{Node, "volta", ".volta/tools/image/node/*/bin/node"},
		{Node, "asdf", ".asdf/installs/nodejs/*/bin/node"},
		{Node, "mise", ".local/share/mise/installs/node/*/bin/node"},
		{Node, "n", "n/n/versions/node/*/bin/node"},
		{Node, "home", ".local/bin/node"},
		{Go, "asdf", ".asdf/installs/golang/*/go/bin/go"},
		{Go, "mise", ".local/share/mise/installs/go/*/bin/go"},
		{Go, "home", "sdk/go*/bin/go"},
		{Go, "home", ".local/go/bin/go"},

		{Java, "distribution", "/usr/lib/jvm/*/bin/java"},
		{Java, "opt", "/opt/java*/bin/java"},
		{Java, "opt", "/opt/jdk*/bin/java"},
		{Java, "sdkman", ".sdkman/candidates/java/*/bin/java"},
		{Java, "asdf", ".asdf/installs/java/*/bin/java"},
		{Java, "mise", ".local/share/mise/installs/java/*/bin/java"},
		{Ruby, "distribution", "/usr/bin/ruby"},
		{Ruby, "distribution", "/usr/bin/ruby*.*"},
		{Ruby, "local", "/usr/local/bin/ruby"},
		{Ruby, "rbenv", ".rbenv/versions/*/bin/ruby"},
		{Ruby, "rvm", ".rvm/rubies/*/bin/ruby"},
		{Ruby, "asdf", ".asdf/installs/ruby/*/bin/ruby"},
		{Ruby, "mise", ".local/share/mise/installs/ruby/*/bin/ruby"},
		{PHP, "distribution", "/usr/bin/php"},
		{PHP, "distribution", "/usr/bin/php*.*"},
		{PHP, "local", "/usr/local/bin/php"},
		{DotNet, "distribution", "/usr/lib/dotnet/dotnet"},
		{DotNet, "distribution", "/usr/share/dotnet/dotnet"},
		{DotNet, "opt", "/opt/dotnet/dotnet"},
		{DotNet, "home", ".dotnet/dotnet"},
		{Mono, "distribution", "/usr/bin/mono"},
		{Mono, "distribution", "/usr/bin/mono-sgen"},
		{Rust, "distribution", "/usr/bin/rustc"},
		{Rust, "distribution", "/usr/lib/rust-*/bin/rustc"},
		{Rust, "rustup", ".rustup/toolchains/*/bin/rustc"},
	}
}

// executables gives what is at the places, each once, in their order.
func (c Config) executables() []executable {
	var list []executable
	add := func(language Language, source, file string) {
		found, ok := inspect(language, file)
		same := func(e executable) bool { return e.path == found.path }
		if !ok || len(list) >= executablesMax || slices.ContainsFunc(list, same) {
			return
		}
		found.source = source
		list = append(list, found)
	}
	for _, place := range places() {
		for _, root := range c.roots(place.pattern) {
			// A pattern that does not parse cannot occur: they are constants.
			files, _ := filepath.Glob(filepath.Join(root, place.pattern))
			slices.SortFunc(files, func(a, b string) int { return compareVersions(b, a) })
			for _, file := range files {
				add(place.language, place.source, file)
			}
		}
	}
	for _, folder := range filepath.SplitList(c.Path) {
		if filepath.IsAbs(folder) && !strings.Contains(folder, "/shims") {
			for _, l := range languages() {
				add(l.name, "path", filepath.Join(folder, l.path))
			}
		}
	}
	return list
}

func (c Config) roots(pattern string) []string {
	if filepath.IsAbs(pattern) {
		return []string{c.Root + "/"}
	}
	return c.Homes
}

// inspect resolves links and takes only real programs: a script is a shim.
func inspect(language Language, file string) (executable, bool) {
	real, err := filepath.EvalSymlinks(file)
	known, ok := describe(language)
	if err != nil || !ok || !known.program.MatchString(filepath.Base(real)) {
		return executable{}, false
	}
	info, err := os.Stat(real)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return executable{}, false
	}
	f, err := os.Open(real)
	if err != nil {
		return executable{}, false
	}
	defer f.Close()
	head := make([]byte, 2)
	if _, err := f.Read(head); err != nil || string(head) == "#!" {
		return executable{}, false
	}
	return executable{
		language: language, path: real, size: info.Size(), modified: info.ModTime().UnixNano(),
	}, true
}

// prefixes gives what of the host a sandbox must see beside /usr for the program to
// run. Where the prefix is shared with other things, as ~/.local is, only the parts
// that are the runtime's are named.
func prefixes(language Language, path, prefix, minor string) []string {
	if real, err := filepath.EvalSymlinks(prefix); err == nil {
		prefix = real
	}
	if prefix == "/usr" || strings.HasPrefix(prefix, "/usr/") {
		return nil
	}
	if !isShared(prefix) {
		if !strings.HasPrefix(path, prefix+"/") {
			return []string{prefix, path}
		}
		return []string{prefix}
	}
	if language == Python {
		return []string{path, filepath.Join(prefix, "lib", "python"+minor)}
	}
	return []string{path}
}

func isShared(prefix string) bool {
	switch filepath.Base(prefix) {
	case ".local", "opt", "root", "/", "bin", "lib", "share":
		return true
	}
	parent := filepath.Dir(prefix)
	return parent == "/" || parent == "/home"
}
