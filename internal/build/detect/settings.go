// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"regexp"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/gomod"
	"github.com/dayfly-faas/dayfly/internal/build/jvm"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/npm"
	"github.com/dayfly-faas/dayfly/internal/build/nuget"
	"github.com/dayfly-faas/dayfly/internal/build/pip"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// command plans for the command in the settings.
func command(s *look.Source, wanted toolchain.Language) (*look.Plan, error) {
	words := s.Settings.Command
	c := look.Server(wanted, words...)
	if isWasmCommand(words) || wantsWasm(s) {
		c = wasmModule(append([]string{path.Clean(words[0])}, words[1:]...)...)
	}
	if s.Settings.Contract != "" {
		c.Contract = dayfly.Contract(s.Settings.Contract)
	}
	if c.Contract == dayfly.ContractHandler {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"the handler contract takes an entry, not a command; use contract http or stdio")
	}
	if c.Language == "" {
		c.Language = s.LanguageOf(words)
	}
	if strings.HasPrefix(words[0], "./") && !s.Has(strings.TrimPrefix(words[0], "./")) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "command %q is not in the source", words[0])
	}
	if c.Language == toolchain.Go {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"a Go source is compiled to one program; leave the command out").
			WithHint("say runtime native for a program of your own")
	}
	return accept(c), nil
}

// entry plans for the entry in the settings, which must be in the source.
func entry(s *look.Source, wanted toolchain.Language) (*look.Plan, error) {
	given := s.Settings.Entry
	if s.Settings.Contract != "" && s.Settings.Contract != string(dayfly.ContractHandler) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the %s contract takes a command, not an entry",
			s.Settings.Contract)
	}
	if strings.Contains(given, "..") || path.IsAbs(given) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "entry %q must be a module below the code", given)
	}
	if c, ok := gomod.Entry(s, wanted); ok {
		return accept(c), nil
	}
	if c, ok := nuget.Entry(s, given, wanted); ok {
		return accept(c), nil
	}
	if c, ok, err := jvm.Entry(s, given, wanted); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return accept(c), nil
	}
	if c, ok, err := scriptedEntry(s, given, wanted); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return accept(c), nil
	}
	file, export := s.EntryFile(given, wanted)
	if file == "" {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "entry %q names no module in the source", given).
			WithHint("an entry is MODULE.EXPORT, the module a file below the code without its suffix: " +
				"app.handler is handler in app.py, app.js or app.ts")
	}
	c, err := entryCandidate(s, file, export)
	if err != nil {
		return nil, err
	}
	plan := accept(c)
	plan.Entry = given
	if npm.IsTypeScript(file) || strings.HasSuffix(given, path.Ext(file)) {
		plan.Entry = look.EntryOf(file, export)
	}
	return plan, nil
}

// entryCandidate checks an export by the module's text, and finds its dialect.
func entryCandidate(s *look.Source, file, export string) (look.Candidate, error) {
	language := toolchain.Node
	var found []look.Candidate
	seen := false
	if path.Ext(file) == ".py" {
		language = toolchain.Python
		text := pip.Strip(s.Read(file))
		seen = export == "" || pip.Exports(text, export)
		found = pip.Module(s, file, false)
	} else {
		text := look.StripScript(s.Read(file))
		first, _, _ := strings.Cut(export, ".")
		seen = export == "" || export == "default" ||
			regexp.MustCompile(`\b`+regexp.QuoteMeta(first)+`\b`).MatchString(text)
		found = npm.Module(s, file)
	}
	if !seen {
		return look.Candidate{}, dayfly.Errorf(dayfly.KindInvalid,
			"%s does not seem to export %s", file, export).WithHint("check the entry; it is MODULE.EXPORT")
	}
	c := look.Handler(language, dayfly.Dialect(s.Settings.Dialect), file, export)
	for _, other := range found {
		same := other.Export == export || export == "default" && other.Export == ""
		if c.Dialect == "" && other.Problem == "" && same && other.Contract == dayfly.ContractHandler {
			c.Dialect = other.Dialect
		}
	}
	if c.Dialect == "" {
		c.Dialect = dayfly.DialectLambda
		c.Notices = []string{"the shape of " + look.EntryOf(file, export) +
			" is taken for lambda; say dialect if it is another"}
	}
	return c, nil
}
