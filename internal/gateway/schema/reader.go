// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// Keywords that hold schemas, by how.
var (
	holdOne = []string{"not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
	holdList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	holdMap  = []string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)

// refused are keywords that would be checked otherwise than their author means: those of
// addresses and of older drafts.
var refused = []string{"$dynamicRef", "$recursiveRef", "$vocabulary", "$id", "dependencies", "additionalItems"}

// dialects are those of documents whose schemas are read as 2020-12.
var dialects = map[string]bool{
	"https://json-schema.org/draft/2020-12/schema":         true,
	"https://spec.openapis.org/oas/3.1/dialect/base":       true,
	"https://spec.openapis.org/oas/3.1/schema-base":        true,
	"https://spec.openapis.org/oas/3.1/dialect/2024-11-10": true,
}

// reader makes schemas as the library wants them: components have an address, and keywords
// of OpenAPI 3.0 are written as those of 2020-12.
type reader struct {
	compiler *compiler
}

// whole reads a schema that stands alone. Its own address does not matter: no reference
// leads out of it but to components.
func (r *reader) whole(value any) (any, error) {
	if object, ok := value.(map[string]any); ok {
		delete(object, "$id")
	}
	return r.schema(value)
}

// schema reads a schema and those in it. It changes them in place.
func (r *reader) schema(value any) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return value, nil // true, false, or what the library refuses
	}
	if dialect, ok := object["$schema"].(string); ok {
		if !dialects[strings.TrimSuffix(dialect, "#")] {
			return nil, &front.Problem{Path: []string{"$schema"},
				Message: fmt.Sprintf("%.200q is not JSON Schema 2020-12", dialect)}
		}
		delete(object, "$schema")
	}
	for _, keyword := range refused {
		if _, has := object[keyword]; has {
			return nil, &front.Problem{Path: []string{keyword}, Message: "it is not supported (JSON Schema 2020-12, without $id and $dynamicRef)"}
		}
	}
	if ref, ok := object["$ref"].(string); ok {
		switch {
		case strings.HasPrefix(ref, refComponents):
			address, known := r.compiler.address(ref)
			if !known {
				return nil, &front.Problem{Path: []string{"$ref"}, Message: fmt.Sprintf("there is no schema %.200s", ref)}
			}
			object["$ref"] = address
		case !strings.HasPrefix(ref, "#"):
			return nil, &front.Problem{Path: []string{"$ref"},
				Message: fmt.Sprintf("the schema %.200q is elsewhere: only those in the same file are used", ref)}
		}
		if r.compiler.openapi30 { // what stands beside a reference does not count
			return map[string]any{"$ref": object["$ref"]}, nil
		}
	}
	if r.compiler.openapi30 {
		old30(object)
	}
	r.mapping(object)
	return object, r.inner(object)
}

// inner reads the schemas in a schema.
func (r *reader) inner(object map[string]any) error {
	read := func(at map[string]any, key string, path ...string) error {
		value, has := at[key]
		if !has {
			return nil
		}
		value, err := r.schema(value)
		at[key] = value
		return front.Within(err, path...)
	}
	for _, keyword := range holdOne {
		if err := read(object, keyword, keyword); err != nil {
			return err
		}
	}
	for _, keyword := range holdMap {
		named, _ := object[keyword].(map[string]any)
		for name := range named {
			if err := read(named, name, keyword, name); err != nil {
				return err
			}
		}
	}
	for _, keyword := range holdList {
		list, _ := object[keyword].([]any)
		for i := range list {
			value, err := r.schema(list[i])
			if err != nil {
				return front.Within(err, keyword, strconv.Itoa(i))
			}
			list[i] = value
		}
	}
	return nil
}

// old30 writes keywords of OpenAPI 3.0 as those of 2020-12.
func old30(object map[string]any) {
	for _, bound := range [][2]string{{"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}} {
		exclusive, flag := object[bound[0]].(bool)
		if !flag {
			continue
		}
		delete(object, bound[0])
		if limit, has := object[bound[1]]; has && exclusive {
			object[bound[0]] = limit
			delete(object, bound[1])
		}
	}
	for _, keyword := range []string{"example", "xml", "externalDocs"} {
		delete(object, keyword)
	}
	nullable, _ := object["nullable"].(bool)
	delete(object, "nullable")
	kind, typed := object["type"].(string)
	switch {
	case !nullable:
		return
	case !typed: // says nothing by the letter, but everybody means it
		whole := maps.Clone(object)
		clear(object)
		object["anyOf"] = []any{map[string]any{"type": "null"}, whole}
		return
	}
	object["type"] = []any{kind, "null"}
	if values, ok := object["enum"].([]any); ok {
		object["enum"] = append(values, nil)
	}
}

// mapping gives the schemas of a discriminator their addresses.
func (r *reader) mapping(object map[string]any) {
	discriminator, _ := object["discriminator"].(map[string]any)
	named, _ := discriminator["mapping"].(map[string]any)
	for value, ref := range named {
		text, _ := ref.(string)
		if !strings.HasPrefix(text, refComponents) {
			text = refComponents + text
		}
		named[value], _ = r.compiler.address(text)
	}
}
