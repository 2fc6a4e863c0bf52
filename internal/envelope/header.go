// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// escapeHeader writes an attribute's value as a header holds it: space, quote, percent
// and what is not printable ASCII as percents of its UTF-8.
func escapeHeader(value string) string {
	plain := true
	for i := range len(value) {
		if !isHeaderByte(value[i]) {
			plain = false
			break
		}
	}
	if plain {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if isHeaderByte(c) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
	}
	return b.String()
}

func isHeaderByte(c byte) bool { return c > 0x20 && c < 0x7f && c != '"' && c != '%' }

// unescapeHeader reads a header's value: a quoted string is unquoted first, then
// percents are decoded once. One that begins no escape stands for itself.
func unescapeHeader(value string) (string, bool) {
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = unquote(value[1 : len(value)-1])
	}
	if strings.IndexByte(value, '%') >= 0 {
		value = unpercent(value)
	}
	return value, utf8.ValidString(value)
}

func unquote(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

func unpercent(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			high, low := unhex(value[i+1]), unhex(value[i+2])
			if high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

func unhex(c byte) int {
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
