// SPDX-License-Identifier: Apache-2.0

package term

import (
	"bytes"
	"testing"
)

func TestControlCharactersAreSpelled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"plain — text ✓\tand a tab":      "plain — text ✓\tand a tab",
		"\x1b]0;owned\x07\x1b[2J":        `\x1b]0;owned\x07\x1b[2J`,
		"\u009b31mred\u0085":             `\x9b31mred\x85`,
		"lone \x9b and \xff":             `lone \x9b and \xff`,
		"ok\rgone\b\b\x7f\x00":           `ok\x0dgone\x08\x08\x7f\x00`,
		"one\ntwo":                       `one\x0atwo`,
		"no-break\u00a0space, \ufffd":    "no-break\u00a0space, \ufffd",
		`spelled already: \x1b[2J stays`: `spelled already: \x1b[2J stays`,
	} {
		if got := Plain(text); got != want || Plain(got) != want {
			t.Errorf("plain(%q) = %q, want %q", text, got, want)
		}
	}
	if got := PlainLines("a\r\n\tb\x1b\n"); got != "a\\x0d\n\tb\\x1b\n" {
		t.Errorf("plainLines = %q", got)
	}
	if got := (Style{colour: true}).Red("a\x1b[0mb"); got != "\x1b[31ma\\x1b[0mb\x1b[0m" {
		t.Errorf("red = %q", got)
	}
}

func TestAnswersOnATerminalArePlain(t *testing.T) {
	t.Parallel()
	const text = "é\x1b[2J ✓\n\u009b1m\x9b end ✓"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		w := &PlainWriter{To: &out}
		for rest := []byte(text); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if n, err := w.Write(rest[:min(size, len(rest))]); n != min(size, len(rest)) || err != nil {
				t.Fatal(n, err)
			}
		}
		if _, err := w.Write([]byte{0xe2, 0x9c}); err != nil { // an end in mid-character
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if want := "é\\x1b[2J ✓\n\\x9b1m\\x9b end ✓\\xe2\\x9c"; out.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", size, out.String(), want)
		}
	}
}
