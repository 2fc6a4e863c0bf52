// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// WriteBinary puts the attributes of e into header as CloudEvents' binary mode has them,
// and gives the body: the data as it is.
func WriteBinary(header http.Header, e *dayfly.Event) (body []byte) {
	for name, value := range Attributes(e) {
		if name == "datacontenttype" {
			header[headerContent] = []string{value}
			continue
		}
		header[http.CanonicalHeaderKey(headerPrefix+name)] = []string{escapeHeader(value)}
	}
	return e.Data
}

// WriteStructured gives e as one JSON object, whose content type is TypeStructured.
func WriteStructured(e *dayfly.Event) []byte {
	return AppendStructured(make([]byte, 0, 256+len(e.Data)+len(e.Data)/2), e)
}

// WriteBatch gives events as a JSON list, whose content type is TypeBatch.
func WriteBatch(events []dayfly.Event) []byte {
	out := []byte{'['}
	for i := range events {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendStructured(out, &events[i])
	}
	return append(out, ']')
}

// AppendStructured adds e as a JSON object to out. Data that is JSON stands in it as it
// is, text as a string, the rest as base64.
func AppendStructured(out []byte, e *dayfly.Event) []byte {
	out = append(out, '{')
	for name, value := range Attributes(e) {
		if len(out) > 0 && out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, name...)
		out = append(out, `":`...)
		out = appendText(out, value)
	}
	if len(e.Data) > 0 {
		out = appendData(out, e.ContentType, e.Data)
	}
	return append(out, '}')
}

func appendData(out []byte, kind string, data []byte) []byte {
	switch {
	case isJSON(kind) && json.Valid(data) && utf8.Valid(data):
		out = append(out, `,"data":`...)
		return append(out, data...)
	case !isJSON(kind) && isText(kind) && utf8.Valid(data):
		out = append(out, `,"data":`...)
		return appendText(out, string(data))
	}
	out = append(out, `,"data_base64":"`...)
	out = base64.StdEncoding.AppendEncode(out, data)
	return append(out, '"')
}

// isText tells a content type whose data people read.
func isText(kind string) bool {
	kind = strings.ToLower(kind)
	return strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, typeForm) ||
		strings.Contains(kind, "xml") || strings.Contains(kind, "yaml") ||
		strings.HasPrefix(kind, "application/javascript")
}

// appendText adds a JSON string. Bytes that are no UTF-8 become replacement characters.
func appendText(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			encoded, err := json.Marshal(s)
			if err != nil {
				panic("bug: a string has no JSON: " + err.Error())
			}
			return append(out, encoded...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}
