// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// scriptedEntry plans for an entry in Ruby or PHP: MODULE.EXPORT, the module a file below
// the code without its suffix. It gives false when the entry names none.
func (s *source) scriptedEntry(given string, wanted toolchain.Language) (candidate, bool, error) {
	suffixes := map[toolchain.Language][]string{
		toolchain.Ruby: {".rb", ".ru"}, toolchain.PHP: {".php"},
	}
	if wanted == "" {
		if file, _ := s.entryFile(given, wanted); file != "" {
			return candidate{}, false, nil // a module of the same name in another language
		}
	}
	for _, language := range []toolchain.Language{toolchain.Ruby, toolchain.PHP} {
		if wanted != "" && wanted != language {
			continue
		}
		file, export := s.scriptedFile(given, suffixes[language])
		if file == "" {
			continue
		}
		c, err := s.scriptedCandidate(language, file, export)
		return c, err == nil, err
	}
	return candidate{}, false, nil
}

// scriptedFile finds the longest part of an entry, cut at dots, that is a file; the rest
// is the export.
func (s *source) scriptedFile(given string, suffixes []string) (file, export string) {
	words := strings.Split(strings.TrimPrefix(given, "./"), ".")
	for n := len(words); n > 0; n-- {
		module := strings.Join(words[:n], ".")
		export := strings.Join(words[n:], ".")
		if slices.Contains(suffixes, path.Ext(module)) && s.has(module) {
			return module, export
		}
		for _, suffix := range suffixes {
			if s.has(module + suffix) {
				return module + suffix, export
			}
		}
	}
	return "", ""
}

// scriptedCandidate checks an export by the module's text, and finds its dialect.
func (s *source) scriptedCandidate(
	language toolchain.Language, file, export string,
) (candidate, error) {
	found := s.rubyModule(file)
	if language == toolchain.PHP {
		found = s.phpModule(file, s.composer())
	}
	if export != "" && !rubyExports(s.read(file), export) {
		return candidate{}, dayfly.Errorf(dayfly.KindInvalid,
			"%s does not seem to define %s", file, export).WithHint("check the entry; it is MODULE.EXPORT")
	}
	c := handler(language, dayfly.Dialect(s.settings.Dialect), file, export)
	if path.Ext(file) == ".ru" && c.dialect == "" {
		c.dialect = dayfly.DialectRack
	}
	for _, other := range found {
		if c.dialect == "" && other.export == export && other.contract == dayfly.ContractHandler {
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
