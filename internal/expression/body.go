// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	// BodyBytesMax bounds a body that an expression looks at: read as JSON it takes ten
	// times the memory.
	BodyBytesMax = 1 << 20
	// depthMax bounds how deep a body's JSON is.
	depthMax = 128
	// partsMax bounds the parts of a form.
	partsMax = 1000
	// digitsExact are how many digits a float64 tells exactly.
	digitsExact = 15
)

// parsed is what a body says, once it was asked for.
type parsed struct {
	done  bool
	value any
	err   error
}

// body gives what a body says.
func (v *variables) body(p *parsed, header http.Header, body []byte) any {
	if !p.done {
		p.value, p.err = parseBody(header.Get("Content-Type"), body)
		p.done = true
	}
	if p.err != nil && v.err == nil {
		v.err = p.err
	}
	return p.value
}

// parseBody reads a body by its content type: JSON, a form, or a text. A body of no bytes is
// null.
func parseBody(contentType string, body []byte) (any, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if len(body) > BodyBytesMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the body has %d bytes, expressions read at most %d",
			len(body), BodyBytesMax)
	}
	kind, params, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "application/json", kind == "text/json", strings.HasSuffix(kind, "+json"):
		value, err := parseJSON(body)
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the body is not JSON: %s", err.Error())
		}
		return value, nil
	case kind == "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the body is no form: %s", err.Error())
		}
		return firsts(values, asIs), nil
	case kind == "multipart/form-data":
		return parseParts(body, params["boundary"])
	case utf8.Valid(body):
		return string(body), nil
	}
	return body, nil
}

// parseJSON gives what JSON says: numbers as float64, but whole numbers that are too large
// for one as int64, so that identities stay what they are.
func parseJSON(body []byte) (any, error) {
	if err := checkDepth(body); err != nil {
		return nil, err
	}
	var value any
	if !hasLongNumber(body) {
		return value, json.Unmarshal(body, &value)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return exact(value), nil
}

// checkDepth refuses what is nested deeper than depthMax. Brackets within texts are told
// apart as far as a text is written rightly; the parser refuses the rest.
func checkDepth(body []byte) error {
	depth, text := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > depthMax {
				return errors.New("it is nested too deeply")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// hasLongNumber tells whether there may be a number that a float64 does not hold.
func hasLongNumber(body []byte) bool {
	run := 0
	for _, c := range body {
		if c < '0' || c > '9' {
			run = 0
			continue
		}
		if run++; run > digitsExact {
			return true
		}
	}
	return false
}

// exact gives json.Number its type, all the way down.
func exact(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = exact(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = exact(inner)
		}
	case json.Number:
		f, _ := v.Float64()
		if whole, err := strconv.ParseInt(v.String(), 10, 64); err == nil && int64(f) != whole {
			return whole
		}
		return f
	}
	return value
}

// parseParts gives the fields of a form that are no files.
func parseParts(body []byte, boundary string) (any, error) {
	values := map[string][]string{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for range partsMax {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return firsts(values, asIs), nil
		}
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the body is no form: %s", err.Error())
		}
		if part.FileName() != "" || part.FormName() == "" {
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the body is no form: %s", err.Error())
		}
		if utf8.Valid(text) {
			values[part.FormName()] = append(values[part.FormName()], string(text))
		}
	}
	return nil, dayfly.Errorf(dayfly.KindInvalid, "the form has more than %d parts", partsMax)
}
