// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"net/http"
	"strings"
)

// group checks the parameters of one place: path, query, header or cookie.
type group struct {
	in     string
	node   *node
	params []*param
	byName map[string]*param
	spread map[string]*param // properties of objects that stand for themselves in the query
}

// param is one parameter.
type param struct {
	name    string
	header  string // canonical
	style   style
	node    *node
	accepts kinds
}

func newGroup(in string, n *node, styles map[string]string) (*group, error) {
	g := &group{in: in, node: n, byName: map[string]*param{}, spread: map[string]*param{}}
	for _, name := range n.names() {
		s, err := styleOf(in, name, styles)
		if err != nil {
			return nil, err
		}
		p := newParam(name, s, n.property(name))
		g.params = append(g.params, p)
		g.byName[name] = p
	}
	for _, p := range g.params {
		if in == InQuery && p.style == (style{styleForm, true}) && p.accepts == kindObject {
			for _, name := range p.node.names() {
				if g.byName[name] == nil {
					g.spread[name] = p
				}
			}
		}
	}
	return g, nil
}

func newParam(name string, s style, n *node) *param {
	if n == nil {
		n = &node{kinds: kindAny}
	}
	return &param{name: name, header: http.CanonicalHeaderKey(name), style: s, node: n, accepts: n.accepts()}
}

func (g *group) has(name string) bool { return g.byName[name] != nil }

// check reads the parameters and checks them.
func (g *group) check(r *run, in *RequestInput) {
	r.in, r.name, r.path = g.in, "", r.path[:0]
	before := len(r.fields)
	object := map[string]any{}
	switch g.in {
	case InPath:
		g.readPath(r, in.Params, object)
	case InQuery:
		g.readQuery(r, in.Query, object)
	case InHeader:
		g.readHeader(r, in.Header, object)
	case InCookie:
		g.readCookies(r, in.Header, object)
	}
	r.values += len(object)
	if len(r.fields) == before { // what could not be read is not said to be missing
		r.root(g.node, object)
	}
}

func (g *group) readPath(r *run, params map[string]string, to map[string]any) {
	for name, text := range params {
		p := g.byName[name]
		if p == nil {
			to[name] = text
			continue
		}
		if value, ok := r.parse(p, p.style.trim(name, text), plainText); ok {
			to[name] = value
		}
	}
}

func (g *group) readHeader(r *run, header http.Header, to map[string]any) {
	for _, p := range g.params {
		lines := header[p.header]
		if len(lines) == 0 {
			continue
		}
		if len(lines) > 1 && p.accepts&(kindArray|kindObject) == 0 {
			r.wrongAt(p.name, "repeated", "is given more than once")
			continue
		}
		if value, ok := r.parse(p, strings.Join(lines, ","), trimmedText); ok {
			to[p.name] = value
		}
	}
}

func (g *group) readCookies(r *run, header http.Header, to map[string]any) {
	if len(header["Cookie"]) == 0 {
		return
	}
	for _, cookie := range (&http.Request{Header: header}).Cookies() {
		p := g.byName[cookie.Name]
		if _, twice := to[cookie.Name]; p == nil || twice {
			continue
		}
		if value, ok := r.parse(p, cookie.Value, unescape); ok {
			to[p.name] = value
		}
	}
}

func (g *group) readQuery(r *run, query string, to map[string]any) {
	pairs, ok := readPairs(query)
	if !ok {
		r.wrong("syntax", "is not written as a query is, or is too long")
		return
	}
	r.values += len(pairs)
	given := make(map[string][]string, len(pairs))
	parts := map[*param]map[string]any{}
	for _, one := range pairs {
		p, key := g.owner(one.name)
		if p != nil && key != "" && !strings.ContainsAny(key, "[]") {
			r.addPart(parts, p, key, one)
			continue
		}
		if p != nil {
			r.wrongAt(p.name, "syntax", "is not written in such parts")
			continue
		}
		given[one.name] = append(given[one.name], one.value)
	}
	for p, object := range parts {
		to[p.name] = object
	}
	for name, texts := range given {
		p := g.byName[name]
		if p == nil {
			p = newParam(name, style{styleForm, true}, nil)
			p.accepts = kindString | kindArray
		}
		if value, ok := r.parseAll(p, texts); ok {
			to[name] = value
		}
	}
}

// owner gives the parameter of which a name of the query is a part: filter[from], or a
// property of an object that is spread. The key is empty when it has no such parts: what
// reads the query later might take the part for the parameter, and nobody had checked it.
func (g *group) owner(name string) (*param, string) {
	if p := g.spread[name]; p != nil {
		return p, name
	}
	whole, key, found := strings.Cut(name, "[")
	if p := g.byName[whole]; found && p != nil && g.byName[name] == nil {
		inner, closed := strings.CutSuffix(key, "]")
		if p.style.name != styleDeep || !closed {
			return p, ""
		}
		return p, inner
	}
	return nil, ""
}

// addPart adds a property to an object that is written in parts.
func (r *run) addPart(parts map[*param]map[string]any, p *param, key string, one pair) {
	object := parts[p]
	if object == nil {
		object = map[string]any{}
		parts[p] = object
	}
	part := newParam(key, style{styleForm, true}, p.node.property(key))
	r.path = append(r.path, step{p.name, -1})
	defer func() { r.path = r.path[:len(r.path)-1] }()
	value, ok := r.parse(part, one.value, unescape)
	if !ok {
		return
	}
	before, twice := object[key]
	if !twice {
		object[key] = value
		return
	}
	list, isList := before.([]any)
	more, both := value.([]any)
	if !isList || !both || part.accepts&kindArray == 0 {
		r.wrongAt(key, "repeated", "is given more than once")
		return
	}
	object[key] = append(list, more...)
}

// parseAll reads a parameter that may be there several times.
func (r *run) parseAll(p *param, texts []string) (any, bool) {
	if len(texts) == 1 {
		return r.parse(p, texts[0], unescape)
	}
	if p.accepts&kindArray == 0 || !p.style.explode {
		r.wrongAt(p.name, "repeated", "is given more than once")
		return nil, false
	}
	item := newParam(p.name, style{styleForm, false}, p.node.items())
	list := make([]any, 0, len(texts))
	for _, text := range texts {
		value, ok := r.parse(item, text, unescape)
		if !ok {
			return nil, false
		}
		list = append(list, value)
	}
	return list, true
}

// plainText takes a text as it is.
func plainText(text string) (string, bool) { return text, true }

// trimmedText is for values of headers.
func trimmedText(text string) (string, bool) { return strings.Trim(text, " \t"), true }
