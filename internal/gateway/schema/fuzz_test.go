// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzAgreesWithTheLibrary compares what passes with what the library that compiled the
// schema says: it is the second opinion, without our bounds.
func FuzzAgreesWithTheLibrary(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]}`, `{"a":1.0}`},
		{`{"properties":{"a":true},"patternProperties":{"^b":{"type":"null"}},"additionalProperties":false}`, `{"a":1,"bc":null}`},
		{`{"oneOf":[{"type":"number","multipleOf":2},{"type":"number","multipleOf":3}]}`, `6`},
		{`{"anyOf":[{"properties":{"a":true}},{"properties":{"b":true}}],"unevaluatedProperties":false}`, `{"a":1,"b":2}`},
		{`{"prefixItems":[true],"contains":{"const":3},"unevaluatedItems":false}`, `[1,3,3]`},
		{`{"if":{"properties":{"k":{"const":1}}},"then":{"required":["x"]},"else":{"required":["y"]}}`, `{"k":2,"y":0}`},
		{`{"$defs":{"n":{"properties":{"n":{"$ref":"#/$defs/n"}},"additionalProperties":false}},"$ref":"#/$defs/n"}`, `{"n":{"n":{"m":1}}}`},
		{`{"uniqueItems":true,"items":{"enum":[1,"a",null,[1],{"a":1.50}]}}`, `[1,"a",null,[1.0],{"a":1.5}]`},
		{`{"not":{"type":"string"},"minItems":1,"maxItems":2}`, `[[]]`},
		{`{"propertyNames":{"maxLength":2},"dependentRequired":{"a":["b"]},"dependentSchemas":{"b":{"minProperties":3}}}`, `{"a":1,"b":2}`},
		{`{"minLength":1,"maxLength":2,"pattern":"^.$","format":"ipv4"}`, `"1.2.3.4"`},
		{`{"contains":{"type":"integer"},"minContains":0,"maxContains":1}`, `[1,2.5,2]`},
		{`{"exclusiveMinimum":1e3,"exclusiveMaximum":1e400}`, `1000.0000000000000000001`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, text, instance []byte) {
		validate, err := json.Marshal(map[string]any{"body": map[string]any{"application/json": json.RawMessage(text)}})
		if err != nil || bytes.Contains(text, []byte("contentSchema")) || !utf8.Valid(text) {
			return
		}
		s, err := try(string(validate), "")
		if err != nil {
			return
		}
		got := s.Request(&schema.RequestInput{ContentType: "application/json", Body: instance, HasBody: true})
		for _, field := range got {
			if field.Rule == "syntax" || field.Rule == "bound" {
				return
			}
		}
		if want, usable := opinion(text, instance); usable && want != (len(got) == 0) {
			t.Errorf("schema %s, instance %s: told %v, and the library says it passes: %t", text, instance, told(got), want)
		}
	})
}

// opinion asks the library.
func opinion(text, instance []byte) (passes, usable bool) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	value, err2 := jsonschema.UnmarshalJSON(bytes.NewReader(instance))
	if err != nil || err2 != nil {
		return false, false
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if compiler.AddResource("urn:s", document) != nil {
		return false, false
	}
	compiled, err := compiler.Compile("urn:s")
	if err != nil || bytes.Contains(text, []byte("int32")) || bytes.Contains(text, []byte("int64")) ||
		bytes.Contains(text, []byte("byte")) || bytes.Contains(text, []byte("Only")) || bytes.Contains(text, []byte("discriminator")) {
		return false, false
	}
	return compiled.Validate(value) == nil, true
}

// FuzzRequest wants that nothing a caller sends makes a check panic.
func FuzzRequest(f *testing.F) {
	s := compile(f, order, components)
	f.Add("limit=5&ids=1&filter[from]=1&R=1&pipes=1|2&doc={}", "a=b; session=1234", "application/json", []byte(`{"name":"x"}`))
	f.Add("limit=%zz&%=&&=&[]&a[b][c]=1", "=;;", "multipart/form-data; boundary=b", []byte("--b\r\n\r\n--b--"))
	f.Add("", "", "application/x-www-form-urlencoded", []byte("name=a&name=b&items=1"))
	f.Fuzz(func(t *testing.T, query, header, kind string, body []byte) {
		in := &schema.RequestInput{Params: map[string]string{"id": header}, Query: query, ContentType: kind, Body: body,
			HasBody: true, Header: map[string][]string{"Cookie": {header}, "X-List": {header, query}, "X-Tenant": {query}}}
		fields := s.Request(in)
		if len(fields) > 20 {
			t.Errorf("%d fields", len(fields))
		}
		if _, err := json.Marshal(schema.Problem(fields)); err != nil {
			t.Error(err)
		}
		again := s.Request(in)
		if len(again) != len(fields) {
			t.Errorf("told %v, then %v", told(fields), told(again))
		}
	})
}
