// SPDX-License-Identifier: Apache-2.0

package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// LastByte remembers how the answer ends, so that a prompt starts on its own line.
type LastByte struct {
	To   io.Writer
	Last byte
}

// Write passes p on.
func (l *LastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.Last = p[len(p)-1]
	}
	return l.To.Write(p)
}

// Plain makes a text that functions, builds or callers chose fit for a terminal: what
// would command it, control characters, is spelled \xNN. Tabs stay; plainLines keeps the
// ends of lines, too. What is plain already stays as it is.
func Plain(text string) string { return spell(text, "\t") }

// PlainLines is plain for a text of several lines.
func PlainLines(text string) string { return spell(text, "\t\n") }

// spell spells all control characters but those in keep: C0, DEL and C1, as a character
// or as a lone byte, which some terminals obey as well.
func spell(text, keep string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(text[i])
		} else if !(r < 0x20 || r >= 0x7f && r < 0xa0) || strings.ContainsRune(keep, r) {
			i += n
			continue
		}
		b.WriteString(text[done:i])
		fmt.Fprintf(&b, `\x%02x`, r)
		i += n
		done = i
	}
	if done == 0 {
		return text
	}
	return b.String() + text[done:]
}

// PlainWriter makes plain what is written to it. Close writes what is left.
type PlainWriter struct {
	To   io.Writer
	rest []byte // begins a character
}

// Write implements io.Writer.
func (p *PlainWriter) Write(data []byte) (int, error) {
	text := append(p.rest, data...)
	whole := len(text)
	for i := max(len(text)-utf8.UTFMax, 0); i < len(text); i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRune(text[i:]) {
			whole = i
			break
		}
	}
	p.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(p.To, PlainLines(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Close implements io.Closer.
func (p *PlainWriter) Close() error {
	_, err := io.WriteString(p.To, PlainLines(string(p.rest)))
	p.rest = nil
	return err
}
