// SPDX-License-Identifier: Apache-2.0

package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Section prints a title and aligned rows below it.
func (s *Session) Section(title string, rows [][2]string) {
	if title != "" {
		s.Printf("\n%s\n", s.Style.Bold(title))
	}
	WriteRows(s.Out, s.Style, rows)
}

// WriteRows prints pairs of a label and what it says, aligned.
func WriteRows(w io.Writer, s Style, rows [][2]string) {
	wide := 0
	for _, row := range rows {
		wide = max(wide, width(row[0]))
	}
	for _, row := range rows {
		pad := strings.Repeat(" ", wide-width(row[0]))
		fmt.Fprintf(w, "  %s%s  %s\n", s.Dim(row[0]), pad, row[1])
	}
}

// Table aligns rows of cells. Cells may hold colour.
type Table struct {
	head []string
	// right holds the numbers of columns that are aligned to the right.
	right map[int]bool
	rows  [][]string
}

// NewTable makes a table of columns with these titles; one that starts with > is aligned
// to the right.
func NewTable(head ...string) *Table {
	t := &Table{right: map[int]bool{}}
	for i, title := range head {
		if name, ok := strings.CutPrefix(title, ">"); ok {
			title, t.right[i] = name, true
		}
		t.head = append(t.head, title)
	}
	return t
}

// Add adds a row, a cell for each column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write prints the table, without a head when it has none.
func (t *Table) Write(w io.Writer, s Style) {
	rows := t.rows
	if strings.Join(t.head, "") != "" {
		head := make([]string, len(t.head))
		for i, title := range t.head {
			head[i] = s.Dim(title)
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

// Bar draws the part of a line of cells from one share of it to another, in eighths
// of a cell; something that is there at all is never invisible.
func Bar(from, to float64, cells int) string {
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
