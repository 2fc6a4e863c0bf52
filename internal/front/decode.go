// SPDX-License-Identifier: Apache-2.0

package front

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Decode reads a front as JSON. An error holds Problems, with their fields' places.
func Decode(data []byte) (*Front, error) {
	if err := read(nil, reflect.TypeFor[Front](), data); err != nil {
		return nil, err
	}
	f := &Front{}
	if err := strictly(data, f); err != nil {
		return nil, at(nil).wrap(err)
	}
	return f, nil
}

// fieldsOf gives the keys of a struct and their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[key] = t.Field(i).Type
	}
	return fields
}

// read finds what of data does not fit t, with its place; encoding/json says neither where
// nor what was meant.
func read(place at, t reflect.Type, data json.RawMessage) error {
	if t.Kind() == reflect.Pointer {
		if string(data) == "null" {
			return nil
		}
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.RawMessage]() {
		return nil
	}
	value := reflect.New(t)
	if text, ok := value.Interface().(encoding.TextUnmarshaler); ok {
		var written string
		if json.Unmarshal(data, &written) != nil {
			example := "30s"
			if t == reflect.TypeFor[quantity.Bytes]() {
				example = "8Mi, or 512B"
			}
			return place.problem("%.20s needs a unit: write it like %s", data, example)
		}
		return place.wrap(text.UnmarshalText([]byte(written)))
	}
	if isShort(t, data) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return readStruct(place, t, data)
	case reflect.Map:
		var entries map[string]json.RawMessage
		if json.Unmarshal(data, &entries) != nil {
			return place.problem("must be a mapping of keys and values")
		}
		var faults Faults
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			if !faults.Add(read(place.key(key), t.Elem(), entries[key])) {
				break
			}
		}
		return faults.Err()
	case reflect.Slice:
		return readList(place, t, data)
	}
	if json.Unmarshal(data, value.Interface()) != nil {
		return place.problem("%.40s is not %s", data, map[reflect.Kind]string{reflect.String: "a text; put it in quotes",
			reflect.Int: "a whole number", reflect.Bool: "true or false"}[t.Kind()])
	}
	return nil
}

// isShort reports whether data is the short form of a struct.
func isShort(t reflect.Type, data json.RawMessage) bool {
	var text string
	var list List
	switch t {
	case reflect.TypeFor[Route](), reflect.TypeFor[Site](), reflect.TypeFor[Redirect](), reflect.TypeFor[Rate]():
		return json.Unmarshal(data, &text) == nil
	case reflect.TypeFor[CORS](), reflect.TypeFor[List]():
		return json.Unmarshal(data, &list) == nil
	}
	return false
}

func readStruct(place at, t reflect.Type, data json.RawMessage) error {
	var entries map[string]json.RawMessage
	if json.Unmarshal(data, &entries) != nil {
		if isShort(t, json.RawMessage(`"x"`)) {
			return place.problem("must be a text, or a mapping of keys and values")
		}
		return place.problem("must be a mapping of keys and values")
	}
	fields := fieldsOf(t)
	var faults Faults
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		of, known := fields[key]
		if !known {
			faults.Add(place.key(key).problem("is not a key that is known here; these are: %s",
				strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
			continue
		}
		faults.Add(read(place.key(key), of, entries[key]))
	}
	return faults.Err()
}

func readList(place at, t reflect.Type, data json.RawMessage) error {
	var entries []json.RawMessage
	if t == reflect.TypeFor[[]Rate]() && len(data) > 0 && data[0] != '[' {
		entries = []json.RawMessage{data} // one may stand for a list of it
	} else if json.Unmarshal(data, &entries) != nil {
		return place.problem("must be a list")
	}
	for i, entry := range entries {
		if err := read(place.key(strconv.Itoa(i)), t.Elem(), entry); err != nil {
			return err
		}
	}
	return nil
}
