// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// wholePath is the pattern of the site of a project: everything that no other route has.
const wholePath = "/{path...}"

// frontKeys are the keys of a manifest that make its front, beside site and openapi.
func frontKeys() []string {
	return []string{"hosts", "auth", "routes", "every", "components", "direct"}
}

// facade is what was read of a front, with the places of it.
type facade struct {
	keys   []entry
	site   entry
	routes []owned // of functions, by on
}

// owned is a route that stands with its function.
type owned struct {
	pattern  string
	function dayfly.FunctionName
	at       ast.Node
	options  []entry
}

// httpTrigger reads an entry {http: PATTERN} of on, which is a route of the project.
func (r *reader) httpTrigger(node ast.Node) (bool, error) {
	entries, err := r.mapping(node, "each entry of on")
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.key == "http" })
	if i < 0 {
		return false, nil
	}
	if r.function == "" {
		return false, r.errorf(entries[i].at, "http is for functions of a manifest")
	}
	at := entries[i]
	options := slices.Delete(slices.Clone(entries), i, i+1)
	patterns, err := r.list(at)
	if err != nil {
		return false, err
	}
	for _, pattern := range patterns {
		r.facade.routes = append(r.facade.routes, owned{pattern, r.function, at.at, options})
	}
	return true, nil
}

// front puts what was read together and checks it.
func (r *reader) front(m *Manifest) error {
	if len(r.facade.keys) == 0 && len(r.facade.routes) == 0 && r.facade.site.at == nil {
		return nil
	}
	document, places, err := r.frontDocument()
	if err != nil {
		return err
	}
	f, err := front.Decode(document)
	if err == nil {
		err = f.Check()
	}
	var problem *front.Problem
	if errors.As(err, &problem) {
		return r.errorf(r.find(places, problem.Path), "%v", problem)
	}
	m.Front = f
	return err
}

// frontDocument gives the front as JSON, and the places of its keys.
func (r *reader) frontDocument() ([]byte, []entry, error) {
	document, routes, places := map[string]json.RawMessage{}, map[string]json.RawMessage{}, slices.Clone(r.facade.keys)
	for _, e := range r.facade.keys {
		text, err := r.appendJSON(nil, e.value, 0)
		if err != nil {
			return nil, nil, err
		}
		document[e.key] = text
		if e.key == "routes" && e.value != nil && json.Unmarshal(text, &routes) != nil {
			return nil, nil, r.errorf(e.at, "routes must be a mapping of patterns and what they lead to")
		}
	}
	if e := r.facade.site; e.at != nil {
		if _, taken := routes[wholePath]; taken {
			return nil, nil, r.errorf(e.at, "site and the route %s exclude each other", wholePath)
		}
		text, err := r.appendJSON(nil, e.value, 0)
		if err != nil {
			return nil, nil, err
		}
		routes[wholePath] = append(append([]byte(`{"site":`), text...), '}')
	}
	for _, o := range r.facade.routes {
		if _, taken := routes[o.pattern]; taken {
			return nil, nil, r.errorf(o.at, "the route %s is there twice", o.pattern)
		}
		options := map[string]json.RawMessage{"function": appendString(nil, string(o.function))}
		for _, e := range o.options {
			text, err := r.appendJSON(nil, e.value, 0)
			if err != nil {
				return nil, nil, err
			}
			options[e.key] = text
		}
		text, err := json.Marshal(options)
		if err != nil {
			return nil, nil, err
		}
		routes[o.pattern] = text
	}
	if len(routes) > 0 {
		text, err := json.Marshal(routes)
		if err != nil {
			return nil, nil, err
		}
		document["routes"] = text
	}
	text, err := json.Marshal(document)
	return text, places, err
}

// find gives the place of a path of keys and indexes, as near as there is one.
func (r *reader) find(entries []entry, path []string) ast.Node {
	var at ast.Node
	if len(path) > 1 && path[0] == "routes" {
		pattern := path[1]
		for _, o := range r.facade.routes {
			if o.pattern == pattern {
				at, entries, path = o.at, o.options, path[2:]
				break
			}
		}
		if r.facade.site.at != nil && pattern == wholePath {
			at, entries, path = r.facade.site.at, []entry{r.facade.site}, path[2:]
		}
	}
	for _, key := range path {
		i := slices.IndexFunc(entries, func(e entry) bool { return e.key == key })
		if i < 0 {
			return at
		}
		at = entries[i].at
		entries = r.inside(entries[i].value)
	}
	return at
}

// inside gives what a mapping or a list holds.
func (r *reader) inside(node ast.Node) []entry {
	if list, is := node.(*ast.SequenceNode); is {
		var entries []entry
		for i, node := range list.Values {
			value, _ := r.resolve(node)
			entries = append(entries, entry{key: strconv.Itoa(i), at: node, value: value})
		}
		return entries
	}
	if node == nil {
		return nil
	}
	entries, err := r.mapping(node, "it")
	if err != nil {
		return nil // the place that is known is near enough
	}
	return entries
}

// Routes gives the patterns of the front, sorted.
func (m *Manifest) Routes() []string {
	if m.Front == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(m.Front.Routes))
}
