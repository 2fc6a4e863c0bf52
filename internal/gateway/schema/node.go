// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// kinds is a set of types.
type kinds uint8

// The types of JSON; a number that is whole is an integer too.
const (
	kindNull kinds = 1 << iota
	kindBoolean
	kindInteger
	kindNumber
	kindString
	kindArray
	kindObject
	kindAny = kindNull | kindBoolean | kindInteger | kindNumber | kindString | kindArray | kindObject
)

// enumMapMin is the number of texts from which a look-up in a map is faster than comparing.
const enumMapMin = 8

// node is a schema, ready to check with. Nodes may refer to each other in circles.
type node struct {
	never    bool  // the schema false
	kinds    kinds // those allowed
	format   *jsonschema.Format
	constant *any
	enum     []any
	texts    map[string]bool // the enum, when it is long and all of texts

	ref             *node
	all, any, one   []*node
	not, cond       *node
	then, otherwise *node
	discriminator   string
	choice          map[string]*node // by the discriminator's value
	object          *objectRules
	array           *arrayRules
	text            *textRules
	number          *numberRules
	readOnly        bool
	writeOnly       bool
}

type objectRules struct {
	min, max          int // -1: no bound
	required          []string
	properties        map[string]*node
	telling           []string // properties with one value: they tell forms apart
	patterns          []patternNode
	additional        *node // nil: all
	names             *node
	dependentRequired map[string][]string
	dependentSchemas  map[string]*node
	unevaluated       *node
}

type patternNode struct {
	pattern jsonschema.Regexp
	node    *node
}

type arrayRules struct {
	min, max    int
	unique      bool
	prefix      []*node
	items       *node
	contains    *node
	minContains int
	maxContains int
	unevaluated *node
}

type textRules struct {
	min, max int
	pattern  jsonschema.Regexp
}

type numberRules struct {
	min, max, above, below *limit
	multiple               *limit
}

// translate gives the node of a schema; each schema has one.
func (c *compiler) translate(s *jsonschema.Schema) (*node, error) {
	n := c.link(s)
	fresh := c.fresh
	c.fresh = nil
	state := map[*node]int{}
	for _, one := range fresh {
		if one.circular(state) {
			return nil, errors.New("a schema refers to itself, and would never be done")
		}
	}
	return n, nil
}

// link makes the node of s, and of those it refers to.
func (c *compiler) link(s *jsonschema.Schema) *node {
	if s == nil {
		return nil
	}
	if n, known := c.nodes[s]; known {
		return n
	}
	n := &node{kinds: kindAny, format: s.Format, constant: s.Const, readOnly: s.ReadOnly, writeOnly: s.WriteOnly}
	c.nodes[s] = n
	c.fresh = append(c.fresh, n)
	if s.Bool != nil {
		n.never = !*s.Bool
		return n
	}
	if s.Types != nil && !s.Types.IsEmpty() {
		n.kinds = kindsOf(s.Types.ToStrings())
	}
	if s.Enum != nil && len(s.Enum.Values) == 1 && n.constant == nil {
		n.constant = &s.Enum.Values[0]
	} else if s.Enum != nil {
		n.enum = s.Enum.Values
		n.indexEnum()
	}
	n.ref, n.not = c.link(s.Ref), c.link(s.Not)
	n.cond, n.then, n.otherwise = c.link(s.If), c.link(s.Then), c.link(s.Else)
	n.all, n.any, n.one = c.list(s.AllOf), c.list(s.AnyOf), c.list(s.OneOf)
	n.object, n.array, n.text, n.number = c.objectRules(s), c.arrayRules(s), newTextRules(s), newNumberRules(s)
	for _, extension := range s.Extensions {
		if d, ok := extension.(*discriminator); ok {
			n.discriminator, n.choice = d.property, c.choices(d, append(slices.Clone(s.OneOf), s.AnyOf...))
		}
	}
	return n
}

func (c *compiler) list(schemas []*jsonschema.Schema) []*node {
	var list []*node
	for _, s := range schemas {
		list = append(list, c.link(s))
	}
	return list
}

func (c *compiler) named(schemas map[string]*jsonschema.Schema) map[string]*node {
	if len(schemas) == 0 {
		return nil
	}
	named := make(map[string]*node, len(schemas))
	for name, s := range schemas {
		named[name] = c.link(s)
	}
	return named
}

// choices tells which of several schemas a discriminator's value stands for: by its mapping,
// and by the names of the components.
func (c *compiler) choices(d *discriminator, schemas []*jsonschema.Schema) map[string]*node {
	choice := map[string]*node{}
	for _, s := range schemas {
		if s.Ref == nil {
			return nil // a form without a name could be meant by any value
		}
		mapped := false
		for value, address := range d.mapping {
			if s.Ref.Location == address {
				choice[value], mapped = c.link(s), true
			}
		}
		if name, _, ok := c.component(s.Ref.Location); ok && !mapped {
			choice[name] = c.link(s)
		}
	}
	return choice
}

func (c *compiler) objectRules(s *jsonschema.Schema) *objectRules {
	o := &objectRules{min: bound(s.MinProperties), max: bound(s.MaxProperties), required: s.Required,
		properties: c.named(s.Properties), names: c.link(s.PropertyNames), dependentRequired: s.DependentRequired,
		dependentSchemas: c.named(s.DependentSchemas), unevaluated: c.link(s.UnevaluatedProperties)}
	for name, property := range s.Properties {
		if property.Const != nil || property.Enum != nil && len(property.Enum.Values) == 1 {
			o.telling = append(o.telling, name)
		}
	}
	for pattern, schema := range s.PatternProperties {
		o.patterns = append(o.patterns, patternNode{pattern, c.link(schema)})
	}
	switch additional := s.AdditionalProperties.(type) {
	case bool:
		if !additional {
			o.additional = &node{never: true}
		} else {
			o.additional = &node{kinds: kindAny}
		}
	case *jsonschema.Schema:
		o.additional = c.link(additional)
	}
	if o.min < 0 && o.max < 0 && o.required == nil && o.properties == nil && o.names == nil && o.patterns == nil &&
		o.additional == nil && o.dependentRequired == nil && o.dependentSchemas == nil && o.unevaluated == nil {
		return nil
	}
	return o
}

func (c *compiler) arrayRules(s *jsonschema.Schema) *arrayRules {
	a := &arrayRules{min: bound(s.MinItems), max: bound(s.MaxItems), unique: s.UniqueItems,
		prefix: c.list(s.PrefixItems), items: c.link(s.Items2020), contains: c.link(s.Contains),
		minContains: bound(s.MinContains), maxContains: bound(s.MaxContains), unevaluated: c.link(s.UnevaluatedItems)}
	if a.min < 0 && a.max < 0 && !a.unique && a.prefix == nil && a.items == nil && a.contains == nil &&
		a.unevaluated == nil {
		return nil
	}
	return a
}

func newTextRules(s *jsonschema.Schema) *textRules {
	if s.MinLength == nil && s.MaxLength == nil && s.Pattern == nil {
		return nil
	}
	return &textRules{min: bound(s.MinLength), max: bound(s.MaxLength), pattern: s.Pattern}
}

func newNumberRules(s *jsonschema.Schema) *numberRules {
	n := numberRules{min: newLimit(s.Minimum), max: newLimit(s.Maximum), above: newLimit(s.ExclusiveMinimum),
		below: newLimit(s.ExclusiveMaximum), multiple: newLimit(s.MultipleOf)}
	if n == (numberRules{}) {
		return nil
	}
	return &n
}

func bound(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func (n *node) indexEnum() {
	if len(n.enum) < enumMapMin {
		return
	}
	texts := map[string]bool{}
	for _, value := range n.enum {
		text, ok := value.(string)
		if !ok {
			return
		}
		texts[text] = true
	}
	n.texts = texts
}

// inPlace are the nodes that are applied to the same value as n.
func (n *node) inPlace() []*node {
	list := slices.Concat([]*node{n.ref, n.cond, n.then, n.otherwise}, n.all, n.any, n.one)
	if n.object != nil {
		list = slices.AppendSeq(list, maps.Values(n.object.dependentSchemas))
	}
	return slices.DeleteFunc(list, func(n *node) bool { return n == nil })
}

// accepts gives the types that may pass n, seen through references and choices.
func (n *node) accepts() kinds { return n.seen(map[*node]kinds{}) }

func (n *node) seen(known map[*node]kinds) kinds {
	if found, ok := known[n]; ok {
		return found
	}
	known[n] = kindAny // for one that refers to itself
	found := n.kinds
	if n.constant != nil {
		found &= kindOf(*n.constant)
	}
	if n.enum != nil {
		var listed kinds
		for _, value := range n.enum {
			listed |= kindOf(value)
		}
		found &= listed
	}
	if n.ref != nil {
		found &= n.ref.seen(known)
	}
	for _, part := range n.all {
		found &= part.seen(known)
	}
	for _, choice := range [][]*node{n.any, n.one} {
		either := kinds(0)
		for _, part := range choice {
			either |= part.seen(known)
		}
		if len(choice) > 0 {
			found &= either
		}
	}
	known[n] = found
	return found
}

// circular tells that n is applied to a value by way of n itself, which would never end.
func (n *node) circular(state map[*node]int) bool {
	const under, done = 1, 2
	switch state[n] {
	case under:
		return true
	case done:
		return false
	}
	state[n] = under
	found := slices.ContainsFunc(n.inPlace(), func(part *node) bool { return part.circular(state) })
	state[n] = done
	return found
}

// find looks for something in n and in what is applied in its place.
func find[T any](n *node, look func(*node) (T, bool)) (T, bool) {
	return findIn(n, look, map[*node]bool{})
}

func findIn[T any](n *node, look func(*node) (T, bool), seen map[*node]bool) (T, bool) {
	var none T
	if seen[n] {
		return none, false
	}
	seen[n] = true
	if found, ok := look(n); ok {
		return found, true
	}
	for _, part := range n.inPlace() {
		if found, ok := findIn(part, look, seen); ok {
			return found, true
		}
	}
	return none, false
}

// property gives the schema of a property, or nil.
func (n *node) property(name string) *node {
	found, _ := find(n, func(n *node) (*node, bool) {
		if n.object == nil {
			return nil, false
		}
		if p := n.object.properties[name]; p != nil {
			return p, true
		}
		return n.object.additional, n.object.additional != nil && !n.object.additional.never
	})
	return found
}

// items gives the schema of an array's items, or nil.
func (n *node) items() *node {
	found, _ := find(n, func(n *node) (*node, bool) {
		if n.array == nil {
			return nil, false
		}
		return n.array.items, n.array.items != nil
	})
	return found
}

// names gives the properties that n and what is applied in its place name, sorted.
func (n *node) names() []string {
	var names []string
	find(n, func(n *node) (bool, bool) {
		if n.object != nil {
			names = slices.AppendSeq(names, maps.Keys(n.object.properties))
			names = append(names, n.object.required...)
		}
		return false, false
	})
	slices.Sort(names)
	return slices.Compact(names)
}

func kindsOf(names []string) kinds {
	var set kinds
	for _, name := range names {
		switch name {
		case "null":
			set |= kindNull
		case "boolean":
			set |= kindBoolean
		case "integer":
			set |= kindInteger
		case "number":
			set |= kindNumber | kindInteger
		case "string":
			set |= kindString
		case "array":
			set |= kindArray
		case "object":
			set |= kindObject
		}
	}
	return set
}

// String names the types: "an integer or null".
func (k kinds) String() string {
	if k&kindNumber != 0 {
		k &^= kindInteger
	}
	var names []string
	for i, name := range []string{"null", "a boolean", "an integer", "a number", "a string", "an array", "an object"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	slices.Reverse(names)
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return fmt.Sprintf("%s or %s", strings.Join(names[:last], ", "), names[last])
}
