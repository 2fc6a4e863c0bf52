// SPDX-License-Identifier: Apache-2.0

package term

import (
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/config"
)

// columnsDefault is how wide a terminal is that does not say.
const columnsDefault = 80

// Style is how text looks: plain, or with colour on a terminal that wants it.
type Style struct {
	Terminal bool // a person watches
	colour   bool
	columns  int // of the terminal
}

func styleFor(w io.Writer, env config.Environment) Style {
	f, ok := w.(*os.File)
	if !ok {
		return Style{}
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return Style{}
	}
	s := Style{Terminal: true, columns: columnsDefault}
	s.colour = env("NO_COLOR") == "" && env("TERM") != "dumb"
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err == nil && size.Col > 0 {
		s.columns = int(size.Col)
	}
	return s
}

// Fit cuts text to one line of the terminal.
func (s Style) Fit(text string) string {
	if room := s.columns - 1; utf8.RuneCountInString(text) > room && room > 0 {
		return string([]rune(text)[:room-1]) + "…"
	}
	return text
}

// paint gives text a colour; whatever text holds, it cannot give itself one.
func (s Style) paint(code, text string) string {
	text = PlainLines(text)
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold makes text stand out.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim lets text stand back.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for what failed.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for what is well.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow is for what wants a look.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan is for what is merely another kind.
func (s Style) Cyan(text string) string { return s.paint("36", text) }
