// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// triggersMax bounds the entries of one on; it is the vocabulary's.
const triggersMax = 100

// triggers reads the list of on.
func (r *reader) triggers(e entry) ([]Trigger, error) {
	if e.value == nil {
		return nil, nil
	}
	list, ok := e.value.(*ast.SequenceNode)
	if !ok {
		return nil, r.errorf(e.value, `on must be a list, such as [{cron: "0 9 * * *"}], not %s`, kindOf(e.value))
	}
	if len(list.Values) > triggersMax {
		return nil, r.errorf(e.value, "on has %d entries, at most %d are allowed", len(list.Values), triggersMax)
	}
	result := make([]Trigger, 0, len(list.Values))
	for _, node := range list.Values {
		node, err := r.resolve(node)
		if err != nil {
			return nil, err
		}
		if node == nil {
			return nil, r.errorf(e.at, "an entry of on is empty")
		}
		isRoute, err := r.httpTrigger(node)
		if err != nil {
			return nil, err
		}
		if isRoute {
			continue
		}
		t, err := r.trigger(node)
		if err != nil {
			return nil, err
		}
		result = append(result, t)
	}
	return result, nil
}

// trigger reads one entry: the key of a kind, options beside it or below it, a name, a
// path.
func (r *reader) trigger(node ast.Node) (t Trigger, err error) {
	entries, err := r.mapping(node, "each entry of on")
	if err != nil {
		return t, err
	}
	kind, kindEntry, err := r.listener(node, entries)
	if err != nil {
		return t, err
	}
	kind.make(&t)
	given := map[string]bool{}
	if err := r.below(kindEntry, &kind, &t, given); err != nil {
		return t, err
	}
	for _, e := range entries {
		switch {
		case e.key == kind.key:
		case e.key == "name":
			if t.Name, err = r.text(e); err == nil && dayfly.ValidateName("trigger", t.Name) != nil {
				err = r.errorf(e.value, "%v", dayfly.ValidateName("trigger", t.Name))
			}
		case e.key == "path":
			t.Path, err = r.text(e)
		default:
			err = r.option(e, &kind, &t, given)
		}
		if err != nil {
			return t, err
		}
	}
	for _, o := range kind.options {
		if o.needed && !given[o.key] {
			return t, r.errorf(kindEntry.at, "%s needs %s: %s", kind.key, o.key, inSentence(o.doc))
		}
	}
	return t, r.wholeTrigger(kindEntry, t)
}

// wholeTrigger checks what no option shows alone.
func (r *reader) wholeTrigger(at entry, t Trigger) error {
	read, err := t.read()
	if err == nil {
		list := []dayfly.Trigger{read}
		NameTriggers(list)
		err = list[0].Validate()
	}
	if err != nil {
		return r.errorf(orKey(at), "%s: %v", at.key, err)
	}
	return nil
}

// listener finds what the entry listens to.
func (r *reader) listener(node ast.Node, entries []entry) (found listener, at entry, err error) {
	var known []string
	for _, kind := range listeners() {
		known = append(known, kind.key)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.key == kind.key })
		if i < 0 {
			continue
		}
		if at.at != nil {
			return found, at, r.errorf(entries[i].at, "one entry of on listens to both %s and %s: make it two",
				at.key, kind.key)
		}
		found, at = kind, entries[i]
	}
	if at.at != nil {
		return found, at, nil
	}
	for _, e := range entries {
		if near := nearest(e.key, known); near != "" {
			return found, at, r.errorf(e.at, "unknown key %q in on; did you mean %q?", clip(e.key), near)
		}
	}
	return found, at, r.errorf(node, "an entry of on must listen to one of %s", strings.Join(known, ", "))
}

// below reads what stands behind the kind's key: its main option, or a mapping.
func (r *reader) below(e entry, kind *listener, t *Trigger, given map[string]bool) error {
	switch e.value.(type) {
	case nil:
		return r.errorf(e.at, "%s has no value", e.key)
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		main := e
		main.key = kind.options[0].key
		return r.option(main, kind, t, given)
	}
	entries, err := r.mapping(e.value, kind.key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := r.option(e, kind, t, given); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) option(e entry, kind *listener, t *Trigger, given map[string]bool) error {
	at := slices.IndexFunc(kind.options, func(o option) bool { return o.key == e.key })
	if at < 0 {
		known := make([]string, len(kind.options))
		for i, o := range kind.options {
			known[i] = o.key
		}
		return r.unknownKey(e, kind.key, nil, known)
	}
	o := &kind.options[at]
	if given[o.key] {
		return r.errorf(e.at, "%s of %s is said twice", o.key, kind.key)
	}
	given[o.key] = true
	v, err := r.value(e, &field{key: e.key, shape: o.shape})
	if err != nil {
		return err
	}
	if err := o.judge(v); err != nil {
		return r.errorf(orKey(e), "%s of %s: %v", o.key, kind.key, err)
	}
	o.put(t, v)
	return nil
}

// judge reports what is wrong with a value by itself.
func (o *option) judge(v value) error {
	switch o.shape {
	case shapeEnum:
		if v.text == "" {
			return dayfly.Errorf(dayfly.KindInvalid, "it is empty; %s", suggestion("", o.enum))
		}
		return oneOf(v.text, o.enum)
	case shapeSpan:
		_, err := quantity.ParseDuration(v.text)
		return err
	case shapeNumber:
		if v.number < o.min || v.number > o.max {
			return dayfly.Errorf(dayfly.KindInvalid, "%d is not between %d and %d", v.number, o.min, o.max)
		}
	case shapeText:
		if v.text == "" && o.needed {
			return dayfly.Errorf(dayfly.KindInvalid, "it is empty")
		}
	}
	if o.check != nil {
		return o.check(v.text)
	}
	return nil
}

// flag reads true or false.
func (r *reader) flag(e entry) (bool, error) {
	n, ok := e.value.(*ast.BoolNode)
	if !ok {
		return false, r.errorf(orKey(e), "%s must be true or false", e.key)
	}
	return n.Value, nil
}

// filter reads a text, or a pattern that is written as YAML.
func (r *reader) filter(e entry) (string, error) {
	switch e.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return r.json(e)
	}
	return r.text(e)
}

// json gives any value as JSON; a text that is a JSON object or list itself, as AWS's
// tools have it, stays what it is.
func (r *reader) json(e entry) (string, error) {
	if text, err := r.text(e); err == nil {
		trimmed := strings.TrimSpace(text)
		isDocument := strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
		var compact bytes.Buffer
		if isDocument && json.Compact(&compact, []byte(trimmed)) == nil {
			return compact.String(), nil
		}
	}
	out, err := r.appendJSON(nil, e.value, 0)
	return string(out), err
}

func (r *reader) appendJSON(out []byte, node ast.Node, depth int) ([]byte, error) {
	node, err := r.resolve(node)
	if err != nil {
		return nil, err
	}
	if depth > depthMax {
		return nil, r.errorf(node, "this is nested too deeply")
	}
	switch n := node.(type) {
	case nil:
		return append(out, "null"...), nil
	case *ast.BoolNode:
		return strconv.AppendBool(out, n.Value), nil
	case *ast.IntegerNode:
		return fmt.Append(out, n.Value), nil
	case *ast.SequenceNode:
		return r.appendList(out, n, depth)
	case *ast.MappingNode, *ast.MappingValueNode:
		return r.appendObject(out, node, depth)
	}
	if n, ok := node.(*ast.FloatNode); ok {
		if text, err := json.Marshal(n.Value); err == nil {
			return append(out, text...), nil
		}
	}
	text, err := r.text(entry{key: "each value", at: node, value: node})
	if err != nil {
		return nil, err
	}
	return appendString(out, text), nil
}

func (r *reader) appendList(out []byte, list *ast.SequenceNode, depth int) (_ []byte, err error) {
	out = append(out, '[')
	for i, node := range list.Values {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = r.appendJSON(out, node, depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

func (r *reader) appendObject(out []byte, node ast.Node, depth int) ([]byte, error) {
	entries, err := r.mapping(node, "it")
	if err != nil {
		return nil, err
	}
	out = append(out, '{')
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, e.key), ':')
		if out, err = r.appendJSON(out, e.value, depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendString(out []byte, text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read it again
	if err := e.Encode(text); err != nil {
		panic("bug: a string has no JSON: " + err.Error())
	}
	return append(out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// inSentence gives a description as it stands behind a colon.
func inSentence(doc string) string {
	return strings.TrimSuffix(strings.ToLower(doc[:1])+doc[1:], ".")
}
