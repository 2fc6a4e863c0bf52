// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// depthMax bounds how deep a pattern is.
	depthMax = 32
	// rulesMax bounds the rules of a pattern, $or included.
	rulesMax = 1000
	// orKey joins alternatives.
	orKey = "$or"
)

// pattern is a filter as EventBridge has them: what must be true of some fields.
type pattern struct{ root *object }

// object is what must be true of an object: all of its fields, and one of each $or.
type object struct {
	fields []field
	ors    [][]*object
}

// field is what must be true of one field: of the object in it, or one of the rules of
// its values.
type field struct {
	name  string
	inner *object
	rules []rule
}

// compiler reads a pattern, token by token, so that it knows where it is.
type compiler struct {
	text  string
	d     *json.Decoder
	rules int
}

func compilePattern(text string) (matcher, error) {
	c := &compiler{text: text, d: json.NewDecoder(bytes.NewReader([]byte(text)))}
	c.d.UseNumber()
	if _, err := c.next(); err != nil { // "{": Compile has looked
		return nil, err
	}
	root, err := c.object(0)
	if err != nil {
		return nil, err
	}
	if _, err := c.d.Token(); !errors.Is(err, io.EOF) {
		return nil, c.wrong("something follows the pattern")
	}
	return &pattern{root}, nil
}

// next gives the next token.
func (c *compiler) next() (json.Token, error) {
	token, err := c.d.Token()
	if err == nil {
		return token, nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line, column := position(c.text, int(syntax.Offset)-1)
		return nil, wrong(line, column, "%s", syntax.Error())
	}
	return nil, c.wrong("the pattern is not complete")
}

// wrong is an error at the token that was read last.
func (c *compiler) wrong(format string, args ...any) error {
	line, column := position(c.text, int(c.d.InputOffset()))
	return wrong(line, max(column-1, 1), format, args...)
}

// object reads an object whose brace has been read.
func (c *compiler) object(depth int) (*object, error) {
	if depth > depthMax {
		return nil, c.wrong("the pattern is deeper than %d", depthMax)
	}
	o := &object{}
	for c.d.More() {
		token, err := c.next()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder allows nothing else here
		if name == orKey {
			choices, err := c.or(depth)
			if err != nil {
				return nil, err
			}
			o.ors = append(o.ors, choices)
			continue
		}
		f := field{name: name}
		token, err = c.next()
		if err != nil {
			return nil, err
		}
		switch token {
		case json.Delim('{'):
			f.inner, err = c.object(depth + 1)
		case json.Delim('['):
			f.rules, err = c.list(name)
		default:
			err = c.wrong("%s must be a list of values, or an object", name)
		}
		if err != nil {
			return nil, err
		}
		o.fields = append(o.fields, f)
	}
	if _, err := c.next(); err != nil { // "}"
		return nil, err
	}
	if len(o.fields) == 0 && len(o.ors) == 0 {
		return nil, c.wrong("an empty object says nothing")
	}
	return o, nil
}

// or reads the alternatives of an $or.
func (c *compiler) or(depth int) ([]*object, error) {
	if token, err := c.next(); err != nil || token != json.Delim('[') {
		return nil, errors.Join(err, c.wrong("%s needs a list of objects", orKey))
	}
	var choices []*object
	for c.d.More() {
		if token, err := c.next(); err != nil || token != json.Delim('{') {
			return nil, errors.Join(err, c.wrong("%s needs a list of objects", orKey))
		}
		choice, err := c.object(depth + 1)
		if err != nil {
			return nil, err
		}
		choices = append(choices, choice)
	}
	if _, err := c.next(); err != nil { // "]"
		return nil, err
	}
	if len(choices) < 2 {
		return nil, c.wrong("%s needs at least two objects", orKey)
	}
	return choices, nil
}

// list reads the rules of a field, whose bracket has been read.
func (c *compiler) list(name string) ([]rule, error) {
	var rules []rule
	for c.d.More() {
		c.rules++
		if c.rules > rulesMax {
			return nil, c.wrong("the pattern has more than %d rules", rulesMax)
		}
		var raw json.RawMessage
		if err := c.d.Decode(&raw); err != nil {
			return nil, c.wrong("%s holds no JSON value: %s", name, err.Error())
		}
		r, err := compileRule(raw)
		if err != nil {
			return nil, c.wrong("%s: %s", name, err.Error())
		}
		rules = append(rules, r)
	}
	if _, err := c.next(); err != nil { // "]"
		return nil, err
	}
	if len(rules) == 0 {
		return nil, c.wrong("%s has an empty list, which nothing matches", name)
	}
	return rules, nil
}

var errCostly = errors.New("the event is too large for the filter")

// match implements matcher.
func (p *pattern) match(e *dayfly.Event) (bool, error) {
	m := &match{event: e, left: matchSteps}
	yes := m.object(p.root, m.field)
	if m.left < 0 {
		return false, dayfly.Errorf(dayfly.KindInvalid, "%w", errCostly)
	}
	return yes, nil
}

// match is one event as one pattern looks at it.
type match struct {
	event *dayfly.Event
	left  int // steps that it may still take

	read bool // whether data holds what the event's data says
	data any
}

// lookup gives a value and whether it is there.
type lookup func(name string) (any, bool)

// field gives a field of the event itself.
func (m *match) field(name string) (any, bool) {
	e := m.event
	switch name {
	case "id":
		return e.ID, true
	case "source":
		return e.Source, true
	case "type", "detail-type":
		return e.Type, true
	case "subject":
		return e.Subject, e.Subject != ""
	case "time":
		return e.Time.UTC().Format(time.RFC3339Nano), !e.Time.IsZero()
	case "datacontenttype":
		return e.ContentType, e.ContentType != ""
	case "dataschema":
		return e.DataSchema, e.DataSchema != ""
	case "data", "detail", "body":
		if !m.read {
			m.data, m.read = content(e, decodeNumbers), true
			m.left -= len(e.Data) / stepBytes
		}
		return m.data, len(e.Data) > 0
	}
	value, ok := e.Extensions[name]
	return value, ok
}

// object tells whether all is true that o says of what get gives.
func (m *match) object(o *object, get lookup) bool {
	for i := range o.fields {
		if m.left--; m.left < 0 {
			return false
		}
		f := &o.fields[i]
		value, there := get(f.name)
		if f.inner != nil {
			if !there || !m.inner(f.inner, value) {
				return false
			}
			continue
		}
		if !m.any(f.rules, value, there) {
			return false
		}
	}
	for _, choices := range o.ors {
		if !m.or(choices, get) {
			return false
		}
	}
	return true
}

func (m *match) or(choices []*object, get lookup) bool {
	for _, choice := range choices {
		if m.object(choice, get) {
			return true
		}
	}
	return false
}

// inner tells whether value is an object of which o is true, or a list that has one.
func (m *match) inner(o *object, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return m.object(o, func(name string) (any, bool) {
			field, ok := v[name]
			return field, ok
		})
	case []any:
		for _, element := range v {
			if m.left--; m.left < 0 {
				return false
			}
			if m.inner(o, element) {
				return true
			}
		}
	}
	return false
}

// any tells whether one of the rules is true of the value, or of one in the list that
// it is.
func (m *match) any(rules []rule, value any, there bool) bool {
	for _, r := range rules {
		if r.exists != nil {
			if _, nested := value.(map[string]any); *r.exists == (there && !nested) {
				return true
			}
			continue
		}
		if there && m.value(r, value) {
			return true
		}
	}
	return false
}

func (m *match) value(r rule, value any) bool {
	list, ok := value.([]any)
	if !ok {
		m.left -= 1 + size(value)/stepBytes
		return m.left >= 0 && r.test(value)
	}
	for _, element := range list {
		if m.left--; m.left < 0 {
			return false
		}
		if m.value(r, element) {
			return true
		}
	}
	return false
}

// stepBytes is how much text counts as one step of the work.
const stepBytes = 100

func size(value any) int {
	if text, ok := value.(string); ok {
		return len(text)
	}
	return 0
}

// describe names the type of a JSON value for a person.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
