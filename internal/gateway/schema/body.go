// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly/internal/ijson"
)

// form is how a body is read.
type form int

const (
	formText form = iota
	formJSON
	formPairs
	formMultipart
	formUnread // XML: its schema says nothing about the text
)

// media is a media type, or a range of them, and the schema of such a body.
type media struct {
	kind string // in lower case, without parameters
	node *node
}

func newMedia(kind string, n *node) (media, error) {
	base := mediaType(kind)
	if main, sub, ok := strings.Cut(base, "/"); !ok || main == "" || sub == "" || main == "*" && sub != "*" {
		return media{}, fmt.Errorf("%.80q is no media type", kind)
	}
	return media{base, n}, nil
}

// mediaType gives the media type of a Content-Type, without its parameters.
func mediaType(text string) string {
	base, _, _ := strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(base))
}

// compare puts what is more specific first.
func (m media) compare(other media) int { return m.width() - other.width() }

func (m media) width() int {
	switch {
	case m.kind == "*/*":
		return 2
	case strings.HasSuffix(m.kind, "/*"):
		return 1
	}
	return 0
}

func (m media) matches(kind string) bool {
	switch m.width() {
	case 0:
		return m.kind == kind
	case 1:
		return strings.HasPrefix(kind, m.kind[:len(m.kind)-1])
	}
	return true
}

func formOf(kind string) form {
	switch {
	case kind == "application/json", strings.HasSuffix(kind, "+json"), kind == "":
		return formJSON
	case kind == "application/x-www-form-urlencoded":
		return formPairs
	case kind == "multipart/form-data":
		return formMultipart
	case kind == "application/xml", kind == "text/xml", strings.HasSuffix(kind, "+xml"):
		return formUnread
	}
	return formText
}

// checkBody checks the body of a request.
func (s *Schema) checkBody(r *run, in *RequestInput) {
	r.path = r.path[:0]
	if !in.HasBody {
		if !s.optional {
			r.wrong("required", "is required")
		}
		return
	}
	if len(in.Body) > bodyMax {
		r.wrong("bound", fmt.Sprintf("is longer than %d MiB and cannot be checked", bodyMax>>20))
		return
	}
	kind := mediaType(in.ContentType)
	chosen, found := s.choose(kind)
	if !found {
		r.in = InHeader
		r.wrongAt("content-type", ruleMedia, "must be "+s.kinds())
		return
	}
	if kind == "" && chosen.width() == 0 {
		kind = chosen.kind
	}
	var value any
	var ok bool
	switch formOf(kind) {
	case formPairs:
		value, ok = r.readForm(chosen.node, string(in.Body))
	case formMultipart:
		value, ok = r.readMultipart(chosen.node, in.ContentType, in.Body)
	default:
		value, ok = r.read(formOf(kind), in.Body, chosen.node)
	}
	if ok {
		r.root(chosen.node, value)
	}
}

// choose gives the schema for a media type. A request that names none has the only one.
func (s *Schema) choose(kind string) (media, bool) {
	if kind == "" {
		return s.body[0], len(s.body) == 1 || s.body[0].matches("application/json")
	}
	for _, m := range s.body {
		if m.matches(kind) {
			return m, true
		}
	}
	return media{}, false
}

func (s *Schema) kinds() string {
	var kinds []string
	for _, m := range s.body {
		kinds = append(kinds, m.kind)
	}
	return strings.Join(kinds, " or ")
}

// read gives the value of a JSON body or a text.
func (r *run) read(f form, body []byte, n *node) (any, bool) {
	switch f {
	case formUnread:
		return nil, false
	case formJSON:
		value, values, err := ijson.Decode(body)
		if err != nil {
			return nil, r.wrong("syntax", "is not JSON: "+err.Error())
		}
		r.values += values
		return value, true
	}
	if n.accepts()&kindString == 0 {
		return nil, r.wrong(ruleMedia, "must be JSON")
	}
	r.values++
	return string(body), true
}

// readForm reads name=value&….
func (r *run) readForm(n *node, body string) (any, bool) {
	g := formGroup(n)
	object := map[string]any{}
	before := len(r.fields)
	g.readQuery(r, body, object)
	return object, len(r.fields) == before
}

// formGroup reads the fields of a form as parameters.
func formGroup(n *node) *group {
	g := &group{in: InBody, node: n, byName: map[string]*param{}}
	for _, name := range n.names() {
		p := newParam(name, style{styleForm, true}, n.property(name))
		g.params = append(g.params, p)
		g.byName[name] = p
	}
	return g
}

// readMultipart reads the parts of a form; files are texts of any bytes.
func (r *run) readMultipart(n *node, contentType string, body []byte) (any, bool) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, r.wrong("syntax", "has no boundary between its parts")
	}
	g, object := formGroup(n), map[string]any{}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for parts := 0; ; parts++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return object, true
		}
		if err != nil || parts == pairsMax {
			return nil, r.wrong("syntax", "is no multipart form, or has too many parts")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, r.wrong("syntax", "is no multipart form")
		}
		if !r.addField(g, object, part, text) {
			return nil, false
		}
	}
}

// addField adds a part of a form to what is checked.
func (r *run) addField(g *group, object map[string]any, part *multipart.Part, text []byte) bool {
	name := part.FormName()
	value, ok := any(string(text)), true
	p := g.byName[name]
	if p == nil {
		p = newParam(name, style{styleForm, true}, nil)
	}
	kind := mediaType(part.Header.Get("Content-Type"))
	r.values++
	switch {
	case part.FileName() != "" && formOf(kind) != formJSON:
		if p.accepts != kindAny && p.accepts&kindString == 0 && p.accepts&kindArray != 0 {
			value = []any{value}
		}
	case kind != "" && formOf(kind) == formJSON || p.accepts == kindObject:
		value, ok = r.parseJSON(p, string(text), plainText)
	case utf8.Valid(text):
		value, ok = r.parse(p, string(text), plainText)
	}
	if !ok {
		return false
	}
	before, twice := object[name]
	if !twice {
		object[name] = value
		return true
	}
	list, isList := before.([]any)
	more, both := value.([]any)
	if !isList || !both {
		r.wrongAt(name, "repeated", "is given more than once")
		return false
	}
	object[name] = append(list, more...)
	return true
}
