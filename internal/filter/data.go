// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// content gives the data of an event as filters see it: what its JSON says when its
// content type is a JSON one, or none and the data is JSON; else its text, or its bytes.
// With numbers, JSON numbers are json.Number, else float64.
func content(e *dayfly.Event, decode func([]byte) (any, error)) any {
	if len(e.Data) == 0 {
		return nil
	}
	if e.ContentType == "" || isJSON(e.ContentType) {
		if v, err := decode(e.Data); err == nil {
			return v
		}
	}
	if utf8.Valid(e.Data) {
		return string(e.Data)
	}
	return e.Data
}

func decodeFloats(data []byte) (any, error) {
	var v any
	err := json.Unmarshal(data, &v)
	return v, err
}

func decodeNumbers(data []byte) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "something follows the JSON value")
	}
	return v, nil
}

func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}
