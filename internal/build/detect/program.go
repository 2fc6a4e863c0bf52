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

// programNames are executables that are looked at, in this order.
var programNames = []string{
	"run", "run.sh", "main.sh", "handler.sh", "function.sh", "index.sh", "app.sh", "start.sh",
	"handler", "main", "app", "server", "start", "function", "bootstrap",
}

var scriptServes = regexp.MustCompile(
	`\$\{?PORT\b|ENV\[.PORT.\]|os\.environ.*PORT|process\.env\.PORT|getenv\(.PORT`)

// programs looks for executables and scripts that start by themselves.
func (s *source) programs() []candidate {
	names := s.present(programNames)
	if single := s.single(); single != "" && !slices.Contains(names, single) {
		names = append(names, single)
	}
	if len(names) == 0 {
		if scripts := s.names(".", withSuffix(".sh")); len(scripts) == 1 {
			names = scripts
		}
	}
	var found []candidate
	for _, name := range names {
		found = append(found, s.programFile(name)...)
	}
	return found
}

func (s *source) programFile(name string) []candidate {
	text := s.read(name)
	elf, script := s.executable(name)
	asks := strings.Contains(text, "AWS_LAMBDA_RUNTIME_API")
	switch {
	case elf && (asks || name == "bootstrap"):
		return []candidate{polls(toolchain.Native, "./"+name)}
	case script && (asks || name == "bootstrap" && !scriptServes.MatchString(text)):
		first, _, _ := strings.Cut(text, "\n")
		language, ok := shebangLanguage(first)
		if !ok {
			language = toolchain.Native
		}
		return []candidate{polls(language, "./"+name)}
	case elf:
		return []candidate{runs(toolchain.Native, "./"+name)}
	case script:
		first, _, _ := strings.Cut(text, "\n")
		language, ok := shebangLanguage(first)
		if !ok {
			language = toolchain.Native
		}
		if ok && withSuffix(append([]string{".py"}, scriptSuffixes...)...)(name) {
			return nil // judged as a module
		}
		return []candidate{programOf(language, text, name, "./"+name)}
	case path.Ext(name) == ".sh":
		return []candidate{programOf(toolchain.Native, text, name, "/bin/sh", name)}
	}
	return nil
}

// programOf is a server when its text speaks of $PORT, else a program for each call.
func programOf(language toolchain.Language, text, name string, command ...string) candidate {
	if scriptServes.MatchString(text) {
		c := server(language, command...)
		c.notices = []string{name + " speaks of $PORT: it is taken for a server"}
		return c
	}
	return runs(language, command...)
}

const aloneText = " cannot be deployed by this version; deploy the source it copies"

// others are files that tell what the source is, when it cannot be called.
func (s *source) others() []candidate {
	var found []candidate
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
		if s.has(other.file) {
			found = append(found, problem(other.text))
		}
	}
	return found
}

// entry plans for the entry in the settings, which must be in the source.
func (s *source) entry(wanted toolchain.Language) (*Plan, error) {
	given := s.settings.Entry
	if s.settings.Contract != "" && s.settings.Contract != string(dayfly.ContractHandler) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the %s contract takes a command, not an entry",
			s.settings.Contract)
	}
	if strings.Contains(given, "..") || path.IsAbs(given) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "entry %q must be a module below the code", given)
	}
	if plan, ok := s.goEntry(wanted); ok {
		return plan, nil
	}
	if c, ok := s.dotnetEntry(given, wanted); ok {
		return s.accept(c), nil
	}
	if c, ok, err := s.javaEntry(given, wanted); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return s.accept(c), nil
	}
	if c, ok, err := s.scriptedEntry(given, wanted); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return s.accept(c), nil
	}
	file, export := s.entryFile(given, wanted)
	if file == "" {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "entry %q names no module in the source", given).
			WithHint("an entry is MODULE.EXPORT, the module a file below the code without its suffix: " +
				"app.handler is handler in app.py, app.js or app.ts")
	}
	c, err := s.entryCandidate(file, export)
	if err != nil {
		return nil, err
	}
	plan := s.accept(c)
	plan.Entry = given
	if isTypeScript(file) || strings.HasSuffix(given, path.Ext(file)) {
		plan.Entry = entryOf(file, export)
	}
	return plan, nil
}

// entryFile finds the module of an entry: the longest part of it, cut at dots, that is
// one; what follows is the export.
func (s *source) entryFile(given string, wanted toolchain.Language) (file, export string) {
	module, export, hasColon := strings.Cut(given, ":")
	suffixes := append([]string{""}, scriptSuffixes...)
	suffixes = append(suffixes, ".py", "/__init__.py", "/index.js")
	for {
		for _, suffix := range suffixes {
			isPython := strings.HasSuffix(module+suffix, ".py")
			if wanted != "" && (wanted == toolchain.Python) != isPython {
				continue
			}
			name := module + suffix
			if isPython && suffix != "" {
				name = strings.ReplaceAll(module, ".", "/") + suffix
			}
			name = strings.TrimPrefix(path.Clean(name), "./")
			known := withSuffix(append([]string{".py"}, scriptSuffixes...)...)
			if known(name) && s.has(name) {
				return name, export
			}
		}
		dot := strings.LastIndexByte(module, '.')
		if dot <= 0 || hasColon {
			return "", ""
		}
		if export != "" {
			export = "." + export
		}
		module, export = module[:dot], module[dot+1:]+export
	}
}

// entryCandidate checks an export by the module's text, and finds its dialect.
func (s *source) entryCandidate(file, export string) (candidate, error) {
	language := toolchain.Node
	var found []candidate
	seen := false
	if path.Ext(file) == ".py" {
		language = toolchain.Python
		text := stripPython(s.read(file))
		seen = export == "" || pythonExports(text, export)
		found = s.pythonModule(file, false)
	} else {
		text := stripScript(s.read(file))
		first, _, _ := strings.Cut(export, ".")
		seen = export == "" || export == "default" ||
			regexp.MustCompile(`\b`+regexp.QuoteMeta(first)+`\b`).MatchString(text)
		found = s.nodeModule(file)
	}
	if !seen {
		return candidate{}, dayfly.Errorf(dayfly.KindInvalid,
			"%s does not seem to export %s", file, export).WithHint("check the entry; it is MODULE.EXPORT")
	}
	c := handler(language, dayfly.Dialect(s.settings.Dialect), file, export)
	for _, other := range found {
		same := other.export == export || export == "default" && other.export == ""
		if c.dialect == "" && other.problem == "" && same && other.contract == dayfly.ContractHandler {
			c.dialect = other.dialect
		}
	}
	if c.dialect == "" {
		c.dialect = dayfly.DialectLambda
		c.notices = []string{"the shape of " + entryOf(file, export) +
			" is taken for lambda; say dialect if it is another"}
	}
	return c, nil
}
