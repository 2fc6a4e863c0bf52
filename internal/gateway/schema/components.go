// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/ijson"
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
	nameComponents = namePrefix + "components/"
	refComponents  = "#/components/schemas/"
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
	// names are the components in order, and addresses their places in it. Each is a
	// document of its own for the library, which takes time for the size of a document
	// whenever somebody refers to a part of it.
	names     []string
	addresses map[string]int
}

// NewComponents reads what OpenAPI has under the key components; nothing is fine.
func NewComponents(text json.RawMessage) (*Components, error) {
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	if _, _, err := ijson.Decode(text); err != nil {
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
		nodes: map[*jsonschema.Schema]*node{}, addresses: map[string]int{}}
	c.library.DefaultDraft(jsonschema.Draft2020)
	c.library.UseLoader(noLoader{})
	c.library.UseRegexpEngine(compilePattern)
	c.library.AssertFormat()
	c.library.AssertVocabs()
	c.library.RegisterVocabulary(discriminators())
	for _, f := range formats() {
		c.library.RegisterFormat(f)
	}
	value, _, err := ijson.Decode(components)
	if err != nil {
		return nil, err
	}
	object, _ := value.(map[string]any)
	if object == nil {
		return nil, errors.New("components is no object")
	}
	named, _ := object["schemas"].(map[string]any)
	c.names = slices.Sorted(maps.Keys(named))
	for i, name := range c.names {
		c.addresses[name] = i
	}
	for i, name := range c.names {
		schema, err := (&reader{c}).whole(named[name])
		if err == nil {
			err = c.library.AddResource(nameComponents+strconv.Itoa(i), schema)
		}
		if err != nil {
			return nil, front.Within(c.plain(err), "components", "schemas", name)
		}
	}
	return c, nil
}

// address gives where the library has what a reference to a component refers to.
func (c *compiler) address(ref string) (string, bool) {
	name, rest, deeper := strings.Cut(strings.TrimPrefix(ref, refComponents), "/")
	name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	i, known := c.addresses[name]
	if plain, err := url.PathUnescape(name); err == nil && !known {
		i, known = c.addresses[plain]
	}
	address := nameComponents + strconv.Itoa(i) + "#"
	if deeper {
		address += "/" + rest
	}
	return address, known
}

// component gives the name of the component at an address of the library.
func (c *compiler) component(address string) (name, pointer string, ok bool) {
	number, found := strings.CutPrefix(address, nameComponents)
	number, pointer, _ = strings.Cut(number, "#")
	i, err := strconv.Atoi(number)
	if !found || err != nil || i < 0 || i >= len(c.names) {
		return "", "", false
	}
	return c.names[i], pointer, true
}

// compile reads a schema.
func (c *compiler) compile(text json.RawMessage) (*node, error) {
	value, _, err := ijson.Decode(text)
	if err != nil {
		return nil, err
	}
	if value, err = (&reader{c}).whole(value); err != nil {
		return nil, err
	}
	name := namePrefix + strconv.Itoa(c.count)
	c.count++
	if err = c.library.AddResource(name, value); err != nil {
		return nil, c.plain(err)
	}
	compiled, err := c.library.Compile(name)
	if err != nil {
		return nil, c.plain(err)
	}
	return c.translate(compiled)
}

// plain says in one line what the library says in many.
func (c *compiler) plain(err error) error {
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
			return c.problem(invalid.URL, cause.InstanceLocation, "it is no JSON Schema: "+why)
		}
	case errors.As(err, &pattern):
		return c.problem(pattern.URL, nil, pattern.Err.Error())
	case errors.As(err, &missing):
		return c.problem(missing.URL, nil, "there is no schema at this place")
	}
	return err
}

// problem says that something is wrong below the address of a schema.
func (c *compiler) problem(address string, below []string, message string) error {
	name, pointer, ok := c.component(address)
	if ok {
		for _, key := range below {
			pointer += "/" + pointerEscapes.Replace(key)
		}
		return &front.Problem{Message: fmt.Sprintf("%s%s%s: %s", refComponents, name, pointer, message)}
	}
	_, pointer, _ = strings.Cut(address, "#")
	var path []string
	if pointer = strings.Trim(pointer, "/"); pointer != "" {
		for part := range strings.SplitSeq(pointer, "/") {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
	}
	return &front.Problem{Path: append(path, below...), Message: message}
}

// noLoader refuses to get schemas from anywhere.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(address string) (any, error) {
	return nil, fmt.Errorf("the schema %.200s is not there", address)
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
