// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly/internal/ijson"
)

// parse reads the text of a parameter as its schema wants it; decode unescapes a part of it.
func (r *run) parse(p *param, text string, decode func(string) (string, bool)) (any, bool) {
	if p.style.name == styleJSON {
		return r.parseJSON(p, text, decode)
	}
	whole, ok := decode(text)
	if !ok || !utf8.ValidString(whole) {
		r.wrongAt(p.name, "syntax", "is not escaped as it should be, or not UTF-8")
		return nil, false
	}
	if p.accepts == kindAny {
		return whole, true
	}
	if p.accepts&(kindArray|kindObject) != 0 {
		value, ok := r.parseList(p, text, decode)
		if !ok {
			return nil, false
		}
		if p.accepts&^(kindArray|kindObject|kindNull) == 0 || r.passes(p.node, value, nil) {
			return value, true
		}
	}
	return r.scalar(p, whole), true
}

func (r *run) parseJSON(p *param, text string, decode func(string) (string, bool)) (any, bool) {
	whole, ok := decode(text)
	if ok {
		value, values, err := ijson.Decode([]byte(whole))
		if r.values += values; err == nil {
			return value, true
		}
	}
	r.wrongAt(p.name, "syntax", "must be JSON")
	return nil, false
}

// scalar gives a number, boolean, null or text.
func (r *run) scalar(p *param, text string) any {
	value, other := any(text), false
	switch {
	case p.accepts&(kindInteger|kindNumber) != 0 && text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'):
		value, other = ijson.Number(text)
	case p.accepts&kindBoolean != 0 && (text == "true" || text == "false"):
		value, other = text == "true", true
	case p.accepts&kindNull != 0 && (text == "" || text == "null"):
		value, other = nil, true
	}
	if !other {
		return text
	}
	if p.accepts&kindString != 0 && !r.passes(p.node, value, nil) {
		return text
	}
	return value
}

// parseList reads an array or an object whose parts are in one text.
func (r *run) parseList(p *param, text string, decode func(string) (string, bool)) (any, bool) {
	if p.style == (style{styleForm, true}) { // each item has a text of its own
		if p.accepts&kindArray == 0 {
			whole, ok := decode(text)
			return whole, ok
		}
		item := newParam(p.name, style{styleForm, false}, p.node.items())
		if item.accepts&(kindArray|kindObject) != 0 && item.accepts != kindAny {
			item.accepts = kindString
		}
		value, ok := r.parse(item, text, decode)
		return []any{value}, ok
	}
	parts := p.style.split(text)
	if len(parts) > pairsMax {
		r.wrongAt(p.name, "bound", "has too many parts")
		return nil, false
	}
	r.values += len(parts)
	if p.accepts&kindObject != 0 && p.accepts&kindArray == 0 {
		return r.parseObject(p, parts, decode)
	}
	list := make([]any, 0, len(parts))
	item := newParam(p.name, style{}, p.node.items())
	for _, part := range parts {
		if p.style.name == styleMatrix && p.style.explode {
			part = strings.TrimPrefix(part, p.name+"=")
		}
		text, ok := decode(part)
		if !ok {
			r.wrongAt(p.name, "syntax", "is not escaped as it should be")
			return nil, false
		}
		list = append(list, r.scalarOrText(item, text))
	}
	return list, true
}

func (r *run) scalarOrText(p *param, text string) any {
	if p.accepts == kindAny {
		return text
	}
	return r.scalar(p, text)
}

// parseObject reads name=value,… when the style is exploded, else name,value,….
func (r *run) parseObject(p *param, parts []string, decode func(string) (string, bool)) (any, bool) {
	object := map[string]any{}
	for len(parts) > 0 {
		name, text := parts[0], ""
		switch {
		case p.style.explode:
			name, text, _ = strings.Cut(parts[0], "=")
			parts = parts[1:]
		case len(parts) > 1:
			text, parts = parts[1], parts[2:]
		default:
			r.wrongAt(p.name, "syntax", "must be names and values in turn")
			return nil, false
		}
		name, ok := decode(name)
		value, fine := decode(text)
		if !ok || !fine {
			r.wrongAt(p.name, "syntax", "is not escaped as it should be")
			return nil, false
		}
		if _, twice := object[name]; twice {
			r.wrongAt(p.name, "repeated", "has a name more than once")
			return nil, false
		}
		object[name] = r.scalarOrText(newParam(name, style{}, p.node.property(name)), value)
	}
	return object, true
}
