// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// limit is a number that others are compared with.
type limit struct {
	whole bool
	value int64 // when it is whole and fits
	exact *big.Rat
}

func newLimit(exact *big.Rat) *limit {
	if exact == nil {
		return nil
	}
	whole := exact.IsInt() && exact.Num().IsInt64()
	return &limit{whole: whole, value: exact.Num().Int64(), exact: exact}
}

// String writes the number as a person would.
func (l *limit) String() string {
	if l.exact.IsInt() {
		return l.exact.Num().String()
	}
	value, _ := l.exact.Float64()
	return strconv.FormatFloat(value, 'g', -1, 64)
}

// compare tells whether v is less than, equal to or more than l.
func (l *limit) compare(v any) int {
	if n, ok := v.(int64); ok && l.whole {
		switch {
		case n < l.value:
			return -1
		case n > l.value:
			return 1
		}
		return 0
	}
	return rational(v).Cmp(l.exact)
}

// divides tells whether v is a multiple of l.
func (l *limit) divides(v any) bool {
	if n, ok := v.(int64); ok && l.whole && l.value > 0 {
		return n%l.value == 0
	}
	return l.exact.Sign() == 0 || new(big.Rat).Quo(rational(v), l.exact).IsInt()
}

// rational gives the exact value of a number; exponents were bounded when it was read.
func rational(v any) *big.Rat {
	switch n := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(n)
	case json.Number:
		if exact, ok := new(big.Rat).SetString(string(n)); ok {
			return exact
		}
	}
	return new(big.Rat)
}

func isNumber(v any) bool { return kindOf(v)&(kindInteger|kindNumber) != 0 }

func isInteger(v any) bool { return kindOf(v) == kindInteger }

// kindOf gives the type of a value; of a number that is whole, integer.
func kindOf(v any) kinds {
	switch v := v.(type) {
	case nil:
		return kindNull
	case bool:
		return kindBoolean
	case int64:
		return kindInteger
	case json.Number:
		if isWhole(string(v)) {
			return kindInteger
		}
		return kindNumber
	case string:
		return kindString
	case []any:
		return kindArray
	case map[string]any:
		return kindObject
	}
	return 0
}

// isWhole reports whether the text of a number is that of an integer: 1.0 and 15e-1 are and
// are not.
func isWhole(text string) bool {
	if strings.ContainsAny(text, "eE") {
		return rational(json.Number(text)).IsInt()
	}
	_, fraction, _ := strings.Cut(text, ".")
	return strings.Trim(fraction, "0") == ""
}

// equal compares two values as JSON Schema does: 1 and 1.0 are the same.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case int64, json.Number:
		if n, ok := b.(int64); ok && a == any(n) {
			return true
		}
		return isNumber(b) && rational(a).Cmp(rational(b)) == 0
	}
	if kindOf(b)&(kindArray|kindObject) != 0 {
		return false
	}
	return a == b
}

// appendCanonical writes a value so that equal values are written the same.
func appendCanonical(to []byte, v any) []byte {
	switch v := v.(type) {
	case []any:
		to = append(to, '[')
		for _, item := range v {
			to = append(appendCanonical(to, item), ',')
		}
		return append(to, ']')
	case map[string]any:
		to = append(to, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			to = append(strconv.AppendQuote(to, name), ':')
			to = append(appendCanonical(to, v[name]), ',')
		}
		return append(to, '}')
	case string:
		return strconv.AppendQuote(to, v)
	case bool:
		return strconv.AppendBool(to, v)
	case int64:
		return strconv.AppendInt(to, v, 10)
	case json.Number:
		return append(to, rational(v).RatString()...)
	}
	return append(to, "null"...)
}
