// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/dayfly-faas/dayfly"
)

// reader turns a syntax tree into what JSON would hold.
type reader struct {
	l       *loader
	file    *file
	anchors map[string]ast.Node
}

func (l *loader) parseYAML(f *file) (any, error) {
	root, err := syntax(f)
	if err != nil || root == nil {
		return nil, err
	}
	r := &reader{l, f, map[string]ast.Node{}}
	ast.Walk(anchors(r.anchors), root)
	return r.value(root, 0)
}

// syntax gives the syntax tree of a file's one document.
func syntax(f *file) (ast.Node, error) {
	if err := checkDepth(f); err != nil {
		return nil, err
	}
	parsed, err := parser.ParseBytes(f.data, 0)
	var known yaml.Error
	switch {
	case errors.As(err, &known) && known.GetToken() != nil && known.GetToken().Position != nil:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s:%d: %s", f.path, known.GetToken().Position.Line, known.GetMessage())
	case err != nil:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", f.path, err)
	}
	var root ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: it holds two documents", f.path)
		}
		root = doc.Body
	}
	return root, nil
}

// checkDepth refuses nesting that would exhaust the parser's stack. Brackets in texts count
// too: nobody writes as many.
func checkDepth(f *file) error {
	open := 0
	for number, line := range strings.Split(string(f.data), "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " -?:\t"))
		open += strings.Count(line, "[") + strings.Count(line, "{")
		tooDeep := open > columnsMax*10 || indent > columnsMax
		open = max(0, open-strings.Count(line, "]")-strings.Count(line, "}"))
		if tooDeep {
			return dayfly.Errorf(dayfly.KindInvalid, "%s:%d: this line is nested too deeply", f.path, number+1)
		}
	}
	return nil
}

type anchors map[string]ast.Node

// Visit keeps every anchor by its name.
func (a anchors) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok && anchor.Name != nil {
		a[anchor.Name.GetToken().Value] = anchor.Value
	}
	return a
}

func (r *reader) errorf(at ast.Node, format string, args ...any) error {
	line := ""
	if token := at.GetToken(); token != nil && token.Position != nil {
		line = fmt.Sprintf(":%d", token.Position.Line)
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%s%s: %s", r.file.path, line, fmt.Sprintf(format, args...))
}

// value gives nil, bool, string, json.Number, []any or map[string]any.
func (r *reader) value(node ast.Node, depth int) (any, error) {
	if r.l.values++; r.l.values > valuesMax || depth > depthMax {
		return nil, r.errorf(node, "the document holds more than %d values, or is deeper than %d", valuesMax, depthMax)
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		return r.value(n.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, r.errorf(n, "the alias %s has no anchor", n.Value.GetToken().Value)
		}
		return r.value(target, depth+1)
	case *ast.MappingNode:
		return r.mapping(n.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for _, item := range n.Values {
			inner, err := r.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, inner)
		}
		return list, nil
	}
	return r.scalar(node)
}

func (r *reader) scalar(node ast.Node) (any, error) {
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		text := n.GetToken().Value
		if json.Valid([]byte(text)) {
			return json.Number(text), nil
		}
		if whole, ok := n.(*ast.IntegerNode); ok {
			return json.Number(fmt.Sprint(whole.Value)), nil
		}
		return json.Number(fmt.Sprint(n.(*ast.FloatNode).Value)), nil
	case *ast.TagNode:
		if n.Start.Value == "!!str" && n.Value != nil {
			return n.Value.GetToken().Value, nil
		}
		return nil, r.errorf(n, "the tag %s is not supported", n.Start.Value)
	}
	return nil, r.errorf(node, "%.80s is nothing that JSON can hold", node.String())
}

func (r *reader) mapping(pairs []*ast.MappingValueNode, depth int) (any, error) {
	object := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		inner, err := r.value(pair.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if pair.Key.IsMergeKey() {
			if err := r.merge(object, inner, pair); err != nil {
				return nil, err
			}
			continue
		}
		object[key(pair.Key)] = inner
	}
	return object, nil
}

// merge takes over what stands behind <<, where object has nothing of its own.
func (r *reader) merge(object map[string]any, from any, at ast.Node) error {
	list, many := from.([]any)
	if !many {
		list = []any{from}
	}
	for _, one := range list {
		other, ok := one.(map[string]any)
		if !ok {
			return r.errorf(at, "<< merges mappings only")
		}
		for name, inner := range other {
			if _, own := object[name]; !own {
				object[name] = inner
			}
		}
	}
	return nil
}

// key gives the text of a key: a status is often written as a number.
func key(node ast.MapKeyNode) string {
	if text, ok := node.(*ast.StringNode); ok {
		return text.Value
	}
	return node.GetToken().Value
}

// line looks up the line of a place, or gives 0.
func (p place) line() int {
	node, err := syntax(p.file)
	if err != nil || node == nil {
		return 0
	}
	for _, part := range parts(p.pointer) {
		next := step(node, part)
		if next == nil {
			break
		}
		node = next
	}
	token := node.GetToken()
	if pair, ok := node.(*ast.MappingValueNode); ok {
		token = pair.Key.GetToken()
	}
	if token == nil || token.Position == nil {
		return 0
	}
	return token.Position.Line
}

// step gives what stands under a key, as the pair itself, or an index.
func step(node ast.Node, part string) ast.Node {
	if pair, ok := node.(*ast.MappingValueNode); ok {
		if inside := lookUp(pair.Value, part); inside != nil {
			return inside
		}
	}
	return lookUp(node, part)
}

func lookUp(node ast.Node, part string) ast.Node {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return lookUp(n.Value, part)
	case *ast.MappingNode:
		for _, pair := range n.Values {
			if key(pair.Key) == part {
				return pair
			}
		}
	case *ast.MappingValueNode:
		if key(n.Key) == part {
			return n
		}
	case *ast.SequenceNode:
		for i, item := range n.Values {
			if fmt.Sprint(i) == part {
				return item
			}
		}
	}
	return nil
}
