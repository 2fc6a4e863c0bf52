// SPDX-License-Identifier: Apache-2.0

package look

import (
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// ExportsMax bounds the exports of a module that are judged, each with patterns of its own.
const ExportsMax = 30

// ScriptSuffixes are those of modules; TypeScript first, since a .js beside it is
// mostly what an earlier build left.
var ScriptSuffixes = []string{".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"}

// EntryFile finds the module of an entry: the longest part of it, cut at dots, that is
// one; what follows is the export.
func (s *Source) EntryFile(given string, wanted toolchain.Language) (file, export string) {
	module, export, hasColon := strings.Cut(given, ":")
	suffixes := append([]string{""}, ScriptSuffixes...)
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
			known := Suffixed(append([]string{".py"}, ScriptSuffixes...)...)
			if known(name) && s.Has(name) {
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

// Parameters gives the names of a parameter list, annotations and defaults cut off.
func Parameters(list string) []string {
	var names []string
	depth, start := 0, 0
	list += ","
	for i, r := range list {
		switch r {
		case '(', '[', '{', '<':
			depth++
		case ')', ']', '}', '>':
			depth--
		case ',':
			if depth > 0 {
				continue
			}
			name := list[start:i]
			start = i + 1
			if cut := strings.IndexAny(name, ":=?"); cut >= 0 {
				name = name[:cut]
			}
			if name = strings.TrimSpace(name); name != "" && name != "*" && name != "/" {
				names = append(names, name)
			}
		}
	}
	return names
}
