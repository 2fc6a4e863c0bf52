// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"maps"
	"slices"

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
	document, err := r.frontDocument()
	if err != nil {
		return err
	}
	f, err := front.Decode(document)
	if err == nil {
		err = f.Check()
	}
	if err != nil {
		return m.Locate(err)
	}
	m.Front = f
	return nil
}

// frontDocument gives the front as JSON.
func (r *reader) frontDocument() ([]byte, error) {
	document, routes := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, e := range r.facade.keys {
		text, err := r.appendJSON(nil, e.value, 0)
		if err != nil {
			return nil, err
		}
		document[e.key] = text
		if e.key == "routes" && e.value != nil && json.Unmarshal(text, &routes) != nil {
			return nil, r.errorf(e.at, "routes must be a mapping of patterns and what they lead to")
		}
	}
	if e := r.facade.site; e.at != nil {
		if _, taken := routes[wholePath]; taken {
			return nil, r.errorf(e.at, "site and the route %s exclude each other", wholePath)
		}
		text, err := r.appendJSON(nil, e.value, 0)
		if err != nil {
			return nil, err
		}
		routes[wholePath] = append(append([]byte(`{"site":`), text...), '}')
	}
	for _, o := range r.facade.routes {
		if _, taken := routes[o.pattern]; taken {
			return nil, r.errorf(o.at, "the route %s is there twice", o.pattern)
		}
		options := map[string]json.RawMessage{"function": appendString(nil, string(o.function))}
		for _, e := range o.options {
			text, err := r.appendJSON(nil, e.value, 0)
			if err != nil {
				return nil, err
			}
			options[e.key] = text
		}
		text, err := json.Marshal(options)
		if err != nil {
			return nil, err
		}
		routes[o.pattern] = text
	}
	if len(routes) > 0 {
		text, err := json.Marshal(routes)
		if err != nil {
			return nil, err
		}
		document["routes"] = text
	}
	return json.Marshal(document)
}

// Routes gives the patterns of the front, sorted.
func (m *Manifest) Routes() []string {
	if m.Front == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(m.Front.Routes))
}
