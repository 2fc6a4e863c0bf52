// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"regexp"
	"strings"
)

// Bounds of the files that a parser reads on our side of the sandbox: a parser that
// recurses into what a stranger wrote would exhaust the stack of the whole node.
const (
	parsedBytesMax = 256 << 10
	nestingMax     = 200 // of brackets, and of columns before a line's content
)

var yamlReference = regexp.MustCompile(`(?m)(?:^|[\s\[{,])[*&]\w`)

// parsable tells whether a file of YAML or TOML is small and flat enough to parse.
func parsable(text string) bool { return len(text) <= parsedBytesMax && flat(text) }

// flat tells whether nothing in a file is nested too deeply to parse.
func flat(text string) bool {
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
