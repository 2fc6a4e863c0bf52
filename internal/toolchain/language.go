// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Language is what a runtime runs.
type Language string

// The languages.
const (
	Python Language = "python"
	Node   Language = "node"
	Go     Language = "go"
	Java   Language = "java"
	Ruby   Language = "ruby"
	PHP    Language = "php"
	DotNet Language = "dotnet"
	Mono   Language = "mono"
	Rust   Language = "rust"
	Native Language = "native" // any executable; no interpreter
	Wasm   Language = "wasm"   // WASI modules; the runtime is ours
)

// language is what finding the runtimes of a language takes.
type language struct {
	name Language
	// program tells a runtime from what only carries its name, such as the ELF shims
	// of some version managers or python3-config. Links are resolved before.
	program *regexp.Regexp
	// words are how users call it, in lower case.
	words []string
	// major is set when programs are compatible within a major version: "20", not "3.11".
	major bool
	// compiler is set when the runtime is only needed to build: the result is native.
	compiler bool
	// path names the program in folders of $PATH.
	path string
	// question are the arguments that make the program tell its version.
	question []string
	// env is what the question needs beside the usual.
	env []string
	// read finds version and prefix in the answer.
	read func(program string, text []byte) (answer, error)
	// install says how it gets onto a machine; %s is the version.
	install string
}

// languages lists them in the order in which people see them. Nobody may change the list.
var languages = sync.OnceValue(func() []language {
	return []language{
		{
			name: Python, program: regexp.MustCompile(`^python3?(\.\d+)?$`), path: "python3",
			words: []string{"python", "py", "cpython"},
			// -I and -S keep Python from running what a user or site configured.
			question: []string{"-I", "-S", "-c", `import sys, json, platform
print(json.dumps({"version": platform.python_version(), "prefix": sys.base_prefix}))`},
			read:    readJSON,
			install: "pyenv install %s, uv python install %s or the distribution's packages",
		}, {
			name: Node, program: regexp.MustCompile(`^node(js)?$`), path: "node", major: true,
			words: []string{"node", "nodejs", "node.js"},
			question: []string{"-p", `JSON.stringify({version: process.versions.node,
prefix: require("path").dirname(require("path").dirname(process.execPath))})`},
			read:    readJSON,
			install: "nvm install %s, fnm install %s or the distribution's packages",
		}, {
			name: Go, program: regexp.MustCompile(`^go$`), path: "go", compiler: true,
			words:    []string{"go", "golang"},
			question: []string{"env", "-json", "GOVERSION", "GOROOT"}, read: readGo,
			env:     []string{"GOTOOLCHAIN=local", "GOENV=off", "GOCACHE=off"},
			install: "golang.org/dl/go%s or the distribution's packages",
		}, {
			name: Java, program: regexp.MustCompile(`^java$`), path: "java", major: true,
			words: []string{"java", "jdk", "openjdk", "corretto"}, question: []string{"--version"},
			read:    readVersion(regexp.MustCompile(`(?m)^(?:openjdk|java) (\d+(?:\.\d+)*)`)),
			install: "apt install openjdk-%s-jdk-headless, sdk install java or the distribution's packages",
		}, {
			name: Ruby, program: regexp.MustCompile(`^ruby(\d+\.\d+)?$`), path: "ruby",
			words: []string{"ruby", "rb"},
			question: []string{"--disable-gems", "-rrbconfig", "-e",
				`print %({"version":"#{RUBY_VERSION}","prefix":"#{RbConfig::CONFIG["prefix"]}"})`},
			read:    readJSON,
			install: "apt install ruby, rbenv install %s or the distribution's packages",
		}, {
			name: PHP, program: regexp.MustCompile(`^php(\d+\.\d+)?$`), path: "php", words: []string{"php"},
			question: []string{"-n", "-r",
				`echo json_encode(["version" => PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION.".".PHP_RELEASE_VERSION, ` +
					`"prefix" => dirname(PHP_BINDIR)]);`},
			read: readJSON, install: "apt install php-cli php-cgi or the distribution's packages",
		}, {
			name: DotNet, program: regexp.MustCompile(`^dotnet$`), path: "dotnet", major: true,
			words: []string{"dotnet", "dotnetcore", "net", ".net"}, question: []string{"--version"},
			env: []string{"DOTNET_CLI_HOME=/tmp", "DOTNET_NOLOGO=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1",
				"DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1"},
			read:    readVersion(regexp.MustCompile(`(?m)^(\d+\.\d+\.\d+)`)),
			install: "apt install dotnet-sdk-%s from the packages of its maker",
		}, {
			name: Mono, program: regexp.MustCompile(`^mono(-sgen)?$`), path: "mono",
			words: []string{"mono"}, question: []string{"--version"},
			read:    readVersion(regexp.MustCompile(`version (\d+\.\d+(?:\.\d+)*)`)),
			install: "apt install mono-mcs mono-runtime",
		}, {
			name: Rust, program: regexp.MustCompile(`^rustc$`), path: "rustc", compiler: true,
			words: []string{"rust", "rustc", "cargo"}, question: []string{"-vV"},
			read:    readVersion(regexp.MustCompile(`(?m)^release: (\d+\.\d+\.\d+(?:-\w+)?)`)),
			install: "rustup toolchain install %s or apt install cargo",
		},
	}
})

// describe gives the language of that name; Native and Wasm have no entry.
func describe(name Language) (language, bool) {
	for _, l := range languages() {
		if l.name == name {
			return l, true
		}
	}
	return language{}, false
}

// IsCompiler tells that the language's runtime is needed to build only: what it makes
// runs as native.
func (l Language) IsCompiler() bool {
	found, _ := describe(l)
	return found.compiler
}

// readJSON reads the answer of a program that was asked for JSON.
func readJSON(_ string, text []byte) (answer, error) {
	var got answer
	err := json.Unmarshal(text, &got)
	return got, err
}

func readGo(_ string, text []byte) (answer, error) {
	var env struct{ GOVERSION, GOROOT string }
	if err := json.Unmarshal(text, &env); err != nil {
		return answer{}, err
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(env.GOVERSION, "go"), " ")
	return answer{Version: version, Prefix: env.GOROOT}, nil
}

// readVersion reads a version out of a text for people. The prefix is the folder above
// the program's, or the program's own when that is not called bin.
func readVersion(pattern *regexp.Regexp) func(string, []byte) (answer, error) {
	return func(program string, text []byte) (answer, error) {
		found := pattern.FindSubmatch(text)
		if found == nil {
			return answer{}, errors.New("there is no version in the answer")
		}
		prefix := filepath.Dir(program)
		if filepath.Base(prefix) == "bin" {
			prefix = filepath.Dir(prefix)
		}
		version := string(found[1])
		if !strings.Contains(version, ".") {
			version = fmt.Sprintf("%s.0", version)
		}
		return answer{Version: version, Prefix: prefix}, nil
	}
}
