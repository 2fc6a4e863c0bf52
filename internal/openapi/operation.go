// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// methods are those that a path may have operations for.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// operation is one that is being read.
type operation struct {
	value
	method string // in upper case
	path   string // as the document has it
	item   value  // the path's own
	id     string
}

// path reads the operations of a path.
func (l *loader) path(path string, v value) error {
	if !strings.HasPrefix(path, "/") {
		return l.errorf(v.at, "the path %.80q does not begin with /", path)
	}
	item, err := l.resolve(v)
	if err != nil {
		return err
	}
	for _, method := range methods {
		if !item.has(method) {
			continue
		}
		o := &operation{value: item.get(method), method: strings.ToUpper(method), path: path, item: item}
		o.id = o.get("operationId").text()
		if _, ok := o.any.(map[string]any); !ok {
			return l.errorf(o.at, "it is no operation")
		}
		if err := l.operation(o); err != nil {
			return err
		}
	}
	return nil
}

// operation reads one as a route.
func (l *loader) operation(o *operation) error {
	if other, twice := l.operations[o.id]; twice && o.id != "" {
		return l.errorf(o.get("operationId").at, "another operation, %s, is called %.80q too", other, o.id)
	}
	if len(l.result.Routes)+len(l.result.Unbound) >= operationsMax {
		return l.errorf(o.at, "there are more than %d operations", operationsMax)
	}
	l.operations[o.id] = o.at
	for key := range o.keys() {
		if strings.HasPrefix(key, extensionAWS) {
			l.warn(o.at, "%s is not used: %s says where operations go", key, extension)
		}
	}
	said, out, err := l.said(o)
	if err != nil || out {
		return err
	}
	if said == nil {
		l.result.Unbound = append(l.result.Unbound, strings.TrimSuffix(o.method+" "+o.path+" ("+o.id+")", " ()"))
		return nil
	}
	pattern, renamed, err := l.pattern(o)
	if err != nil {
		return err
	}
	return l.route(o, said, pattern, renamed)
}

// route adds the route of an operation.
func (l *loader) route(o *operation, said map[string]any, pattern string, renamed map[string]string) error {
	text, err := json.Marshal(said)
	if err != nil {
		return l.errorf(o.get(extension).at, "it cannot be written as JSON: %v", err)
	}
	var r front.Route
	if err := json.Unmarshal(text, &r); err != nil {
		return l.errorf(o.get(extension).at, "%s does not fit a route: %v", extension, err)
	}
	if r.Name == "" {
		r.Name = o.id
	}
	if r.Validate == nil {
		if r.Validate, err = l.validate(o, renamed); err != nil {
			return err
		}
	}
	if r.Auth == nil {
		if err := l.secure(o, &r); err != nil {
			return err
		}
	}
	if other, twice := l.result.Routes[pattern]; twice {
		return l.errorf(o.at, "%s is the route of %s already", pattern, other.Name)
	}
	l.result.Routes[pattern], l.routes[pattern] = r, o.at
	return nil
}

// capture is a part of a path in braces.
var capture = regexp.MustCompile(`\{([^{}/]*)\}`)

var noCapture = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// pattern gives the pattern of an operation's route, and captures under other names than the
// document has: expressions could not use those.
func (l *loader) pattern(o *operation) (string, map[string]string, error) {
	renamed := map[string]string{}
	path := capture.ReplaceAllStringFunc(o.path, func(found string) string {
		name := found[1 : len(found)-1]
		fit := noCapture.ReplaceAllString(name, "_")
		if fit != "" && fit[0] >= '0' && fit[0] <= '9' {
			fit = "_" + fit
		}
		if fit != name {
			renamed[name] = fit
			l.warn(o.item.at, "the parameter {%s} is called {%s} in the route", name, fit)
		}
		return "{" + fit + "}"
	})
	base, err := l.prefix(o)
	if err != nil {
		return "", nil, err
	}
	parsed, err := front.ParsePattern(o.method + " " + base + path)
	if err != nil {
		return "", nil, l.errorf(o.at, "%v (%s: false leaves the operation out)", err, extension)
	}
	return parsed.String(), renamed, nil
}

// prefix gives the path of the server that serves an operation.
func (l *loader) prefix(o *operation) (string, error) {
	for _, owner := range []value{o.value, o.item, l.document0} {
		servers := owner.get("servers").items()
		if len(servers) == 0 {
			continue
		}
		first, err := l.serverPath(servers[0])
		for _, other := range servers[1:] {
			if path, failed := l.serverPath(other); err == nil && failed == nil && path != first {
				l.warn(other.at, "only the path of the first server, %s, is served", orRoot(first))
			}
		}
		return first, err
	}
	return "", nil
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// serverPath gives the path of a server's URL, without a slash at the end.
func (l *loader) serverPath(server value) (string, error) {
	text := capture.ReplaceAllStringFunc(server.get("url").text(), func(found string) string {
		return server.get("variables").get(found[1 : len(found)-1]).get("default").text()
	})
	u, err := url.Parse(text)
	if err != nil {
		return "", l.errorf(server.get("url").at, "%.200q is no URL", text)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if path != "" && path[0] != '/' {
		path = "/" + strings.TrimPrefix(path, "./")
	}
	return strings.TrimSuffix(path, "/."), nil
}

// targets are the keys of a route that say where it goes, and those that go with one.
var targets = []string{"function", "queue", "object", "url", "site", "redirect", "respond", "alias", "async", "type"}

// said gives the keys of a route that the document says, nil when it goes nowhere, and
// whether it is left out.
func (l *loader) said(o *operation) (map[string]any, bool, error) {
	said := map[string]any{}
	for _, owner := range []value{l.document0, o.item} {
		if out, err := l.extend(said, owner); out || err != nil {
			return nil, out, err
		}
	}
	if name := l.bind(o.id); name != "" {
		dropTargets(said)
		said["function"] = string(name)
	}
	if out, err := l.extend(said, o.value); out || err != nil {
		return nil, out, err
	}
	if !slices.ContainsFunc(targets[:7], func(key string) bool { return said[key] != nil }) {
		return nil, false, nil
	}
	return said, false, nil
}

// extend adds what owner's extension says; a target replaces another.
func (l *loader) extend(said map[string]any, owner value) (out bool, err error) {
	v := owner.get(extension)
	switch more := v.any.(type) {
	case nil:
	case bool:
		if more {
			return false, l.errorf(v.at, "it is an object, the name of a function, or false")
		}
		return true, nil
	case string:
		function, alias, _ := strings.Cut(more, ":")
		dropTargets(said)
		if said["function"] = function; alias != "" {
			said["alias"] = alias
		}
	case map[string]any:
		if slices.ContainsFunc(targets[:7], func(key string) bool { return more[key] != nil }) {
			dropTargets(said)
		}
		for key, value := range more {
			said[key] = value
		}
	default:
		return false, l.errorf(v.at, "it is an object, the name of a function, or false")
	}
	return false, nil
}

func dropTargets(said map[string]any) {
	for _, key := range targets {
		delete(said, key)
	}
}

var hump = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// bind gives the function that an operationId names: the same name, or as names of functions
// are written: list-pets or listpets for listPets.
func (l *loader) bind(id string) dayfly.FunctionName {
	if id == "" {
		return ""
	}
	for _, name := range []string{id, dayfly.SuggestName(hump.ReplaceAllString(id, "$1-$2"), ""), dayfly.SuggestName(id, "")} {
		if l.functions[dayfly.FunctionName(name)] {
			return dayfly.FunctionName(name)
		}
	}
	return ""
}
