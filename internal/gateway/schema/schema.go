// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// Bounds of checks.
const (
	fieldsMax = 20       // that are reported: people mend a few at a time
	bodyMax   = 16 << 20 // bytes of a body that is checked; one of 16 MiB takes a second
)

// Places of a Field.
const (
	InPath     = "path"
	InQuery    = "query"
	InHeader   = "header"
	InCookie   = "cookie"
	InBody     = "body"
	InResponse = "response"
)

// Field is one thing that is wrong with a request or an answer.
type Field struct {
	In string `json:"in"`
	// Field is the name of a parameter, followed by a JSON pointer when it has parts, or
	// a JSON pointer into the body: "" is all of it.
	Field   string `json:"field"`
	Message string `json:"message"`
	// Rule is the keyword of JSON Schema that was broken, or "syntax", "encoding",
	// "media_type", "repeated", "bound".
	Rule string `json:"rule"`
}

// RequestInput is what of a request is checked.
type RequestInput struct {
	Params      map[string]string // what the path captured
	Query       string            // as it was sent, without the question mark
	Header      http.Header       // cookies are read from it too
	ContentType string
	Body        []byte
	HasBody     bool // a request without one has neither length nor encoding of it
}

// Schema checks the requests and answers of one route.
type Schema struct {
	groups   []*group
	body     []media
	optional bool
	response map[string]*node
}

// Compile reads the validation of a route whose schemas refer to no, or few, components. For
// many routes, read these once with NewComponents.
func Compile(v *front.Validate, components json.RawMessage) (*Schema, error) {
	c, err := NewComponents(components)
	if err != nil {
		return nil, front.Within(err, "components")
	}
	return c.Compile(v)
}

// Compile reads the validation of a route. Its errors are *front.Problem, with a path that
// begins below validate. It must not be called by two at once.
func (c *Components) Compile(v *front.Validate) (*Schema, error) {
	s := &Schema{optional: v.BodyOptional, response: map[string]*node{}}
	for _, part := range []struct {
		in     string
		schema json.RawMessage
	}{{InPath, v.Path}, {InQuery, v.Query}, {InHeader, v.Header}, {InCookie, v.Cookie}} {
		if len(part.schema) == 0 {
			continue
		}
		n, err := c.node(part.schema, v.OpenAPI30)
		if err != nil {
			return nil, front.Within(err, part.in)
		}
		g, err := newGroup(part.in, n, v.Styles)
		if err != nil {
			return nil, err
		}
		s.groups = append(s.groups, g)
	}
	if err := checkStyles(v.Styles, s.groups); err != nil {
		return nil, err
	}
	for _, kind := range slices.Sorted(maps.Keys(v.Body)) {
		n, err := c.node(v.Body[kind], v.OpenAPI30)
		if err != nil {
			return nil, front.Within(err, "body", kind)
		}
		m, err := newMedia(kind, n)
		if err != nil {
			return nil, front.Within(err, "body", kind)
		}
		s.body = append(s.body, m)
	}
	slices.SortStableFunc(s.body, media.compare)
	for status, schema := range v.Response {
		n, err := c.node(schema, v.OpenAPI30)
		if err != nil {
			return nil, front.Within(err, "response", status)
		}
		s.response[status] = n
	}
	return s, nil
}

// NeedsBody tells whether Request reads the body.
func (s *Schema) NeedsBody() bool { return len(s.body) > 0 }

// ChecksResponse tells whether Response has something to check for that status.
func (s *Schema) ChecksResponse(status int) bool { return s.answer(status) != nil }

// Request gives what is wrong with a request; nothing when it is as it should be.
func (s *Schema) Request(in *RequestInput) []Field {
	r := run{}
	for _, g := range s.groups {
		g.check(&r, in)
	}
	if len(s.body) > 0 {
		r.in, r.name = InBody, ""
		s.checkBody(&r, in)
	}
	return r.fields
}

// Response gives what is wrong with an answer. One that is not JSON is checked as a text.
func (s *Schema) Response(status int, contentType string, body []byte) []Field {
	n := s.answer(status)
	if n == nil {
		return nil
	}
	r := run{in: InResponse, response: true}
	value, ok := r.read(formOf(mediaType(contentType)), body, n)
	if ok {
		r.root(n, value)
	}
	return r.fields
}

// answer gives the schema for a status.
func (s *Schema) answer(status int) *node {
	text := strconv.Itoa(status)
	for _, key := range []string{text, text[:1] + "XX", "default"} {
		if n := s.response[key]; n != nil {
			return n
		}
	}
	return nil
}
