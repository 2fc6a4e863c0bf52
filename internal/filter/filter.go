// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	// TextBytesMax bounds a filter's text. Lambda allows patterns of 4 KiB.
	TextBytesMax = 8 << 10
	// matchSteps bounds the work of one match of a pattern: a step is about ten
	// nanoseconds, a hundred bytes of text compared count as one.
	matchSteps = 1_000_000
)

// Filter decides about events.
type Filter struct {
	text    string
	matcher matcher
}

// matcher is an expression or a pattern.
type matcher interface {
	match(*dayfly.Event) (bool, error)
}

// Compile reads a filter. An empty text lets everything through.
func Compile(text string) (*Filter, error) {
	f := &Filter{text: text}
	trimmed := strings.TrimSpace(text)
	var err error
	switch {
	case len(text) > TextBytesMax:
		err = dayfly.Errorf(dayfly.KindInvalid, "the filter has %d bytes, at most %d are possible",
			len(text), TextBytesMax)
	case !utf8.ValidString(text):
		err = dayfly.Errorf(dayfly.KindInvalid, "the filter is not UTF-8")
	case trimmed == "":
		f.matcher = everything{}
	case trimmed[0] == '{':
		f.matcher, err = compilePattern(text)
	default:
		f.matcher, err = compileExpression(text)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// String gives the text that the filter was compiled of.
func (f *Filter) String() string { return f.text }

// Match tells whether the event passes. An error, of kind invalid, says why that cannot
// be said of it: a field that it does not have, a comparison that its values do not
// allow, or work without end.
func (f *Filter) Match(e *dayfly.Event) (bool, error) { return f.matcher.match(e) }

// everything is the filter without a text.
type everything struct{}

func (everything) match(*dayfly.Event) (bool, error) { return true, nil }

// wrong is the error of a text, with where it is wrong: line and column from 1.
func wrong(line, column int, format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindInvalid, format, args...)
	return dayfly.Errorf(dayfly.KindInvalid, "filter, line %d, column %d: %s", line, column, e.Message)
}

// position gives the line and column of a byte of text.
func position(text string, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	line = strings.Count(before, "\n") + 1
	return line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}
