// SPDX-License-Identifier: Apache-2.0

package ijson

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of JSON that is checked.
const (
	depthMax    = 100       // of arrays and objects in each other; the stack is ours
	valuesMax   = 1_000_000 // a value takes some 50 bytes where its text may take two
	digitsMax   = 400       // of a number: a float64 has at most 309 before the point
	exponentMax = 400       // more than a float64 can hold
)

// decoder reads I-JSON into nil, bool, string, int64, json.Number, []any and map[string]any.
type decoder struct {
	data   []byte
	at     int
	depth  int
	values int
}

// Decode reads one value and nothing after it; values is how many it holds.
func Decode(data []byte) (value any, values int, err error) {
	d := decoder{data: data}
	if value, err = d.value(); err != nil {
		return nil, 0, err
	}
	if d.space(); d.at < len(data) {
		return nil, 0, d.wrong("there is more after the value")
	}
	return value, d.values, nil
}

func (d *decoder) wrong(format string, args ...any) error {
	return fmt.Errorf("%s, at byte %d", fmt.Sprintf(format, args...), d.at)
}

func (d *decoder) space() {
	for d.at < len(d.data) {
		switch d.data[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next skips space and gives the byte that follows, or 0 at the end.
func (d *decoder) next() byte {
	if d.space(); d.at < len(d.data) {
		return d.data[d.at]
	}
	return 0
}

func (d *decoder) value() (any, error) {
	if d.values++; d.values > valuesMax {
		return nil, d.wrong("it holds more than %d values", valuesMax)
	}
	switch c := d.next(); {
	case c == '{':
		return d.nested(d.object)
	case c == '[':
		return d.nested(d.array)
	case c == '"':
		return d.text()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case c == 't':
		return true, d.word("true")
	case c == 'f':
		return false, d.word("false")
	case c == 'n':
		return nil, d.word("null")
	case d.at >= len(d.data):
		return nil, d.wrong("it ends too soon")
	default:
		return nil, d.wrong("%q begins no value", c)
	}
}

func (d *decoder) nested(read func() (any, error)) (any, error) {
	if d.depth++; d.depth > depthMax {
		return nil, d.wrong("it is deeper than %d", depthMax)
	}
	d.at++
	value, err := read()
	d.depth--
	return value, err
}

func (d *decoder) word(word string) error {
	if len(d.data)-d.at < len(word) || string(d.data[d.at:d.at+len(word)]) != word {
		return d.wrong("%s is meant, but not written", word)
	}
	d.at += len(word)
	return nil
}

func (d *decoder) array() (any, error) {
	list := []any{}
	if d.next() == ']' {
		d.at++
		return list, nil
	}
	for {
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		switch d.next() {
		case ',':
			d.at++
		case ']':
			d.at++
			return list, nil
		default:
			return nil, d.wrong("a comma or ] is missing")
		}
	}
}

func (d *decoder) object() (any, error) {
	object := map[string]any{}
	if d.next() == '}' {
		d.at++
		return object, nil
	}
	for {
		if d.next() != '"' {
			return nil, d.wrong("a name is missing")
		}
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, d.wrong("the name %.80q is there twice", name)
		}
		if d.next() != ':' {
			return nil, d.wrong("a colon is missing")
		}
		d.at++
		if object[name], err = d.value(); err != nil {
			return nil, err
		}
		switch d.next() {
		case ',':
			d.at++
		case '}':
			d.at++
			return object, nil
		default:
			return nil, d.wrong("a comma or } is missing")
		}
	}
}

func (d *decoder) text() (string, error) {
	d.at++
	start := d.at
	for d.at < len(d.data) {
		switch c := d.data[d.at]; {
		case c == '"':
			text := d.data[start:d.at]
			if !utf8.Valid(text) {
				return "", d.wrong("a text is not UTF-8")
			}
			d.at++
			return string(text), nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.wrong("a text holds a control character")
		default:
			d.at++
		}
	}
	return "", d.wrong("a text is not closed")
}

// escaped goes on with a text at its first escape.
func (d *decoder) escaped(start int) (string, error) {
	text := append(make([]byte, 0, 2*(d.at-start)+16), d.data[start:d.at]...)
	for d.at < len(d.data) {
		c := d.data[d.at]
		d.at++
		switch {
		case c == '"':
			if !utf8.Valid(text) {
				return "", d.wrong("a text is not UTF-8")
			}
			return string(text), nil
		case c < ' ':
			return "", d.wrong("a text holds a control character")
		case c != '\\':
			text = append(text, c)
		default:
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, r)
		}
	}
	return "", d.wrong("a text is not closed")
}

func (d *decoder) escape() (rune, error) {
	if d.at >= len(d.data) {
		return 0, d.wrong("a text is not closed")
	}
	c := d.data[d.at]
	d.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return d.unicode()
	}
	return 0, d.wrong("\\%c is no escape", c)
}

func (d *decoder) unicode() (rune, error) {
	high, err := d.hex()
	if err != nil || !utf16.IsSurrogate(high) {
		return high, err
	}
	if d.at+1 < len(d.data) && d.data[d.at] == '\\' && d.data[d.at+1] == 'u' {
		d.at += 2
		low, err := d.hex()
		if err != nil {
			return 0, err
		}
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, d.wrong("half a surrogate pair is no character")
}

func (d *decoder) hex() (rune, error) {
	if len(d.data)-d.at < 4 {
		return 0, d.wrong("\\u needs four digits")
	}
	value := rune(0)
	for _, c := range d.data[d.at : d.at+4] {
		switch {
		case c >= '0' && c <= '9':
			value = value<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			value = value<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			value = value<<4 | rune(c-'A'+10)
		default:
			return 0, d.wrong("\\u needs four digits")
		}
	}
	d.at += 4
	return value, nil
}

func (d *decoder) number() (any, error) {
	start := d.at
	for d.at < len(d.data) && d.at-start <= digitsMax && isNumeric(d.data[d.at]) {
		d.at++
	}
	value, ok := Number(string(d.data[start:d.at]))
	if !ok {
		d.at = start
		return nil, d.wrong("a number is not written as JSON has it, or is too large")
	}
	return value, nil
}

// isNumeric tells which bytes may be in a number.
func isNumeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// Number gives an int64, or a json.Number for what is none; false for what is no number.
func Number(text string) (any, bool) {
	rest, whole, exponent := text, true, ""
	if rest != "" && rest[0] == '-' {
		rest = rest[1:]
	}
	n := digits(rest)
	if n == 0 || n > 1 && rest[0] == '0' || len(text) > digitsMax {
		return nil, false
	}
	if rest = rest[n:]; rest != "" && rest[0] == '.' {
		n = digits(rest[1:])
		rest, whole = rest[min(n+1, len(rest)):], false
		if n == 0 {
			return nil, false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exponent, whole = rest[1:], false
		if power, err := strconv.Atoi(exponent); err != nil || power > exponentMax || power < -exponentMax {
			return nil, false
		}
		rest = ""
	}
	if rest != "" {
		return nil, false
	}
	if whole {
		if value, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
			return value, true
		}
	}
	return json.Number(text), true
}

// digits counts those that text begins with.
func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}
