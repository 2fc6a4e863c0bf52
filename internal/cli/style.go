// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/config"
)

// columnsDefault is how wide a terminal is that does not say.
const columnsDefault = 80

// style is how text looks: plain, or with colour on a terminal that wants it.
type style struct {
	terminal bool // a person watches
	colour   bool
	columns  int // of the terminal
}

func styleFor(w io.Writer, env config.Environment) style {
	f, ok := w.(*os.File)
	if !ok {
		return style{}
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return style{}
	}
	s := style{terminal: true, columns: columnsDefault}
	s.colour = env("NO_COLOR") == "" && env("TERM") != "dumb"
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err == nil && size.Col > 0 {
		s.columns = int(size.Col)
	}
	return s
}

// fit cuts text to one line of the terminal.
func (s style) fit(text string) string {
	if room := s.columns - 1; utf8.RuneCountInString(text) > room && room > 0 {
		return string([]rune(text)[:room-1]) + "…"
	}
	return text
}

// paint gives text a colour; whatever text holds, it cannot give itself one.
func (s style) paint(code, text string) string {
	text = plainLines(text)
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string   { return s.paint("1", text) }
func (s style) dim(text string) string    { return s.paint("2", text) }
func (s style) red(text string) string    { return s.paint("31", text) }
func (s style) green(text string) string  { return s.paint("32", text) }
func (s style) yellow(text string) string { return s.paint("33", text) }
func (s style) cyan(text string) string   { return s.paint("36", text) }

// table aligns rows of cells. Cells may hold colour.
type table struct {
	head []string
	// right holds the numbers of columns that are aligned to the right.
	right map[int]bool
	rows  [][]string
}

func newTable(head ...string) *table {
	t := &table{right: map[int]bool{}}
	for i, title := range head {
		if name, ok := strings.CutPrefix(title, ">"); ok {
			title, t.right[i] = name, true
		}
		t.head = append(t.head, title)
	}
	return t
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table, without a head when it has none.
func (t *table) write(w io.Writer, s style) {
	rows := t.rows
	if strings.Join(t.head, "") != "" {
		head := make([]string, len(t.head))
		for i, title := range t.head {
			head[i] = s.dim(title)
		}
		rows = append([][]string{head}, rows...)
	}
	widths := make([]int, len(t.head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-width(cell))
			if t.right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
			line.WriteString("  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// width counts the columns that text takes, colour not counted.
func width(text string) int {
	n := utf8.RuneCountInString(text)
	for {
		start := strings.Index(text, "\x1b[")
		if start < 0 {
			return n
		}
		end := strings.IndexByte(text[start:], 'm')
		if end < 0 {
			return n
		}
		n -= end + 1
		text = text[start+end+1:]
	}
}

// bar draws the part of a line of cells from one share of it to another, in eighths
// of a cell; something that is there at all is never invisible.
func bar(from, to float64, cells int) string {
	const blocks = "▏▎▍▌▋▊▉█"
	start := min(int(from*float64(cells)), cells-1)
	eighths := max(int((to*float64(cells)-float64(start))*8+0.5), 1)
	eighths = min(eighths, (cells-start)*8)
	text := strings.Repeat(" ", start) + strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(blocks)[rest-1])
	}
	return text
}
