// SPDX-License-Identifier: Apache-2.0

package look

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// LanguageOf guesses whose interpreter a command needs.
func (s *Source) LanguageOf(words []string) toolchain.Language {
	line := " " + strings.Join(words, " ") + " "
	base := path.Base(words[0])
	switch {
	case strings.HasPrefix(base, "python"), strings.Contains(line, ".py "), IsPythonTool(base):
		return toolchain.Python
	case base == "node", base == "npm", base == "npx", base == "next", strings.Contains(line, "js "):
		return toolchain.Node
	case base == "java", strings.Contains(line, ".jar "):
		return toolchain.Java
	case base == "ruby", isRubyTool(base), strings.Contains(line, ".rb "):
		return toolchain.Ruby
	case base == "php", strings.Contains(line, ".php "), strings.Contains(line, " php-"), strings.Contains(line, "vendor/bin/"):
		return toolchain.PHP
	case base == "dotnet":
		return toolchain.DotNet
	case base == "mono":
		return toolchain.Mono
	}
	if _, script := s.Executable(strings.TrimPrefix(words[0], "./")); script {
		first, _, _ := strings.Cut(s.Read(strings.TrimPrefix(words[0], "./")), "\n")
		if language, ok := Shebang(first); ok {
			return language
		}
	}
	switch {
	case s.Has("package.json"):
		return toolchain.Node
	case s.Has("requirements.txt"), s.Has("pyproject.toml"):
		return toolchain.Python
	case s.Has("Gemfile"):
		return toolchain.Ruby
	case s.Has("composer.json"):
		return toolchain.PHP
	case s.Has("pom.xml"), s.Has("build.gradle"), s.Has("build.gradle.kts"):
		return toolchain.Java
	}
	return toolchain.Native
}

// isRubyTool tells whether a command is one that gems bring.
func isRubyTool(name string) bool {
	return slices.Contains([]string{"bundle", "rackup", "puma", "rails", "unicorn", "thin", "rake"}, name)
}

// IsPythonTool tells whether a command is one that Python packages bring.
func IsPythonTool(name string) bool {
	return slices.Contains([]string{
		"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "streamlit",
		"fastapi", "granian", "uwsgi", "functions-framework-python", "chalice", "sanic", "litestar",
	}, name)
}

// Shebang gives the language of the interpreter in the first line of a script.
func Shebang(line string) (toolchain.Language, bool) {
	switch {
	case strings.Contains(line, "python"):
		return toolchain.Python, true
	case strings.Contains(line, "node"):
		return toolchain.Node, true
	case strings.Contains(line, "ruby"):
		return toolchain.Ruby, true
	case strings.Contains(line, "php"):
		return toolchain.PHP, true
	}
	return "", false
}

// FastCGIWorkers is how many calls at once a FastCGI program gets, each in a process of
// its own, where nothing else is said; php-fpm has five, and a processor serves some four.
const FastCGIWorkers = 4

// FastCGI gives the command of our own server before a FastCGI program: root is the folder
// of the files beside it, empty for none.
func FastCGI(root string, program ...string) []string {
	command := []string{"dayfly", "guest", "fastcgi"}
	if root != "" {
		command = append(command, "--root", root)
	}
	return append(command, program...)
}

// StaticCommand is the command that serves a folder of files. A fallback is the file for
// paths that are not there, for applications that route in the browser.
func StaticCommand(folder, fallback string) []string {
	command := []string{"dayfly", "guest", "static"}
	if fallback != "" {
		command = append(command, "--fallback="+fallback)
	}
	return append(command, folder)
}
