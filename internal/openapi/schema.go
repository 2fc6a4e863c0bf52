// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Keywords that hold schemas, by how.
var (
	holdOne = []string{"not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
	holdList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	holdMap  = []string{"properties", "patternProperties", "dependentSchemas"}
)

// unused are keywords that say nothing about what is valid. Definitions are taken to the
// components when something refers to them.
var unused = []string{"$id", "$comment", "$defs", "definitions", "title", "description", "example", "examples",
	"externalDocs", "xml", "deprecated", "default"}

// hoisted is a schema that goes to the components.
type hoisted struct {
	name   string
	schema value
}

// schema copies a schema so that it refers to components only.
func (l *loader) schema(v value, depth int) (any, error) {
	if l.values++; l.values > 2*valuesMax || depth > depthMax {
		return nil, l.errorf(v.at, "the schemas hold more than %d values, or are deeper than %d", valuesMax, depthMax)
	}
	object, ok := v.any.(map[string]any)
	if !ok {
		if _, always := v.any.(bool); !always || l.openapi30 && depth == 0 {
			return nil, l.errorf(v.at, "it is no schema")
		}
		return v.any, nil
	}
	copied := make(map[string]any, len(object))
	if v.has("$ref") {
		name, err := l.hoist(v.get("$ref"), v)
		if err != nil {
			return nil, err
		}
		copied["$ref"] = "#" + pointerSchemas + escapes.Replace(name)
		if l.openapi30 {
			return copied, nil
		}
	}
	for keyword := range object {
		if keyword == "$ref" || strings.HasPrefix(keyword, "x-") || slices.Contains(unused, keyword) {
			continue
		}
		inner, err := l.keyword(keyword, v.get(keyword), depth+1)
		if err != nil {
			return nil, err
		}
		copied[keyword] = inner
	}
	return copied, nil
}

// keyword copies what stands behind a keyword.
func (l *loader) keyword(keyword string, v value, depth int) (any, error) {
	switch {
	case slices.Contains(holdOne, keyword):
		return l.schema(v, depth)
	case slices.Contains(holdList, keyword):
		list := []any{}
		for _, item := range v.items() {
			inner, err := l.schema(item, depth)
			if err != nil {
				return nil, err
			}
			list = append(list, inner)
		}
		return list, nil
	case slices.Contains(holdMap, keyword):
		if _, ok := v.any.(map[string]any); !ok {
			return nil, l.errorf(v.at, "it must be an object of schemas")
		}
		object := map[string]any{}
		for name := range v.keys() {
			inner, err := l.schema(v.get(name), depth)
			if err != nil {
				return nil, err
			}
			object[name] = inner
		}
		return object, nil
	case keyword == "discriminator":
		return l.discriminator(v)
	}
	return v.any, nil
}

// discriminator copies a mapping so that it refers to components only.
func (l *loader) discriminator(v value) (any, error) {
	if v.get("propertyName").text() == "" {
		return nil, l.errorf(v.at, "a discriminator needs a propertyName")
	}
	copied := map[string]any{"propertyName": v.get("propertyName").any}
	mapping := map[string]any{}
	for name := range v.get("mapping").keys() {
		ref := v.get("mapping").get(name)
		text := ref.text()
		if !strings.ContainsAny(text, "#/") && l.document0.get("components").get("schemas").has(text) {
			ref.any = "#" + pointerSchemas + escapes.Replace(text)
		}
		hoisted, err := l.hoist(ref, v)
		if err != nil {
			return nil, err
		}
		mapping[name] = "#" + pointerSchemas + escapes.Replace(hoisted)
	}
	if len(mapping) > 0 {
		copied["mapping"] = mapping
	}
	return copied, nil
}

// hoist gives the name under which the components have what ref refers to.
func (l *loader) hoist(ref, from value) (string, error) {
	text, ok := ref.any.(string)
	if !ok {
		return "", l.errorf(ref.at, "it is no reference")
	}
	target, err := l.find(text, value{ref.at, from.any})
	if err != nil {
		return "", err
	}
	identity := target.at.file.name + "#" + target.at.pointer
	if name, known := l.names[identity]; known {
		return name, nil
	}
	if len(l.names) == componentsMax {
		return "", l.errorf(ref.at, "there are more than %d schemas that others refer to", componentsMax)
	}
	name := l.nameOf(target)
	l.names[identity] = name
	l.waiting = append(l.waiting, hoisted{name, target})
	return name, nil
}

var noName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// nameOf finds a name for a schema that goes to the components.
func (l *loader) nameOf(target value) string {
	name, own := strings.CutPrefix(target.at.pointer, pointerSchemas)
	if own && !strings.Contains(name, "/") && target.at.file == l.document0.at.file {
		return parts("/" + name)[0]
	}
	list := parts(target.at.pointer)
	name = strings.TrimSuffix(path.Base(target.at.file.name), path.Ext(target.at.file.name))
	if len(list) > 0 {
		name += "." + list[len(list)-1]
	}
	name = noName.ReplaceAllString(name, "-")
	unique := name
	for n := 2; l.taken[unique]; n++ {
		unique = name + "-" + strconv.Itoa(n)
	}
	l.taken[unique] = true
	return unique
}

// drain copies the schemas that others refer to, and those that these refer to.
func (l *loader) drain() error {
	for len(l.waiting) > 0 {
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		copied, err := l.schema(next.schema, 0)
		if err != nil {
			return err
		}
		l.schemas[next.name] = copied
	}
	return nil
}
