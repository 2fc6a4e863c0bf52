// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/composer"
	"github.com/dayfly-faas/dayfly/internal/build/gems"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// scriptedEntry plans for an entry in Ruby or PHP: MODULE.EXPORT, the module a file below
// the code without its suffix. It gives false when the entry names none.
func scriptedEntry(s *look.Source, given string, wanted toolchain.Language) (look.Candidate, bool, error) {
	suffixes := map[toolchain.Language][]string{
		toolchain.Ruby: {".rb", ".ru"}, toolchain.PHP: {".php"},
	}
	if wanted == "" {
		if file, _ := s.EntryFile(given, wanted); file != "" {
			return look.Candidate{}, false, nil // a module of the same name in another language
		}
	}
	for _, language := range []toolchain.Language{toolchain.Ruby, toolchain.PHP} {
		if wanted != "" && wanted != language {
			continue
		}
		file, export := scriptedFile(s, given, suffixes[language])
		if file == "" {
			continue
		}
		c, err := scriptedCandidate(s, language, file, export)
		return c, err == nil, err
	}
	return look.Candidate{}, false, nil
}

// scriptedFile finds the longest part of an entry, cut at dots, that is a file; the rest
// is the export.
func scriptedFile(s *look.Source, given string, suffixes []string) (file, export string) {
	words := strings.Split(strings.TrimPrefix(given, "./"), ".")
	for n := len(words); n > 0; n-- {
		module := strings.Join(words[:n], ".")
		export := strings.Join(words[n:], ".")
		if slices.Contains(suffixes, path.Ext(module)) && s.Has(module) {
			return module, export
		}
		for _, suffix := range suffixes {
			if s.Has(module + suffix) {
				return module + suffix, export
			}
		}
	}
	return "", ""
}

// scriptedCandidate checks an export by the module's text, and finds its dialect.
func scriptedCandidate(s *look.Source,
	language toolchain.Language, file, export string,
) (look.Candidate, error) {
	found := gems.Module(s, file)
	if language == toolchain.PHP {
		found = composer.Module(s, file, composer.Packages(s))
	}
	if export != "" && !gems.Exports(s.Read(file), export) {
		return look.Candidate{}, dayfly.Errorf(dayfly.KindInvalid,
			"%s does not seem to define %s", file, export).WithHint("check the entry; it is MODULE.EXPORT")
	}
	c := look.Handler(language, dayfly.Dialect(s.Settings.Dialect), file, export)
	if path.Ext(file) == ".ru" && c.Dialect == "" {
		c.Dialect = dayfly.DialectRack
	}
	for _, other := range found {
		if c.Dialect == "" && other.Export == export && other.Contract == dayfly.ContractHandler {
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
