// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
)

// environments are made when the first expression of a phase is compiled, and kept: one
// takes some tenths of a millisecond and a megabyte.
var environments = [phases]func() (*cel.Env, error){
	RequestPhase:  sync.OnceValues(func() (*cel.Env, error) { return newEnvironment() }),
	ResponsePhase: sync.OnceValues(func() (*cel.Env, error) { return newEnvironment("response") }),
	ErrorPhase:    sync.OnceValues(func() (*cel.Env, error) { return newEnvironment("error") }),
}

func environment(phase Phase) (*cel.Env, error) { return environments[phase]() }

func newEnvironment(more ...string) (*cel.Env, error) {
	texts := cel.MapType(cel.StringType, cel.StringType)
	lists := cel.MapType(cel.StringType, cel.ListType(cel.StringType))
	fields := cel.MapType(cel.StringType, cel.DynType)
	options := []cel.EnvOption{
		cel.Variable("request", texts), cel.Variable("path", texts),
		cel.Variable("query", texts), cel.Variable("queries", lists),
		cel.Variable("header", texts), cel.Variable("headers", lists), cel.Variable("cookie", texts),
		cel.Variable("body", cel.DynType), cel.Variable("principal", cel.DynType),
		cel.Variable("jwt", cel.DynType), cel.Variable("key", cel.DynType),
		cel.Variable("now", cel.TimestampType),
		cel.OptionalTypes(), cel.EnableIdentifierEscapeSyntax(),
		cel.ParserExpressionSizeLimit(TextBytesMax), cel.ExpressionNodeLimit(nodesMax),
		cel.ExpressionNestingDepthLimit(nestingMax),
	}
	for _, name := range more {
		options = append(options, cel.Variable(name, fields))
	}
	return cel.NewCustomEnv(append(library(), options...)...)
}

// known are the fields of the variables that have fixed ones.
var known = map[string][]string{
	"request":  {"method", "path", "host", "scheme", "address", "id"},
	"response": {"status", "header", "headers", "body"},
	"error":    {"kind", "message", "hint", "invocation", "status"},
}

// unknownField says what is wrong with a field of a variable, if anything.
func unknownField(variable, field string) string {
	fields, fixed := known[variable]
	if !fixed || slices.Contains(fields, field) {
		return ""
	}
	return fmt.Sprintf("%s has no field %s, only %s", variable, field, strings.Join(fields, ", "))
}

// variables makes the values of variables when they are asked for.
type variables struct {
	in  *Input
	err error
}

// Parent implements cel.Activation.
func (v *variables) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (v *variables) ResolveName(name string) (any, bool) {
	in := v.in
	switch name {
	case "request":
		return record("request", in.request), true
	case "path":
		return texts(in.Params), true
	case "query":
		return firsts(in.query(), asIs), true
	case "queries":
		return lists(in.query(), asIs), true
	case "header":
		return firsts(in.Request.Header, asLower), true
	case "headers":
		return lists(in.Request.Header, asLower), true
	case "cookie":
		return texts(in.cookie()), true
	case "body":
		return v.body(&in.parsed, in.Request.Header, in.Body), true
	case "principal":
		return v.principal(""), true
	case "jwt":
		return v.principal("claims"), true
	case "key":
		return v.principal("key"), true
	case "now":
		return in.Now, true
	case "response":
		return v.response(), true
	case "error":
		return v.error(), true
	}
	return nil, false
}

func (v *variables) principal(field string) any {
	if v.in.Principal == nil {
		return nil
	}
	if field == "" {
		return v.in.Principal
	}
	return v.in.Principal[field]
}

func (v *variables) response() any {
	r := v.in.Response
	if r == nil {
		return map[string]any{}
	}
	return record("response", func(name string) (any, bool) {
		switch name {
		case "status":
			return r.Status, true
		case "header":
			return firsts(r.Header, asLower), true
		case "headers":
			return lists(r.Header, asLower), true
		case "body":
			return v.body(&r.parsed, r.Header, r.Body), true
		}
		return nil, false
	})
}

func (v *variables) error() any {
	e := v.in.Error
	if e == nil {
		return map[string]any{}
	}
	return map[string]any{"kind": e.Kind, "message": e.Message, "hint": e.Hint,
		"invocation": e.Invocation, "status": e.Status}
}

// request gives a field of the variable of that name.
func (in *Input) request(name string) (any, bool) {
	r := in.Request
	switch name {
	case "method":
		return r.Method, true
	case "path":
		if in.Path != "" {
			return in.Path, true
		}
		return r.URL.EscapedPath(), true
	case "host":
		return r.Host, true
	case "scheme":
		return in.Scheme, true
	case "address":
		return in.Address, true
	case "id":
		return in.ID, true
	}
	return nil, false
}

// query gives the parameters of the query; those that cannot be read are left out.
func (in *Input) query() map[string][]string {
	if in.queries == nil {
		in.queries, _ = url.ParseQuery(in.Request.URL.RawQuery)
	}
	return in.queries
}

func (in *Input) cookie() map[string]string {
	if in.cookies == nil {
		in.cookies = map[string]string{}
		for _, c := range in.Request.Cookies() {
			if _, known := in.cookies[c.Name]; !known {
				in.cookies[c.Name] = c.Value
			}
		}
	}
	return in.cookies
}
