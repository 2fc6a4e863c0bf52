// SPDX-License-Identifier: Apache-2.0

package router

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// pathMax bounds a path. Common servers take 8 KiB.
const pathMax = 8 << 10

// doubts are the things in a path that programs read in different ways.
type doubts int

const (
	doubtSlash  doubts = 1 << iota // %2F: data, or a slash
	doubtEmpty                     // //: an empty segment, or one slash
	doubtParams                    // ;x: part of a segment, or a parameter of it
)

// String tells what is in doubt.
func (d doubts) String() string {
	var texts []string
	for bit, text := range map[doubts]string{doubtSlash: "an encoded slash", doubtEmpty: "an empty segment",
		doubtParams: "a semicolon"} {
		if d&bit != 0 {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, " and ")
}

// Classes of bytes of an escaped path.
const (
	byteBad    = iota // refused
	bytePlain         // stands for itself
	byteEscape        // is to be escaped
	byteLook          // asks for a closer look: % . / ;
)

// unreserved are bytes that mean the same escaped and not (RFC 3986, 2.3).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

// classes of all bytes.
var classes = func() (table [256]byte) {
	for c := 0x21; c < 0x100; c++ {
		table[c] = byteEscape
	}
	for _, c := range []byte(unreserved + "!$&'()*+,=:@") {
		table[c] = bytePlain
	}
	for _, c := range []byte("%./;") {
		table[c] = byteLook
	}
	table['\\'], table[0x7f], table['?'], table['#'] = byteBad, byteBad, byteBad, byteBad
	return table
}()

// Clean gives the one form of an escaped path, or an error of kind invalid for one that no
// program should be given.
func Clean(escaped string) (string, error) {
	path, _, err := clean(escaped)
	return path, err
}

func clean(escaped string) (string, doubts, error) {
	if !strings.HasPrefix(escaped, "/") {
		return "", 0, wrong("it does not begin with a slash")
	}
	if len(escaped) > pathMax {
		return "", 0, wrong("it has %d bytes, at most %d are possible", len(escaped), pathMax)
	}
	plain := true
	for i := range len(escaped) {
		switch classes[escaped[i]] {
		case bytePlain:
		case byteBad:
			return "", 0, wrong("it holds a backslash or a control character")
		case byteEscape:
			plain = false
		case byteLook:
			// A dot within a name and a slash before one are what all paths have.
			after := i > 0 && escaped[i-1] == '/'
			if c := escaped[i]; c != '.' && c != '/' || after {
				plain = false
			}
		}
	}
	if plain {
		return escaped, 0, nil
	}
	path, err := normalise(escaped)
	if err != nil {
		return "", 0, err
	}
	doubt := doubtsOf(path)
	other, err := read(path, doubt)
	if err != nil {
		return "", 0, err
	}
	// Without its parameters and with a slash in place of %2F, a segment may be empty.
	return path, doubt | doubtsOf(other)&doubtEmpty, nil
}

// doubtsOf says what is in doubt about a path.
func doubtsOf(path string) doubts {
	var d doubts
	if strings.Contains(path, "%2F") {
		d |= doubtSlash
	}
	if strings.Contains(path, "//") {
		d |= doubtEmpty
	}
	if strings.Contains(path, ";") {
		d |= doubtParams
	}
	return d
}

// normalise gives a path in its one form: nothing is escaped that need not be, and escapes
// are in upper case.
func normalise(escaped string) (string, error) {
	var b strings.Builder
	b.Grow(len(escaped) + 8)
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c != '%' {
			put(&b, c)
			continue
		}
		if i+2 >= len(escaped) || hex(escaped[i+1]) < 0 || hex(escaped[i+2]) < 0 {
			return "", wrong("%% begins no escape")
		}
		c = byte(hex(escaped[i+1])<<4 | hex(escaped[i+2]))
		i += 2
		switch {
		case c < 0x20 || c == 0x7f || c == '\\':
			return "", wrong("it holds a backslash or a control character")
		case strings.IndexByte(unreserved, c) >= 0:
			b.WriteByte(c)
		default:
			putEscaped(&b, c)
		}
	}
	path := b.String()
	if !utf8.ValidString(unescape(path)) {
		return "", wrong("it is not UTF-8")
	}
	return path, nil
}

func put(b *strings.Builder, c byte) {
	if classes[c] == byteEscape {
		putEscaped(b, c)
		return
	}
	b.WriteByte(c)
}

func putEscaped(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// read gives a path as one reads it who takes an encoded slash for a slash, drops empty
// segments or drops parameters. It is an error when that has a dot segment.
func read(path string, way doubts) (string, error) {
	if way&doubtSlash != 0 {
		path = strings.ReplaceAll(path, "%2F", "/")
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return "", wrong("it has a segment of dots")
		}
		if way&doubtParams != 0 {
			segment = name
		}
		if way&doubtEmpty != 0 && segment == "" && i < len(segments)-1 {
			continue
		}
		kept = append(kept, segment)
	}
	return "/" + strings.Join(kept, "/"), nil
}

// unescape gives what a clean path or segment says.
func unescape(text string) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			b = append(b, byte(hex(text[i+1])<<4|hex(text[i+2])))
			i += 2
			continue
		}
		b = append(b, text[i])
	}
	return string(b)
}

// hex gives the value of a digit, or -1.
func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func wrong(format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindInvalid, format, args...)
	return dayfly.Errorf(dayfly.KindInvalid, "the path is refused: %s", e.Message)
}
