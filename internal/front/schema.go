// SPDX-License-Identifier: Apache-2.0

package front

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// Schema gives the JSON Schema of each key of a front, and the definitions that these refer
// to as #/$defs/NAME.
func Schema() (properties, definitions map[string]any) {
	definitions = map[string]any{}
	properties = structSchema(reflect.TypeFor[Front](), definitions)["properties"].(map[string]any)
	return properties, definitions
}

// schemaOf describes a type; structs become definitions.
func schemaOf(t reflect.Type, definitions map[string]any) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, isText := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	case isText, t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t == reflect.TypeFor[List]():
		return map[string]any{"type": []string{"string", "array"}, "items": map[string]any{"type": "string"}}
	}
	switch t.Kind() {
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Map:
		value := schemaOf(t.Elem(), definitions)
		if t.Elem().Kind() == reflect.Pointer {
			value = map[string]any{"type": []string{"string", "null"}} // null takes it away
		}
		return map[string]any{"type": "object", "additionalProperties": value}
	case reflect.Slice:
		item := schemaOf(t.Elem(), definitions)
		return map[string]any{"anyOf": []any{item, map[string]any{"type": "array", "items": item}}}
	}
	name := "front" + t.Name()
	if _, known := definitions[name]; !known {
		definitions[name] = nil // it may refer to itself
		definitions[name] = withShort(t, structSchema(t, definitions))
	}
	return map[string]any{"$ref": "#/$defs/" + name}
}

// withShort lets a type that has a short form be written so.
func withShort(t reflect.Type, long map[string]any) map[string]any {
	switch {
	case isShort(t, json.RawMessage(`["x"]`)):
		short := map[string]any{"type": []string{"string", "array"}, "items": map[string]any{"type": "string"}}
		return map[string]any{"anyOf": []any{short, long}}
	case isShort(t, json.RawMessage(`"x"`)):
		return map[string]any{"anyOf": []any{map[string]any{"type": "string"}, long}}
	}
	return long
}

func structSchema(t reflect.Type, definitions map[string]any) map[string]any {
	properties := map[string]any{}
	for key, of := range fieldsOf(t) {
		properties[key] = schemaOf(of, definitions)
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
