// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// places are where parameters are, with the style and explode that hold when nothing is said.
var places = map[string]struct {
	style   string
	explode bool
}{"path": {"simple", false}, "query": {"form", true}, "header": {"simple", false}, "cookie": {"form", true}}

// ignored are headers that are no parameters, by the specification.
var ignored = []string{"accept", "content-type", "authorization"}

// parameters gathers those of one place.
type parameters struct {
	properties map[string]any
	required   []string
}

// validate gives what is checked of requests for an operation, and of their answers.
func (l *loader) validate(o *operation, renamed map[string]string) (*front.Validate, error) {
	v := &front.Validate{OpenAPI30: l.openapi30, Styles: map[string]string{}}
	given, err := l.parameters(o)
	if err != nil {
		return nil, err
	}
	groups := map[string]*parameters{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := l.parameter(given[key], groups, v, renamed); err != nil {
			return nil, err
		}
	}
	for in, g := range groups {
		text, err := g.schema()
		if err != nil {
			return nil, l.errorf(o.get("parameters").at, "a schema cannot be written as JSON: %v", err)
		}
		switch in {
		case "path":
			v.Path = text
		case "query":
			v.Query = text
		case "header":
			v.Header = text
		case "cookie":
			v.Cookie = text
		}
	}
	if err := l.body(o, v); err != nil {
		return nil, err
	}
	if err := l.responses(o, v); err != nil {
		return nil, err
	}
	if len(groups) == 0 && v.Body == nil && v.Response == nil {
		return nil, nil
	}
	return v, nil
}

func (g *parameters) schema() (json.RawMessage, error) {
	schema := map[string]any{"type": "object", "properties": g.properties}
	if len(g.required) > 0 {
		schema["required"] = g.required
	}
	return json.Marshal(schema)
}

// parameters gives those of an operation by place and name; its own go before the path's.
func (l *loader) parameters(o *operation) (map[string]value, error) {
	given := map[string]value{}
	for _, owner := range []value{o.item, o.value} {
		for _, item := range owner.get("parameters").items() {
			p, err := l.resolve(item)
			if err != nil {
				return nil, err
			}
			in, name := p.get("in").text(), p.get("name").text()
			if _, known := places[in]; !known || name == "" {
				return nil, l.errorf(p.at, "a parameter needs a name, and in: path, query, header or cookie")
			}
			given[in+" "+name] = p
		}
	}
	return given, nil
}

// parameter adds one to those of its place.
func (l *loader) parameter(p value, groups map[string]*parameters, v *front.Validate, renamed map[string]string) error {
	in, name := p.get("in").text(), p.get("name").text()
	switch in {
	case "header":
		if name = strings.ToLower(name); slices.Contains(ignored, name) {
			return nil
		}
	case "path":
		if other := renamed[name]; other != "" {
			name = other
		}
	}
	schema, media, err := l.parameterSchema(p)
	if err != nil {
		return err
	}
	if groups[in] == nil {
		groups[in] = &parameters{properties: map[string]any{}}
	}
	groups[in].properties[name] = schema
	if p.get("required").yes() || in == "path" {
		groups[in].required = append(groups[in].required, name)
	}
	style, err := l.style(p, media)
	if style != "" {
		v.Styles[in+"."+name] = style
	}
	return err
}

// parameterSchema gives the schema of a parameter, and its media type if it has one.
func (l *loader) parameterSchema(p value) (any, string, error) {
	v, media := p.get("schema"), ""
	for kind := range p.get("content").keys() {
		media = kind
		v = p.get("content").get(kind).get("schema")
	}
	if v.any == nil {
		return true, media, nil
	}
	schema, err := l.schema(v, 0)
	if err == nil && p.get("allowEmptyValue").yes() {
		schema = map[string]any{"anyOf": []any{schema, map[string]any{"enum": []any{""}}}}
	}
	return schema, media, err
}

// style gives how a parameter is written, when it is not as is usual.
func (l *loader) style(p value, media string) (string, error) {
	if strings.HasSuffix(media, "json") {
		return "json", nil
	}
	usual := places[p.get("in").text()]
	style, explode := usual.style, usual.explode
	if said := p.get("style"); said.any != nil {
		if style = said.text(); style == "" {
			return "", l.errorf(said.at, "it is no style")
		}
		explode = style == "form"
	}
	if p.has("explode") {
		explode = p.get("explode").yes()
	}
	switch {
	case p.get("in").text() == "cookie", style == usual.style && explode == usual.explode:
		return "", nil // of cookies no list has a form that all agree on
	case explode || style == "deepObject":
		return style + ",explode", nil
	}
	return style, nil
}

// body reads what the body of a request may be.
func (l *loader) body(o *operation, v *front.Validate) error {
	if !o.has("requestBody") {
		return nil
	}
	body, err := l.resolve(o.get("requestBody"))
	if err != nil {
		return err
	}
	content := body.get("content")
	for kind := range content.keys() {
		media := content.get(kind)
		text := json.RawMessage("true")
		if media.has("schema") {
			if text, err = l.written(media.get("schema")); err != nil {
				return err
			}
		}
		if media.has("encoding") {
			l.warn(media.get("encoding").at, "how parts of a form are encoded is not checked")
		}
		if strings.HasSuffix(kind, "xml") {
			l.warn(media.at, "bodies of XML are let through unchecked")
		}
		if v.Body == nil {
			v.Body = map[string]json.RawMessage{}
		}
		v.Body[kind] = text
	}
	v.BodyOptional = !body.get("required").yes()
	return nil
}

// written gives a schema as JSON.
func (l *loader) written(v value) (json.RawMessage, error) {
	schema, err := l.schema(v, 0)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, l.errorf(v.at, "it cannot be written as JSON: %v", err)
	}
	return text, nil
}

// responses reads what answers look like. One that may be JSON or something else is checked
// when it is JSON.
func (l *loader) responses(o *operation, v *front.Validate) error {
	for status := range o.get("responses").keys() {
		if strings.HasPrefix(status, "x-") {
			continue
		}
		response, err := l.resolve(o.get("responses").get(status))
		if err != nil {
			return err
		}
		schema, others, err := l.answer(response.get("content"))
		if err != nil {
			return err
		}
		if schema == nil {
			continue
		}
		if others {
			schema = map[string]any{"anyOf": []any{schema, map[string]any{"type": "string"}}}
		}
		text, err := json.Marshal(schema)
		if err != nil {
			return l.errorf(response.at, "a schema cannot be written as JSON: %v", err)
		}
		if v.Response == nil {
			v.Response = map[string]json.RawMessage{}
		}
		if status != "default" {
			status = strings.ToUpper(status)
		}
		v.Response[status] = text
	}
	return nil
}

// answer gives the schema of answers in JSON, and whether there may be others.
func (l *loader) answer(content value) (schema any, others bool, err error) {
	var choices []any
	for kind := range content.keys() {
		media := content.get(kind)
		base, _, _ := strings.Cut(kind, ";")
		if !strings.HasSuffix(strings.TrimSpace(base), "json") || !media.has("schema") {
			others = true
			continue
		}
		one, err := l.schema(media.get("schema"), 0)
		if err != nil {
			return nil, false, err
		}
		choices = append(choices, one)
	}
	switch len(choices) {
	case 0:
		return nil, others, nil
	case 1:
		return choices[0], others, nil
	}
	return map[string]any{"anyOf": choices}, others, nil
}
