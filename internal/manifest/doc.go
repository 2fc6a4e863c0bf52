// SPDX-License-Identifier: Apache-2.0

// Package manifest reads dayfly.yaml and the settings of one function.
//
//	dayfly.yaml ─▶ Parse ─▶ Manifest ─▶ Function ─┐ JSON over the management API
//	                flags ─▶ Function.With ───────┴▶ Function.Apply ─▶ dayfly.Spec
//
// A Function holds what a user said and nothing else: every field is optional, and
// quantities stay as they were written ("256Mi", "30s") until Apply puts them into a
// Spec. One table, in field.go, knows every key: the parser, Apply and the published
// JSON Schema (docs/dayfly.schema.json) are driven by it.
//
// Guarantees. An error names the file, line and column, and the nearest key when one
// is unknown. Input is bounded in size, depth and expansion of aliases. A key that a
// later version will know is refused, never passed over.
//
// Package manifest does not look at code: what was not said, build detects.
package manifest
