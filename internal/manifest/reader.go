// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/dayfly-faas/dayfly"
)

// reader walks the syntax tree of one file, so that every error has a place.
type reader struct {
	file    string
	anchors map[string]ast.Node
	visited int

	function dayfly.FunctionName // that is being read
	facade   facade
}

// entry is one key of a mapping and what stands behind it, aliases followed.
type entry struct {
	key   string
	at    ast.Node // the key, for errors
	value ast.Node // nil when nothing stands there
}

func (r *reader) errorf(at ast.Node, format string, args ...any) *dayfly.Error {
	place := r.file
	if at != nil && at.GetToken() != nil && at.GetToken().Position != nil {
		position := at.GetToken().Position
		place = fmt.Sprintf("%s:%d:%d", r.file, position.Line, position.Column)
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%s: %s", place, fmt.Sprintf(format, args...))
}

// parse gives the one document of the file; nil when there is nothing in it.
func (r *reader) parse(data []byte) (ast.Node, error) {
	if err := r.checkDepth(data); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, r.syntaxError(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, r.errorf(doc.Body, "a second document starts here: a manifest is one document")
		}
		root = doc.Body
	}
	if root == nil {
		return nil, nil
	}
	r.anchors = map[string]ast.Node{}
	ast.Walk(anchorFinder(r.anchors), root)
	return r.resolve(root)
}

// checkDepth refuses nesting that would exhaust the parser's stack: brackets of flow
// style, and the columns that nested blocks need.
func (r *reader) checkDepth(data []byte) error {
	open := 0
	for number, line := range strings.Split(string(data), "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " -?:\t"))
		open += strings.Count(line, "[") + strings.Count(line, "{")
		tooDeep := open > columnsMax || indent > columnsMax
		open = max(0, open-strings.Count(line, "]")-strings.Count(line, "}"))
		if tooDeep {
			return dayfly.Errorf(dayfly.KindInvalid, "%s:%d: this line is nested too deeply",
				r.file, number+1)
		}
	}
	return nil
}

func (r *reader) syntaxError(err error) error {
	var known yaml.Error
	if !errors.As(err, &known) || known.GetToken() == nil {
		return dayfly.Errorf(dayfly.KindInvalid, "%s: %v", r.file, err)
	}
	position := known.GetToken().Position
	return dayfly.Errorf(dayfly.KindInvalid, "%s:%d:%d: %s",
		r.file, position.Line, position.Column, known.GetMessage())
}

type anchorFinder map[string]ast.Node

// Visit keeps every anchor by its name.
func (f anchorFinder) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok && anchor.Name != nil {
		f[anchor.Name.GetToken().Value] = anchor.Value
	}
	return f
}

// resolve follows anchors and aliases to what they stand for; nil for null.
func (r *reader) resolve(node ast.Node) (ast.Node, error) {
	for range depthMax {
		if r.visited++; r.visited > nodesMax {
			return nil, r.errorf(node, "the file holds more than %d values, aliases expanded", nodesMax)
		}
		switch n := node.(type) {
		case nil, *ast.NullNode:
			return nil, nil
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			target, ok := r.anchors[n.Value.GetToken().Value]
			if !ok {
				return nil, r.errorf(n, "alias *%s has no anchor", n.Value.GetToken().Value)
			}
			node = target
		case *ast.TagNode:
			return nil, r.errorf(n, "the tag %s is not supported", n.Start.Value)
		default:
			return node, nil
		}
	}
	return nil, r.errorf(node, "aliases are nested too deeply")
}

// mapping gives the entries of a mapping, those of merge keys (<<) included.
func (r *reader) mapping(node ast.Node, what string) ([]entry, error) {
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return nil, r.errorf(node, "%s must be a mapping of keys and values, not %s",
			what, kindOf(node))
	}
	var own, inherited []entry
	for _, pair := range pairs {
		value, err := r.resolve(pair.Value)
		if err != nil {
			return nil, err
		}
		if _, isMerge := pair.Key.(*ast.MergeKeyNode); !isMerge {
			own = append(own, entry{key: pair.Key.GetToken().Value, at: pair.Key, value: value})
			continue
		}
		merged, err := r.mapping(value, "what << merges")
		if err != nil {
			return nil, err
		}
		inherited = append(inherited, merged...)
	}
	for _, entry := range inherited {
		if !slices.ContainsFunc(own, entry.sameKey) {
			own = append(own, entry)
		}
	}
	return own, nil
}

func (e entry) sameKey(other entry) bool { return e.key == other.key }

func (r *reader) rootKey(m *Manifest, e entry) error {
	switch {
	case e.key == "project":
		text, err := r.text(e)
		if err != nil {
			return err
		}
		m.Project = dayfly.ProjectName(text)
		if err := dayfly.ValidateName("project", text); err != nil {
			return r.errorf(e.value, "%v", err)
		}
		return nil
	case e.key == "functions":
		return r.functions(m, e)
	case e.key == "queues":
		return r.queues(m, e)
	case e.key == "buckets":
		return r.buckets(m, e)
	case e.key == "site":
		r.facade.site = e
		return nil
	case e.key == "openapi":
		text, err := r.text(e)
		m.OpenAPI = text
		return err
	case slices.Contains(frontKeys(), e.key):
		r.facade.keys = append(r.facade.keys, e)
		return nil
	case strings.HasPrefix(e.key, "x-"): // a place for anchors
		return nil
	}
	return r.unknownKey(e, "the manifest", later()["manifest"],
		append([]string{"project", "functions", "queues", "buckets", "site", "openapi"}, frontKeys()...))
}

func (r *reader) unknownKey(e entry, where string, later, known []string) error {
	if slices.Contains(later, e.key) {
		return r.errorf(e.at, "key %q in %s is not available in this version of dayfly", e.key, where)
	}
	return r.errorf(e.at, "unknown key %q in %s; %s", clip(e.key), where, suggestion(e.key, known))
}

func (r *reader) functions(m *Manifest, e entry) error {
	if e.value == nil {
		return nil
	}
	entries, err := r.mapping(e.value, "functions")
	if err != nil {
		return err
	}
	if len(entries) > functionsMax {
		return r.errorf(e.at, "there are %d functions, at most %d are allowed",
			len(entries), functionsMax)
	}
	table := fields()
	for _, entry := range entries {
		if err := dayfly.ValidateName("function", entry.key); err != nil {
			return r.errorf(entry.at, "%v", err)
		}
		settings := Function{}
		r.function = dayfly.FunctionName(entry.key)
		where := fmt.Sprintf("function %q", entry.key)
		if err := r.group(entry, where, table, &settings); err != nil {
			return err
		}
		if err := checkPair(settings.Instances); err != nil {
			return r.errorf(entry.at, "%s: %v", where, err)
		}
		m.Functions[dayfly.FunctionName(entry.key)] = settings
	}
	return nil
}

func checkPair(bounds Instances) error {
	if bounds.Min != nil && bounds.Max != nil && *bounds.Min > *bounds.Max {
		return fmt.Errorf("instances.min %d is more than instances.max %d", *bounds.Min, *bounds.Max)
	}
	return nil
}

func (r *reader) group(e entry, where string, table []field, settings *Function) error {
	if e.value == nil {
		return nil
	}
	entries, err := r.mapping(e.value, where)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		at := slices.IndexFunc(table, func(f field) bool { return f.key == entry.key })
		if at < 0 {
			known := make([]string, len(table))
			for i, field := range table {
				known[i] = field.key
			}
			return r.unknownKey(entry, where, later()["function"], known)
		}
		if err := r.field(entry, where, &table[at], settings); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) field(e entry, where string, f *field, settings *Function) error {
	if f.shape == shapeGroup {
		return r.group(e, fmt.Sprintf("%s of %s", f.key, where), f.group, settings)
	}
	read, err := r.value(e, f)
	if err != nil {
		return err
	}
	f.keep(settings, read)
	if f.apply == nil {
		return nil
	}
	probe := dayfly.DefaultSpec()
	probe.Env = secretsOf(settings)   // which may come with the environment, later
	probe.Scaling.MaxInstances = 1000 // so that min alone is not held against a default
	err = f.apply(settings, &probe)
	if err == nil {
		probe.Contract, probe.Command = dayfly.ContractHTTP, []string{"x"}
		probe.Scaling.MaxInstances = max(probe.Scaling.MaxInstances, probe.Scaling.MinInstances)
		err = probe.Validate()
	}
	if err != nil {
		return r.errorf(orKey(e), "%s of %s: %v", f.key, where, err)
	}
	return nil
}

// secretsOf gives every variable that a webhook's secret is in.
func secretsOf(f *Function) map[string]string {
	env := map[string]string{}
	for _, t := range f.On {
		if t.Webhook != nil {
			env[t.Webhook.Secret] = "unknown"
		}
	}
	return env
}

func orKey(e entry) ast.Node {
	if e.value != nil {
		return e.value
	}
	return e.at
}

func (r *reader) value(e entry, f *field) (value, error) {
	switch f.shape {
	case shapeNumber:
		text, err := r.text(e)
		if err != nil {
			return value{}, err
		}
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return value{}, r.errorf(e.value, "%s must be a whole number, not %.40q", e.key, text)
		}
		return value{number: number}, nil
	case shapeWords:
		words, err := r.words(e)
		return value{words: words}, err
	case shapeTable:
		table, err := r.table(e)
		return value{table: table}, err
	case shapeTriggers:
		list, err := r.triggers(e)
		return value{triggers: list}, err
	case shapeList:
		list, err := r.list(e)
		return value{words: list}, err
	case shapeFlag:
		flag, err := r.flag(e)
		return value{flag: flag}, err
	case shapeJSON:
		text, err := r.json(e)
		return value{text: text}, err
	case shapeFilter:
		text, err := r.filter(e)
		return value{text: text}, err
	}
	text, err := r.text(e)
	return value{text: text}, err
}

// text gives a scalar as it is written: 0.5 stays "0.5", whatever its type is.
func (r *reader) text(e entry) (string, error) {
	switch n := e.value.(type) {
	case nil:
		return "", r.errorf(e.at, "%s has no value", e.key)
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	}
	return "", r.errorf(e.value, "%s must be a single value, not %s", e.key, kindOf(e.value))
}

func (r *reader) words(e entry) ([]string, error) {
	list, ok := e.value.(*ast.SequenceNode)
	if !ok {
		line, err := r.text(e)
		if err == nil && strings.TrimSpace(line) == "" {
			err = r.errorf(e.value, "%s is empty", e.key)
		}
		if err != nil {
			return nil, err
		}
		return SplitCommand(line), nil
	}
	return r.listed(e, list)
}

// list reads a list of strings, or one string.
func (r *reader) list(e entry) ([]string, error) {
	if list, ok := e.value.(*ast.SequenceNode); ok {
		return r.listed(e, list)
	}
	text, err := r.text(e)
	return []string{text}, err
}

func (r *reader) listed(e entry, list *ast.SequenceNode) ([]string, error) {
	if len(list.Values) == 0 || len(list.Values) > wordsMax {
		return nil, r.errorf(e.value, "%s has %d words, must have 1 to %d",
			e.key, len(list.Values), wordsMax)
	}
	var words []string
	for _, node := range list.Values {
		node, err := r.resolve(node)
		if err != nil {
			return nil, err
		}
		word, err := r.text(entry{key: "each word of " + e.key, at: e.at, value: node})
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

func (r *reader) table(e entry) (map[string]string, error) {
	table := map[string]string{}
	if e.value == nil {
		return table, nil
	}
	entries, err := r.mapping(e.value, e.key)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.value == nil {
			table[entry.key] = ""
			continue
		}
		if table[entry.key], err = r.text(entry); err != nil {
			return nil, err
		}
	}
	return table, nil
}

func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case nil:
		return "nothing"
	}
	return "a single value"
}
