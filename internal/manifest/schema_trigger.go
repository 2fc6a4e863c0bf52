// SPDX-License-Identifier: Apache-2.0

package manifest

// triggerSchema describes one entry of on: exactly one kind, with its options below its
// key or beside it.
func triggerSchema() map[string]any {
	var kinds []any
	for _, kind := range listeners() {
		kinds = append(kinds, kind.schema())
	}
	return map[string]any{"oneOf": kinds}
}

func (l *listener) schema() map[string]any {
	options, beside := map[string]any{}, map[string]any{}
	for i := range l.options {
		schema := l.options[i].schema()
		options[l.options[i].key] = schema
		if i > 0 {
			beside[l.options[i].key] = schema
		}
	}
	beside["name"] = map[string]any{
		"type": "string", "pattern": namePattern,
		"description": "Name of the trigger; made of what it listens to when not given.",
	}
	beside["path"] = map[string]any{
		"type": "string", "pattern": "^/", "examples": []string{"/jobs/nightly"},
		"description": "Where a function that takes requests gets the event; / when not given.",
	}
	main := l.options[0]
	beside[l.key] = map[string]any{
		"description": l.doc,
		"oneOf": []any{
			main.schema(),
			map[string]any{
				"type": "object", "additionalProperties": false, "properties": options,
				"required": []string{main.key},
			},
		},
	}
	return map[string]any{
		"type": "object", "additionalProperties": false, "properties": beside,
		"required": []string{l.key},
	}
}

func (o *option) schema() map[string]any {
	schema := map[string]any{"description": o.doc}
	switch o.shape {
	case shapeEnum:
		schema["enum"] = o.enum
	case shapeSpan:
		schema["type"], schema["pattern"] = "string", spanPattern
	case shapeNumber:
		schema["type"], schema["minimum"], schema["maximum"] = "integer", o.min, o.max
	case shapeFlag:
		schema["type"] = "boolean"
	case shapeList:
		schema["oneOf"] = []any{
			map[string]any{"type": "string"},
			map[string]any{
				"type": "array", "minItems": 1, "maxItems": wordsMax,
				"items": map[string]any{"type": "string"},
			},
		}
	case shapeFilter:
		schema["type"] = []string{"string", "object"}
	case shapeText:
		schema["type"] = "string"
	}
	if o.example != "" {
		schema["examples"] = []string{o.example}
	}
	return schema
}

// addResources describes what a project keeps.
func addResources(properties map[string]any) {
	properties["queues"] = map[string]any{
		"type": []string{"object", "null"}, "maxProperties": resourcesMax,
		"description":   "Queues by their names; those that triggers name are made without it.",
		"propertyNames": map[string]any{"pattern": namePattern},
		"additionalProperties": map[string]any{
			"type": []string{"object", "null"}, "additionalProperties": false,
			"properties": map[string]any{"retention": map[string]any{
				"type": "string", "pattern": spanPattern, "examples": []string{"4d"},
				"description": "How long messages are kept, 1m to 14d; 4d when not given.",
			}, "durability": map[string]any{
				"enum": durabilities(),
				"description": "When a message must be on the disk: always, before it is acknowledged, or node, " +
					"as `dayfly up --sync` says. As it is when not given, node at first.",
			}},
		},
	}
	properties["buckets"] = map[string]any{
		"type": []string{"object", "null"}, "maxProperties": resourcesMax,
		"description":   "Buckets of objects by their names.",
		"propertyNames": map[string]any{"pattern": bucketPattern},
		"additionalProperties": map[string]any{
			"type": []string{"object", "null"}, "additionalProperties": false,
			"properties": map[string]any{"versions": map[string]any{
				"type": "boolean", "description": "Whether earlier versions of objects are kept.",
			}},
		},
	}
}
