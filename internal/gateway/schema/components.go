// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of what is compiled.
const (
	patternMax = 4 << 10  // bytes of a pattern
	matchMax   = 64 << 10 // bytes of a text that a pattern or a format is tried on
)

// Names of schemas for the library: nothing is ever fetched from them.
const (
	namePrefix     = "dayfly:///"
	nameComponents = namePrefix + "components"
	refComponents  = "#/components/"
)

// Components are the schemas that those of routes share.
type Components struct {
	text  json.RawMessage
	kinds [2]*compiler // for schemas of JSON Schema, and of OpenAPI 3.0
}

// compiler reads schemas of one kind.
type compiler struct {
	library   *jsonschema.Compiler
	openapi30 bool
	count     int
	nodes     map[*jsonschema.Schema]*node
	fresh     []*node // not looked at for circles
}

// NewComponents reads what OpenAPI has under the key components; nothing is fine.
func NewComponents(text json.RawMessage) (*Components, error) {
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	if _, _, err := decodeJSON(text); err != nil {
		return nil, &front.Problem{Message: err.Error()}
	}
	return &Components{text: text}, nil
}

// node compiles one schema.
func (c *Components) node(text json.RawMessage, openapi30 bool) (*node, error) {
	kind := 0
	if openapi30 {
		kind = 1
	}
	if c.kinds[kind] == nil {
		made, err := newCompiler(c.text, openapi30)
		if err != nil {
			return nil, err
		}
		c.kinds[kind] = made
	}
	return c.kinds[kind].compile(text)
}

func newCompiler(components json.RawMessage, openapi30 bool) (*compiler, error) {
	c := &compiler{library: jsonschema.NewCompiler(), openapi30: openapi30,
		nodes: map[*jsonschema.Schema]*node{}}
	c.library.DefaultDraft(jsonschema.Draft2020)
	c.library.UseLoader(noLoader{})
	c.library.UseRegexpEngine(compilePattern)
	c.library.AssertFormat()
	c.library.AssertVocabs()
	c.library.RegisterVocabulary(discriminators())
	for _, f := range formats() {
		c.library.RegisterFormat(f)
	}
	value, _, err := decodeJSON(components)
	if err != nil {
		return nil, err
	}
	object, _ := value.(map[string]any)
	if object == nil {
		return nil, errors.New("components is no object")
	}
	named, _ := object["schemas"].(map[string]any)
	for name, schema := range named {
		if named[name], err = (&reader{openapi30: openapi30}).schema(schema); err != nil {
			return nil, front.Within(err, "components", "schemas", name)
		}
	}
	return c, c.library.AddResource(nameComponents, map[string]any{"components": object})
}

// compile reads a schema.
func (c *compiler) compile(text json.RawMessage) (*node, error) {
	value, _, err := decodeJSON(text)
	if err != nil {
		return nil, err
	}
	if value, err = (&reader{openapi30: c.openapi30}).schema(value); err != nil {
		return nil, err
	}
	name := namePrefix + strconv.Itoa(c.count)
	c.count++
	if err = c.library.AddResource(name, value); err != nil {
		return nil, plain(err)
	}
	compiled, err := c.library.Compile(name)
	if err != nil {
		return nil, plain(err)
	}
	return c.translate(compiled)
}

// plain says in one line what the library says in many.
func plain(err error) error {
	var invalid *jsonschema.SchemaValidationError
	var pattern *jsonschema.InvalidRegexError
	var missing *jsonschema.JSONPointerNotFoundError
	switch {
	case errors.As(err, &invalid):
		var cause *jsonschema.ValidationError
		if errors.As(invalid.Err, &cause) {
			for len(cause.Causes) > 0 {
				cause = cause.Causes[0]
			}
			_, why, found := strings.Cut(cause.Error(), "': ") // "at '/type': value must be …"
			if !found {
				why = cause.Error()
			}
			return &front.Problem{Path: append(place(invalid.URL), cause.InstanceLocation...),
				Message: "it is no JSON Schema: " + why}
		}
	case errors.As(err, &pattern):
		return &front.Problem{Path: place(pattern.URL), Message: pattern.Err.Error()}
	case errors.As(err, &missing):
		_, pointer, _ := strings.Cut(missing.URL, "#")
		return fmt.Errorf("there is no schema #%s", pointer)
	}
	return errors.New(strings.ReplaceAll(err.Error(), nameComponents, ""))
}

// place gives the path to a schema that the library knows by its address.
func place(address string) []string {
	_, pointer, _ := strings.Cut(address, "#")
	pointer = strings.Trim(pointer, "/")
	if pointer == "" {
		return nil
	}
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

// noLoader refuses to get schemas from anywhere.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(address string) (any, error) {
	return nil, fmt.Errorf("the schema %.200s is elsewhere: only those in the same file are used", address)
}

// pattern is a regular expression that long texts do not match.
type pattern struct {
	*regexp.Regexp
	text string
}

// MatchString implements jsonschema.Regexp.
func (p pattern) MatchString(text string) bool {
	return len(text) <= matchMax && p.Regexp.MatchString(text)
}

// String implements jsonschema.Regexp.
func (p pattern) String() string { return p.text }

// escapes of ECMAScript that RE2 writes otherwise; the first alternative steps over pairs of
// backslashes.
var escapes = regexp.MustCompile(`\\\\|\\u\{([0-9A-Fa-f]{1,6})\}|\\u([0-9A-Fa-f]{4})|\\d|\\/|\\-`)

func compilePattern(text string) (jsonschema.Regexp, error) {
	if len(text) > patternMax {
		return nil, fmt.Errorf("a pattern has %d bytes, at most %d are allowed", len(text), patternMax)
	}
	translated := escapes.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case strings.HasPrefix(found, `\u`):
			return `\x{` + strings.Trim(found[2:], "{}") + `}`
		case found == `\/`:
			return "/"
		}
		return found
	})
	compiled, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("the pattern %.200q is not understood (RE2: no look-around, no back references)", text)
	}
	return pattern{compiled, text}, nil
}

// formats are those of OpenAPI that JSON Schema has not.
func formats() []*jsonschema.Format {
	integer := func(bits int) func(any) error {
		least := -1 << (bits - 1)
		from, to := newLimit(big.NewRat(int64(least), 1)), newLimit(big.NewRat(int64(-(least+1)), 1))
		return func(v any) error {
			if isInteger(v) && (from.compare(v) < 0 || to.compare(v) > 0) {
				return fmt.Errorf("it does not fit %d bits", bits)
			}
			return nil
		}
	}
	base64Text := func(v any) error {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		_, err := base64.StdEncoding.DecodeString(text)
		return err
	}
	return []*jsonschema.Format{
		{Name: "int32", Validate: integer(32)}, {Name: "int64", Validate: integer(64)},
		{Name: "byte", Validate: base64Text},
	}
}
