// SPDX-License-Identifier: Apache-2.0

package look

import (
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dayfly-faas/dayfly/internal/build/grep"
)

// Bounds of the files that a parser reads on our side of the sandbox: a parser that
// recurses into what a stranger wrote would exhaust the stack of the whole node.
const (
	ParsedBytesMax = 256 << 10
	nestingMax     = 200 // of brackets, and of columns before a line's content
)

// YAMLReference matches anchors and aliases, which could multiply what a parser makes.
var YAMLReference = grep.Of(`(?m)(?:^|[\s\[{,])[*&]\w`)

// Parsable tells whether a file of YAML or TOML is small and flat enough to parse.
func Parsable(text string) bool { return len(text) <= ParsedBytesMax && Flat(text) }

// Flat tells whether nothing in a file is nested too deeply to parse.
func Flat(text string) bool {
	open := 0
	for line := range strings.Lines(text) {
		indent := len(line) - len(strings.TrimLeft(line, " -?:\t"))
		open += strings.Count(line, "[") + strings.Count(line, "{")
		if indent > nestingMax || open > nestingMax {
			return false
		}
		open = max(0, open-strings.Count(line, "]")-strings.Count(line, "}"))
	}
	return true
}

// ReadTOML parses a file that is Parsable.
func ReadTOML(text string, into any) error {
	if !Parsable(text) {
		return errors.New("it is too large or nested too deeply")
	}
	return toml.Unmarshal([]byte(text), into)
}

// SortedKeys gives the keys of a parsed file in order.
func SortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
