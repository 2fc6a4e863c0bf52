// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

const (
	// textMax bounds a text that a function makes.
	textMax = 1 << 20
	// partsOfTextMax bounds the parts that a text is split into.
	partsOfTextMax = 10_000
)

// str gives an argument that is a text: the checker has seen to that, but for one of unknown
// type, which dispatch has.
func str(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

// number gives an argument that is a whole number, or other when there is none.
func number(args []ref.Val, at int, other int64) int64 {
	if at >= len(args) {
		return other
	}
	n, _ := args[at].(types.Int)
	return int64(n)
}

// bounded gives a text, unless it is too long.
func bounded(s string) ref.Val {
	if len(s) > textMax {
		return fail("a text of %d bytes is too long, at most %d are possible", len(s), textMax)
	}
	return types.String(s)
}

// ascii gives a text with each letter from first to last moved by so much.
func ascii(s string, first, last byte, by int) ref.Val {
	if len(s) > textMax {
		return bounded(s)
	}
	b := []byte(s)
	for i, c := range b {
		if c >= first && c <= last {
			b[i] = byte(int(c) + by)
		}
	}
	return types.String(b)
}

func lowerASCII(args ...ref.Val) ref.Val { return ascii(str(args[0]), 'A', 'Z', 'a'-'A') }

func upperASCII(args ...ref.Val) ref.Val { return ascii(str(args[0]), 'a', 'z', 'A'-'a') }

func trim(args ...ref.Val) ref.Val { return types.String(strings.TrimSpace(str(args[0]))) }

// split gives the parts between separators; with a number, at most so many.
func split(args ...ref.Val) ref.Val {
	s, separator, n := str(args[0]), str(args[1]), number(args, 2, -1)
	parts := strings.Count(s, separator) + 1
	if n >= 0 {
		parts = min(parts, int(min(n, partsOfTextMax+1)))
	}
	if parts > partsOfTextMax {
		return fail("a text of %d parts cannot be split, at most %d are possible", parts, partsOfTextMax)
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.SplitN(s, separator, int(max(n, -1))))
}

// replace puts one text in place of another; with a number, at most so often.
func replace(args ...ref.Val) ref.Val {
	s, old, by, n := str(args[0]), str(args[1]), str(args[2]), number(args, 3, -1)
	times := int64(strings.Count(s, old))
	if n >= 0 {
		times = min(times, n)
	}
	if size := int64(len(s)) + times*int64(len(by)-len(old)); size > textMax || len(s) > textMax {
		return fail("a text of %d bytes is too long, at most %d are possible", size, textMax)
	}
	return types.String(strings.Replace(s, old, by, int(times)))
}

// join puts texts together, with a separator between them.
func join(args ...ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[0])
	}
	separator := ""
	if len(args) > 1 {
		separator = str(args[1])
	}
	var b strings.Builder
	first := true
	for it := list.Iterator(); it.HasNext() == types.True; {
		part, ok := it.Next().(types.String)
		if !ok {
			return fail("join takes a list of texts")
		}
		if b.Len()+len(separator)+len(part) > textMax {
			return fail("the text is longer than %d bytes", textMax)
		}
		if !first {
			b.WriteString(separator)
		}
		b.WriteString(string(part))
		first = false
	}
	return types.String(b.String())
}

// substring gives the letters from one place, to another or to the end.
func substring(args ...ref.Val) ref.Val {
	s := str(args[0])
	from, to := number(args, 1, 0), number(args, 2, -1)
	length := int64(utf8.RuneCountInString(s))
	if len(args) < 3 {
		to = length
	}
	if from < 0 || from > to || to > length {
		return fail("a text of %d letters has none from %d to %d", length, from, to)
	}
	start := offset(s, from)
	return types.String(s[start : start+offset(s[start:], to-from)])
}

// offset gives the byte at which the letter n begins.
func offset(s string, n int64) int {
	if n == 0 {
		return 0
	}
	for at := range s {
		if n == 0 {
			return at
		}
		n--
	}
	return len(s)
}

func indexOf(args ...ref.Val) ref.Val {
	return letters(str(args[0]), strings.Index(str(args[0]), str(args[1])))
}

func lastIndexOf(args ...ref.Val) ref.Val {
	return letters(str(args[0]), strings.LastIndex(str(args[0]), str(args[1])))
}

// letters counts the letters before a byte.
func letters(s string, at int) ref.Val {
	if at < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(s[:at]))
}

// bytesOf gives an argument that is a text or bytes.
func bytesOf(v ref.Val) []byte {
	if b, ok := v.(types.Bytes); ok {
		return b
	}
	return []byte(str(v))
}

func encodeBase64(args ...ref.Val) ref.Val {
	return bounded(base64.StdEncoding.EncodeToString(bytesOf(args[0])))
}

func encodeBase64URL(args ...ref.Val) ref.Val {
	return bounded(base64.RawURLEncoding.EncodeToString(bytesOf(args[0])))
}

// decodeBase64 takes both alphabets, with padding and without.
func decodeBase64(args ...ref.Val) ref.Val {
	s := strings.TrimRight(str(args[0]), "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.DecodeString(s)
	if err != nil {
		return fail("the text is not base64")
	}
	return types.Bytes(decoded)
}

func encodeJSON(args ...ref.Val) ref.Val {
	e := exporter{left: textMax}
	value, err := e.value(args[0], 0)
	if err != nil {
		return fail("%s", err.Error())
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fail("%s", err.Error())
	}
	return bounded(string(data))
}

func decodeJSON(args ...ref.Val) ref.Val {
	s := str(args[0])
	if len(s) > BodyBytesMax {
		return bounded(s)
	}
	value, err := parseJSON([]byte(s))
	if err != nil {
		return fail("the text is not JSON: %s", err.Error())
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

func encodeURL(args ...ref.Val) ref.Val { return bounded(url.QueryEscape(str(args[0]))) }

func decodeURL(args ...ref.Val) ref.Val {
	s, err := url.QueryUnescape(str(args[0]))
	if err != nil || !utf8.ValidString(s) {
		return fail("the text is not rightly escaped")
	}
	return types.String(s)
}
