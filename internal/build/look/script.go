// SPDX-License-Identifier: Apache-2.0

package look

import (
	"strings"
)

// StripScript empties the comments of JavaScript or TypeScript and keeps its strings.
// Regular expressions are not told from divisions; a quote in one ends at the line's
// end, so that little is lost.
func StripScript(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "//") && (i == 0 || text[i-1] != ':' && text[i-1] != '\\'):
			i += lengthUntil(rest, "\n", 0)
		case strings.HasPrefix(rest, "/*"):
			i += lengthUntil(rest, "*/", 2)
			b.WriteByte(' ')
		case rest[0] == '"' || rest[0] == '\'' || rest[0] == '`':
			n := StringLength(rest)
			b.WriteString(rest[:n])
			i += n
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	return b.String()
}

// lengthUntil gives how long s is up to mark, and beyond it by extra.
func lengthUntil(s, mark string, extra int) int {
	at := strings.Index(s[min(2, len(s)):], mark)
	if at < 0 {
		return len(s)
	}
	return at + 2 + extra
}

// StringLength gives how long the string is that s starts with, its quotes counted.
func StringLength(s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == quote:
			return i + 1
		case s[i] == '\n' && quote != '`':
			return i
		}
	}
	return len(s)
}
