// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// rule is one entry of the list of a field: a test of its value, or whether it is there.
type rule struct {
	exists *bool
	test   func(any) bool
}

// compileRule reads an entry: a value that the field must have, or an object with one
// operator.
func compileRule(raw json.RawMessage) (rule, error) {
	v, err := decodeNumbers(raw)
	if err != nil {
		return rule{}, err
	}
	operator, isObject := v.(map[string]any)
	if !isObject {
		test, err := equals(v)
		return rule{test: test}, err
	}
	if len(operator) != 1 {
		return rule{}, errors.New("an operator is an object with one field, such as {\"prefix\": \"a\"}")
	}
	for name, argument := range operator {
		if name == "exists" {
			yes, ok := argument.(bool)
			if !ok {
				return rule{}, fmt.Errorf("exists needs true or false, not %s", describe(argument))
			}
			return rule{exists: &yes}, nil
		}
		test, err := compileOperator(name, argument)
		return rule{test: test}, err
	}
	return rule{}, nil // not reached: the object has one field
}

func compileOperator(name string, argument any) (func(any) bool, error) {
	switch name {
	case "anything-but":
		return anythingBut(argument)
	case "numeric":
		return numeric(argument)
	case "prefix", "suffix":
		return affix(name, argument)
	}
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("%s needs a text, not %s", name, describe(argument))
	}
	switch name {
	case "equals-ignore-case":
		return ofText(func(s string) bool { return strings.EqualFold(s, text) }), nil
	case "wildcard":
		return wildcard(text)
	case "cidr":
		return cidr(text)
	}
	return nil, fmt.Errorf("operator %q is unknown: use prefix, suffix, anything-but, numeric, "+
		"exists, equals-ignore-case, wildcard or cidr", name)
}

// ofText makes a test of texts; it is false of all else.
func ofText(test func(string) bool) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		return ok && test(s)
	}
}

// equals tests for one value; numbers are the same when their values are.
func equals(want any) (func(any) bool, error) {
	switch w := want.(type) {
	case nil:
		return func(v any) bool { return v == nil }, nil
	case bool:
		return func(v any) bool { return v == w }, nil
	case string:
		return func(v any) bool { return v == w }, nil
	case json.Number:
		number, err := w.Float64()
		if err != nil {
			return nil, fmt.Errorf("%s is too large for a number", w)
		}
		return func(v any) bool {
			got, ok := float(v)
			return ok && got == number
		}, nil
	}
	return nil, fmt.Errorf("%s cannot be compared with", describe(want))
}

// float gives the value of a number.
func float(v any) (float64, bool) {
	number, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := number.Float64()
	return f, err == nil
}

// affix tests for a prefix or suffix, minding case or, {"equals-ignore-case": "…"}, not.
func affix(name string, argument any) (func(any) bool, error) {
	has := strings.HasPrefix
	cut := func(s string, n int) string { return s[:n] }
	if name == "suffix" {
		has = strings.HasSuffix
		cut = func(s string, n int) string { return s[len(s)-n:] }
	}
	switch a := argument.(type) {
	case string:
		return ofText(func(s string) bool { return has(s, a) }), nil
	case map[string]any:
		text, ok := a["equals-ignore-case"].(string)
		if ok && len(a) == 1 {
			return ofText(func(s string) bool {
				return len(s) >= len(text) && strings.EqualFold(cut(s, len(text)), text)
			}), nil
		}
	}
	return nil, fmt.Errorf("%s needs a text, or {\"equals-ignore-case\": \"a\"}, not %s", name,
		describe(argument))
}

// anythingBut is true of each text or number that the argument is not.
func anythingBut(argument any) (func(any) bool, error) {
	tests, err := unwanted(argument)
	if err != nil {
		return nil, err
	}
	return func(v any) bool {
		if _, nested := v.(map[string]any); nested {
			return false
		}
		for _, test := range tests {
			if test(v) {
				return false
			}
		}
		return true
	}, nil
}

func unwanted(argument any) ([]func(any) bool, error) {
	operator, isOperator := argument.(map[string]any)
	if isOperator && len(operator) != 1 {
		return nil, errors.New("anything-but needs one operator")
	}
	for name, inner := range operator {
		switch name {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
			return each(inner, func(v any) (func(any) bool, error) { return compileOperator(name, v) })
		}
		return nil, fmt.Errorf("anything-but does not go with %q", name)
	}
	return each(argument, func(v any) (func(any) bool, error) {
		switch v.(type) {
		case string, json.Number:
			return equals(v)
		}
		return nil, fmt.Errorf("anything-but needs texts or numbers, not %s", describe(v))
	})
}

// each compiles an argument that is one value or a list.
func each(v any, compile func(any) (func(any) bool, error)) ([]func(any) bool, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 {
		return nil, errors.New("anything-but has an empty list")
	}
	tests := make([]func(any) bool, 0, len(list))
	for _, element := range list {
		test, err := compile(element)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return tests, nil
}

// numeric compares with one number or two: [">", 0, "<=", 100].
func numeric(argument any) (func(any) bool, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New(`numeric needs a list such as [">", 0] or [">", 0, "<=", 100]`)
	}
	var tests []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		sign, _ := list[i].(string)
		bound, ok := float(list[i+1])
		if !ok {
			return nil, fmt.Errorf("numeric compares with numbers, not with %s", describe(list[i+1]))
		}
		test := comparison(sign, bound)
		if test == nil {
			return nil, fmt.Errorf("numeric knows <, <=, =, >, >=, not %q", sign)
		}
		tests = append(tests, test)
	}
	return func(v any) bool {
		number, ok := float(v)
		for _, test := range tests {
			ok = ok && test(number)
		}
		return ok
	}, nil
}

func comparison(sign string, bound float64) func(float64) bool {
	switch sign {
	case "<":
		return func(v float64) bool { return v < bound }
	case "<=":
		return func(v float64) bool { return v <= bound }
	case "=":
		return func(v float64) bool { return v == bound }
	case ">":
		return func(v float64) bool { return v > bound }
	case ">=":
		return func(v float64) bool { return v >= bound }
	}
	return nil
}

// wildcard tests against a text in which "*" stands for any text; "\*" and "\\" are
// the characters themselves.
func wildcard(text string) (func(any) bool, error) {
	parts, part := []string{}, strings.Builder{}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			part.WriteByte(text[i])
		case c == '\\':
			return nil, errors.New(`in a wildcard, write \\ for a backslash and \* for a star`)
		case c == '*' && i > 0 && text[i-1] == '*' && part.Len() == 0:
			return nil, errors.New("a wildcard has two stars side by side")
		case c == '*':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	parts = append(parts, part.String())
	return ofText(func(s string) bool { return matchParts(s, parts) }), nil
}

// matchParts tells whether s is the parts in their order with any text between: the
// first at its start, the last at its end. Each is looked for once, so it takes a
// time linear in s.
func matchParts(s string, parts []string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return s == first
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	if s, ok = strings.CutSuffix(s, last); !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// cidr tests for an address within a network.
func cidr(text string) (func(any) bool, error) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("cidr needs a network such as 10.0.0.0/24, not %q", text)
	}
	network = network.Masked()
	return ofText(func(s string) bool {
		address, err := netip.ParseAddr(s)
		return err == nil && network.Contains(address.Unmap())
	}), nil
}
