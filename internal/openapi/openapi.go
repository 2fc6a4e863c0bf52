// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Bounds of what is read.
const (
	fileBytesMax   = 32 << 20   // of one file; the largest public documents have 20 MiB
	bytesMax       = 64 << 20   // of all files
	filesMax       = 1_000      // a file for each schema is common
	valuesMax      = 10_000_000 // of all files, aliases expanded, and again of all schemas
	depthMax       = 100        // of values, and of schemas, in each other
	chainMax       = 20         // of references to references
	operationsMax  = 100_000    // as many as a front has routes
	componentsMax  = 50_000     // schemas that routes share
	columnsMax     = 1_000      // of indentation and brackets: the parser calls itself for each
	warningsMax    = 100
	extension      = "x-dayfly"
	extensionAWS   = "x-amazon-apigateway"
	pointerSchemas = "/components/schemas/"
)

// Result is what a document describes.
type Result struct {
	// Routes are by their patterns.
	Routes map[string]front.Route
	// Components are the schemas that the routes' validations refer to.
	Components json.RawMessage
	// Auth holds the authenticators that the document tells enough about; those of the
	// manifest with the same names go before them.
	Auth map[string]front.Auth
	// Authenticators are those that routes name and that the manifest must describe.
	Authenticators []string
	// Unbound are the operations that go nowhere: "GET /pets (listPets)". They have no route.
	Unbound []string
	// Place tells where in the document the operation of a route stands: file, line and
	// pointer; "" for other patterns.
	Place func(pattern string) string `json:"-"`
	// Warnings tell what of the document is not used and may be missed.
	Warnings []string
}

// Load reads the document at path, of a project that has those functions.
func Load(path string, functions []dayfly.FunctionName) (*Result, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: there is no such folder", filepath.Dir(path))
	}
	defer root.Close()
	l := &loader{root: root, folder: filepath.Dir(path), files: map[string]*file{}, names: map[string]string{},
		taken: map[string]bool{}, schemas: map[string]any{}, functions: map[dayfly.FunctionName]bool{},
		operations: map[string]place{}, routes: map[string]place{}, schemes: map[string]string{},
		result: &Result{Routes: map[string]front.Route{}, Auth: map[string]front.Auth{}}}
	for _, name := range functions {
		l.functions[name] = true
	}
	main, err := l.open(filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if err := l.document(value{place{main, ""}, main.tree}); err != nil {
		return nil, err
	}
	l.result.Place = func(pattern string) string {
		at, known := l.routes[pattern]
		if !known {
			return ""
		}
		return at.withLine()
	}
	return l.result, nil
}

// loader reads one document.
type loader struct {
	root       *os.Root
	folder     string
	files      map[string]*file
	bytes      int
	values     int
	document0  value
	openapi30  bool
	schemes    map[string]string // of authenticators
	functions  map[dayfly.FunctionName]bool
	operations map[string]place // by operationId
	routes     map[string]place // by pattern
	names      map[string]string
	taken      map[string]bool
	schemas    map[string]any
	waiting    []hoisted
	result     *Result
}

// document reads all operations.
func (l *loader) document(doc value) error {
	if _, ok := doc.any.(map[string]any); !ok {
		return l.errorf(doc.at, "it is no OpenAPI document: its keys openapi, info and paths are missing")
	}
	version := fmt.Sprint(doc.get("openapi").any)
	switch {
	case doc.has("swagger"):
		return l.errorf(doc.get("swagger").at, "Swagger 2.0 is not read: convert the document to OpenAPI 3.0 or 3.1")
	case strings.HasPrefix(version, "3.0"):
		l.openapi30 = true
	case !strings.HasPrefix(version, "3.1"):
		return l.errorf(doc.get("openapi").at, "the version %.20q is not 3.0 or 3.1", version)
	}
	l.document0 = doc
	for name := range doc.get("components").get("schemas").keys() {
		l.taken[name] = true
	}
	paths := doc.get("paths")
	if doc.has("webhooks") {
		l.warn(doc.get("webhooks").at, "webhooks are what the service calls, and are not served")
	}
	for path := range paths.keys() {
		if strings.HasPrefix(path, "x-") {
			continue
		}
		if err := l.path(path, paths.get(path)); err != nil {
			return err
		}
	}
	if err := l.drain(); err != nil {
		return err
	}
	return l.finish()
}

// finish writes down what was gathered.
func (l *loader) finish() error {
	if len(l.schemas) > 0 {
		text, err := json.Marshal(map[string]any{"schemas": l.schemas})
		if err != nil {
			return l.errorf(l.document0.get("components").at, "the schemas cannot be written as JSON: %v", err)
		}
		l.result.Components = text
	}
	slices.Sort(l.result.Unbound)
	slices.Sort(l.result.Authenticators)
	l.result.Authenticators = slices.Compact(l.result.Authenticators)
	return nil
}

// warn notes something that is not used.
func (l *loader) warn(at place, format string, args ...any) {
	text := at.String() + ": " + fmt.Sprintf(format, args...)
	if len(l.result.Warnings) < warningsMax && !slices.Contains(l.result.Warnings, text) {
		l.result.Warnings = append(l.result.Warnings, text)
	}
}

func (l *loader) errorf(at place, format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindInvalid, "%s: %s", at.withLine(), fmt.Sprintf(format, args...))
}

// value is something in a file, and where it stands.
type value struct {
	at  place
	any any
}

// get gives what an object has under a key; a value of nil when there is none.
func (v value) get(key string) value {
	object, _ := v.any.(map[string]any)
	return value{v.at.key(key), object[key]}
}

func (v value) has(key string) bool {
	object, _ := v.any.(map[string]any)
	_, has := object[key]
	return has
}

// keys gives the keys of an object in order, but for what is no object.
func (v value) keys() func(func(string) bool) {
	object, _ := v.any.(map[string]any)
	return slices.Values(slices.Sorted(maps.Keys(object)))
}

// text gives a text, or "".
func (v value) text() string {
	text, _ := v.any.(string)
	return text
}

// yes gives a boolean that is false when it is missing.
func (v value) yes() bool {
	is, _ := v.any.(bool)
	return is
}

// items gives the items of a list.
func (v value) items() []value {
	list, _ := v.any.([]any)
	items := make([]value, len(list))
	for i := range list {
		items[i] = value{v.at.key(fmt.Sprint(i)), list[i]}
	}
	return items
}
