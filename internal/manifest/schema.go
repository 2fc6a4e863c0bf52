// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// Patterns of quantities in the schema; the parsers are stricter about ranges only.
const (
	namePattern   = `^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`
	bytesPattern  = `^[0-9]+(\.[0-9]+)?\s*([KkMmGgTt][Ii]?[Bb]?|[Bb])$`
	bucketPattern = `^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`
	cpuPattern    = `^[0-9]+(\.[0-9]+)?m?$`
	spanPattern   = `^([0-9]+(\.[0-9]+)?d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`
)

// Schema gives the JSON Schema (draft 2020-12) of dayfly.yaml, as text.
func Schema() ([]byte, error) {
	function := groupSchema(fields())
	function["type"] = []string{"object", "null"}
	function["description"] = "Settings of one function; what is not said is detected or has a default."
	schema := map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "dayfly.yaml",
		"description":          "The functions of one Dayfly project, and what they need.",
		"type":                 "object",
		"additionalProperties": false,
		"patternProperties": map[string]any{
			"^x-": map[string]any{"description": "A place for YAML anchors."},
		},
		"anyOf": []any{
			map[string]any{"required": []string{"functions"}}, map[string]any{"required": []string{"routes"}},
			map[string]any{"required": []string{"site"}}, map[string]any{"required": []string{"openapi"}},
		},
		"properties": map[string]any{
			"project": map[string]any{
				"type": "string", "pattern": namePattern,
				"description": "Project of the functions; default when not given.",
			},
			"functions": map[string]any{
				"type": "object", "minProperties": 1, "maxProperties": functionsMax,
				"description":          "Functions by their names.",
				"propertyNames":        map[string]any{"pattern": namePattern},
				"additionalProperties": map[string]any{"$ref": "#/$defs/function"},
			},
		},
		"$defs": map[string]any{"function": function, "trigger": triggerSchema()},
	}
	addResources(schema["properties"].(map[string]any))
	addFront(schema)
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	return append(text, '\n'), nil
}

// addFront adds the keys of a front, which are its own.
func addFront(schema map[string]any) {
	properties, definitions := front.Schema()
	all := schema["properties"].(map[string]any)
	for key, text := range map[string]string{
		"hosts":      "Host names at which the routes answer, beside PROJECT.localhost.",
		"auth":       "Ways to tell who is calling, by the names that routes use.",
		"routes":     "Routes by their patterns, such as GET /orders/{id}, and what they lead to.",
		"every":      "What holds for all routes that say nothing else.",
		"components": "Schemas that validations refer to as #/components/schemas/NAME.",
		"direct":     "Leaves functions that routes name reachable at their own addresses, too.",
	} {
		described := properties[key].(map[string]any)
		described["description"] = text
		all[key] = described
	}
	all["routes"].(map[string]any)["propertyNames"] = map[string]any{"pattern": "/"}
	all["site"] = map[string]any{"$ref": "#/$defs/frontSite",
		"description": "Folder whose files are served where no route leads elsewhere."}
	all["openapi"] = map[string]any{"type": "string",
		"description": "OpenAPI document whose operations are routes, too."}
	maps.Copy(schema["$defs"].(map[string]any), definitions)
}

func groupSchema(table []field) map[string]any {
	properties := map[string]any{}
	for _, field := range table {
		properties[field.key] = fieldSchema(field)
	}
	return map[string]any{
		"type": "object", "additionalProperties": false, "properties": properties,
	}
}

func fieldSchema(f field) map[string]any {
	schema := map[string]any{}
	switch f.shape {
	case shapeText:
		schema["type"] = "string"
	case shapeEnum:
		schema["enum"] = f.enum
	case shapeBytes:
		schema["type"], schema["pattern"] = "string", bytesPattern
	case shapeCPU:
		schema["type"], schema["pattern"] = []string{"number", "string"}, cpuPattern
	case shapeSpan:
		schema["type"], schema["pattern"] = "string", spanPattern
	case shapeNumber:
		schema["type"], schema["minimum"], schema["maximum"] = "integer", f.min, f.max
	case shapeWords:
		schema["oneOf"] = []any{
			map[string]any{"type": "string", "minLength": 1},
			map[string]any{
				"type": "array", "minItems": 1, "maxItems": wordsMax,
				"items": map[string]any{"type": []string{"string", "number", "boolean"}},
			},
		}
	case shapeTable:
		schema["type"] = []string{"object", "null"}
		schema["propertyNames"] = map[string]any{"pattern": variablePattern.String()}
		schema["additionalProperties"] = map[string]any{
			"type": []string{"string", "number", "boolean", "null"},
		}
	case shapeTriggers:
		schema["type"], schema["maxItems"] = []string{"array", "null"}, triggersMax
		schema["items"] = map[string]any{"$ref": "#/$defs/trigger"}
	case shapeGroup:
		schema = groupSchema(f.group)
		schema["type"] = []string{"object", "null"}
	}
	schema["description"] = f.doc
	if f.example != "" {
		schema["examples"] = []string{f.example}
	}
	return schema
}
