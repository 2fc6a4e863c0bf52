// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// programNames are executables that are looked at, in this order.
var programNames = []string{
	"run", "run.sh", "main.sh", "handler.sh", "function.sh", "index.sh", "app.sh", "start.sh",
	"handler", "main", "app", "server", "start", "function", "bootstrap",
}

var scriptServes = grep.Of(
	`\$\{?PORT\b|ENV\[.PORT.\]|os\.environ.*PORT|process\.env\.PORT|getenv\(.PORT`)

// programs looks for executables and scripts that start by themselves.
func programs(s *look.Source) []look.Candidate {
	names := s.Present(programNames)
	if single := s.Single(); single != "" && !slices.Contains(names, single) {
		names = append(names, single)
	}
	if len(names) == 0 {
		if scripts := s.Names(".", look.Suffixed(".sh")); len(scripts) == 1 {
			names = scripts
		}
	}
	var found []look.Candidate
	for _, name := range names {
		found = append(found, programFile(s, name)...)
	}
	return found
}

func programFile(s *look.Source, name string) []look.Candidate {
	text := s.Read(name)
	elf, script := s.Executable(name)
	asks := strings.Contains(text, "AWS_LAMBDA_RUNTIME_API")
	switch {
	case elf && (asks || name == "bootstrap"):
		return []look.Candidate{look.Polls(toolchain.Native, "./"+name)}
	case script && (asks || name == "bootstrap" && !scriptServes.MatchString(text)):
		first, _, _ := strings.Cut(text, "\n")
		language, ok := look.Shebang(first)
		if !ok {
			language = toolchain.Native
		}
		return []look.Candidate{look.Polls(language, "./"+name)}
	case elf:
		return []look.Candidate{look.Runs(toolchain.Native, "./"+name)}
	case script:
		first, _, _ := strings.Cut(text, "\n")
		language, ok := look.Shebang(first)
		if !ok {
			language = toolchain.Native
		}
		if ok && look.Suffixed(append([]string{".py"}, look.ScriptSuffixes...)...)(name) {
			return nil // judged as a module
		}
		return []look.Candidate{programOf(language, text, name, "./"+name)}
	case path.Ext(name) == ".sh":
		return []look.Candidate{programOf(toolchain.Native, text, name, "/bin/sh", name)}
	}
	return nil
}

// programOf is a server when its text speaks of $PORT, else a program for each call.
func programOf(language toolchain.Language, text, name string, command ...string) look.Candidate {
	if scriptServes.MatchString(text) {
		c := look.Server(language, command...)
		c.Notices = []string{name + " speaks of $PORT: it is taken for a server"}
		return c
	}
	return look.Runs(language, command...)
}

const aloneText = " cannot be deployed by this version; deploy the source it copies"

// others are files that tell what the source is, when it cannot be called.
func others(s *look.Source) []look.Candidate {
	var found []look.Candidate
	for _, other := range []struct {
		file, text string
	}{
		{"Gemfile", "nothing in the Ruby source can be called; looked for config.ru, an application, a handler and a server"},
		{"composer.json", "nothing in the PHP source can be called; looked for index.php, public/index.php and a handler"},
		{"mix.exs", "Elixir sources are not built by this version yet"},
		{"deno.json", "no module with Deno.serve or export default {fetch} was found; say entry to name one"},
		{"wrangler.toml", "wrangler.toml names no module that is in the source"},
		{"function.json", "an Azure function needs host.json in the folder above; deploy that folder"},
		{"Dockerfile", "a Dockerfile alone" + aloneText},
		{"Containerfile", "a Containerfile alone" + aloneText},
	} {
		if s.Has(other.file) {
			found = append(found, look.Problem(other.text))
		}
	}
	return found
}
