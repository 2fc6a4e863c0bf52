// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
	"github.com/google/go-cmp/cmp"
)

// order is the validation of a route that most tests use.
const order = `{
	"path": {"properties": {"id": {"type": "integer", "minimum": 1}}},
	"query": {"properties": {
		"limit": {"type": "integer", "maximum": 100}, "ids": {"type": "array", "items": {"type": "integer"}},
		"tags": {"type": "array", "items": {"type": "string"}}, "flag": {"type": "boolean"},
		"filter": {"type": "object", "properties": {"from": {"type": "integer"}}, "additionalProperties": false},
		"colour": {"type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}}},
		"pipes": {"type": "array", "items": {"type": "integer"}}, "spaces": {"type": "array", "items": {"type": "string"}},
		"either": {"anyOf": [{"type": "integer"}, {"const": "all"}]}, "doc": {"type": "object", "required": ["a"]}
	}, "required": ["limit"], "additionalProperties": false},
	"header": {"properties": {"x-tenant": {"type": "string", "format": "uuid"}, "x-list": {"type": "array", "maxItems": 2}}},
	"cookie": {"properties": {"session": {"type": "string", "minLength": 4}}},
	"styles": {"query.tags": "form", "query.filter": "deepObject", "query.pipes": "pipeDelimited",
		"query.spaces": "spaceDelimited", "query.doc": "json"},
	"body": {"application/json": {"$ref": "#/components/schemas/Order"}, "application/vnd.order+json": {"type": "array"},
		"application/x-www-form-urlencoded": {"$ref": "#/components/schemas/Order"},
		"multipart/form-data": {"$ref": "#/components/schemas/Order"}, "text/*": {"type": "string", "maxLength": 5}}
}`

const components = `{"schemas": {
	"Order": {"type": "object", "required": ["name", "id"], "additionalProperties": false, "properties": {
		"id": {"type": "integer", "readOnly": true}, "name": {"type": "string", "pattern": "^[a-z]+$"},
		"count": {"type": "integer", "format": "int32", "multipleOf": 2}, "at": {"type": "string", "format": "date-time"},
		"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}, "uniqueItems": true},
		"kind": {"enum": ["a", "b"]}}},
	"Item": {"type": "object", "properties": {"price": {"type": "number", "exclusiveMinimum": 0}}, "required": ["price"]}
}}`

func compile(t testing.TB, validate, components string) *schema.Schema {
	t.Helper()
	s, err := try(validate, components)
	if err != nil {
		t.Fatalf("compile %s: %v", validate, err)
	}
	return s
}

func try(validate, components string) (*schema.Schema, error) {
	var v front.Validate
	if err := json.Unmarshal([]byte(validate), &v); err != nil {
		return nil, err
	}
	return schema.Compile(&v, json.RawMessage(components))
}

// told writes fields as "in field: message".
func told(fields []schema.Field) []string {
	lines := []string{}
	for _, f := range fields {
		lines = append(lines, fmt.Sprintf("%s %s: %s [%s]", f.In, f.Field, f.Message, f.Rule))
	}
	return lines
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	s := compile(t, order, components)
	for name, tt := range map[string]struct {
		query  string
		header http.Header
		want   []string
	}{
		"fine":               {"limit=5&ids=1&ids=2&tags=a,b&flag=true&filter[from]=7&R=1&G=2&pipes=1|2&spaces=a%20b&either=all&doc=%7B%22a%22:1%7D", nil, nil},
		"missing":            {"", nil, []string{"query limit: is required [required]"}},
		"unknown":            {"limit=1&x=1", nil, []string{"query x: is not known [additionalProperties]"}},
		"not a number":       {"limit=abc", nil, []string{"query limit: must be an integer [type]"}},
		"half a number":      {"limit=1.5", nil, []string{"query limit: must be an integer [type]"}},
		"too large":          {"limit=101", nil, []string{"query limit: must be at most 100 [maximum]"}},
		"twice":              {"limit=1&limit=2", nil, []string{"query limit: is given more than once [repeated]"}},
		"item":               {"limit=1&ids=1&ids=x", nil, []string{"query ids/1: must be an integer [type]"}},
		"item of pipes":      {"limit=1&pipes=1%7Cx", nil, []string{"query pipes/1: must be an integer [type]"}},
		"part":               {"limit=1&filter[from]=x", nil, []string{"query filter/from: must be an integer [type]"}},
		"unknown part":       {"limit=1&filter[to]=1", nil, []string{"query filter/to: is not known [additionalProperties]"}},
		"parts of a part":    {"limit=1&filter[from][x]=1", nil, []string{"query filter: is not written in such parts [syntax]"}},
		"part of nothing":    {"limit=1&limit[x]=1", nil, []string{"query limit: is not written in such parts [syntax]"}},
		"part of the spread": {"limit=1&R=x", nil, []string{"query colour/R: must be an integer [type]"}},
		"boolean":            {"limit=1&flag=yes", nil, []string{"query flag: must be a boolean [type]"}},
		"either":             {"limit=1&either=none", nil, []string{"query either: matches none of the 2 forms that are allowed [anyOf]"}},
		"no JSON":            {"limit=1&doc={", nil, []string{"query doc: must be JSON [syntax]"}},
		"JSON":               {"limit=1&doc={}", nil, []string{"query doc/a: is required [required]"}},
		"bad escape":         {"limit=%zz", nil, []string{"query limit: is not escaped as it should be, or not UTF-8 [syntax]"}},
		"bad name":           {"%zz=1", nil, []string{"query : is not written as a query is, or is too long [syntax]"}},
		"no UTF-8":           {"limit=1&tags=%ff", nil, []string{"query tags: is not escaped as it should be, or not UTF-8 [syntax]"}},
		"huge exponent":      {"limit=1e999999999", nil, []string{"query limit: must be an integer [type]"}},
		"header":             {"limit=1", http.Header{"X-Tenant": {"7"}}, []string{"header x-tenant: must be of the format uuid [format]"}},
		"header twice":       {"limit=1", http.Header{"X-Tenant": {"7", "8"}}, []string{"header x-tenant: is given more than once [repeated]"}},
		"header list":        {"limit=1", http.Header{"X-List": {"a, b", "c"}}, []string{"header x-list: must have at most 2 items [maxItems]"}},
		"cookie":             {"limit=1", http.Header{"Cookie": {"other=1; session=abc"}}, []string{"cookie session: must have at least 4 characters [minLength]"}},
		"several": {"limit=x&flag=7", http.Header{"X-Tenant": {"7"}}, []string{"query flag: must be a boolean [type]",
			"query limit: must be an integer [type]", "header x-tenant: must be of the format uuid [format]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.Request(&schema.RequestInput{Params: map[string]string{"id": "7"}, Query: tt.query, Header: tt.header,
				ContentType: "text/plain", Body: []byte("text"), HasBody: true})
			if tt.want == nil {
				tt.want = []string{}
			}
			if diff := cmp.Diff(tt.want, told(got)); diff != "" {
				t.Errorf("Request(%s) (-want +got):\n%s", tt.query, diff)
			}
		})
	}
}

func TestBodiesAreChecked(t *testing.T) {
	t.Parallel()
	s := compile(t, order, components)
	multi := "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nann\r\n--b\r\n" +
		"Content-Disposition: form-data; name=\"count\"\r\n\r\n3\r\n--b--\r\n"
	for name, tt := range map[string]struct {
		kind, body string
		want       []string
	}{
		"fine":           {"application/json; charset=utf-8", `{"name":"ann","count":2.0,"items":[{"price":1},{"price":1.5}]}`, nil},
		"upper case":     {"Application/JSON", `{"name":"ann"}`, nil},
		"missing":        {"application/json", `{}`, []string{"body /name: is required [required]"}},
		"deep":           {"application/json", `{"name":"ann","items":[{"price":1},{"price":0},{}]}`, []string{"body /items/1/price: must be more than 0 [exclusiveMinimum]", "body /items/2/price: is required [required]"}},
		"same item":      {"application/json", `{"name":"ann","items":[{"price":1},{"price":1.0}]}`, []string{"body /items: must not have the same item twice [uniqueItems]"}},
		"unknown":        {"application/json", `{"name":"ann","a/b~":1}`, []string{"body /a~1b~0: is not known [additionalProperties]"}},
		"format":         {"application/json", `{"name":"ann","at":"yesterday"}`, []string{"body /at: must be of the format date-time [format]"}},
		"int32":          {"application/json", `{"name":"ann","count":4294967296}`, []string{"body /count: must be of the format int32 [format]"}},
		"enum":           {"application/json", `{"name":"ann","kind":"c"}`, []string{`body /kind: must be one of "a", "b" [enum]`}},
		"pattern":        {"application/json", `{"name":"Ann"}`, []string{"body /name: must match the pattern ^[a-z]+$ [pattern]"}},
		"no object":      {"application/json", `[]`, []string{"body : must be an object [type]"}},
		"no JSON":        {"application/json", `{"name":`, []string{"body : is not JSON: it ends too soon, at byte 8 [syntax]"}},
		"name twice":     {"application/json", `{"name":"ann","name":"bob"}`, []string{"body : is not JSON: the name \"name\" is there twice, at byte 20 [syntax]"}},
		"two values":     {"application/json", `{"name":"ann"} {}`, []string{"body : is not JSON: there is more after the value, at byte 15 [syntax]"}},
		"half a pair":    {"application/json", `{"name":"\ud800"}`, []string{"body : is not JSON: half a surrogate pair is no character, at byte 15 [syntax]"}},
		"deep nesting":   {"application/json", strings.Repeat("[", 200), []string{"body : is not JSON: it is deeper than 100, at byte 100 [syntax]"}},
		"other JSON":     {"application/vnd.order+json", `{}`, []string{"body : must be an array [type]"}},
		"form":           {"application/x-www-form-urlencoded", "name=ann&count=4", nil},
		"wrong form":     {"application/x-www-form-urlencoded", "name=ann&count=x", []string{"body /count: must be an integer [type]"}},
		"field twice":    {"application/x-www-form-urlencoded", "name=ann&name=bob", []string{"body /name: is given more than once [repeated]"}},
		"multipart":      {"multipart/form-data; boundary=b", multi, []string{"body /count: must be a multiple of 2 [multipleOf]"}},
		"no boundary":    {"multipart/form-data", multi, []string{"body : has no boundary between its parts [syntax]"}},
		"text":           {"text/markdown", "short", nil},
		"long text":      {"text/markdown", "longer", []string{"body : must have at most 5 characters [maxLength]"}},
		"other type":     {"image/png", "x", []string{"header content-type: must be application/json or application/vnd.order+json or application/x-www-form-urlencoded or multipart/form-data or text/* [media_type]"}},
		"no type":        {"", `{"name":"ann"}`, nil},
		"huge exponent":  {"application/json", `{"name":"ann","count":1e400000000}`, []string{"body : is not JSON: a number is not written as JSON has it, or is too large, at byte 22 [syntax]"}},
		"no UTF-8":       {"application/json", "{\"name\":\"\xff\"}", []string{"body : is not JSON: a text is not UTF-8, at byte 10 [syntax]"}},
		"an empty body":  {"application/json", "", []string{"body : is not JSON: it ends too soon, at byte 0 [syntax]"}},
		"leading zeroes": {"application/json", `{"name":"ann","count":02}`, []string{"body : is not JSON: a number is not written as JSON has it, or is too large, at byte 22 [syntax]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := s.Request(&schema.RequestInput{Params: map[string]string{"id": "7"}, Query: "limit=1",
				ContentType: tt.kind, Body: []byte(tt.body), HasBody: true})
			if tt.want == nil {
				tt.want = []string{}
			}
			if diff := cmp.Diff(tt.want, told(got)); diff != "" {
				t.Errorf("Request(%s) (-want +got):\n%s", tt.body, diff)
			}
		})
	}
	got := told(s.Request(&schema.RequestInput{Params: map[string]string{"id": "0"}, Query: "limit=1"}))
	want := []string{"path id: must be at least 1 [minimum]", "body : is required [required]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("without a body (-want +got):\n%s", diff)
	}
}

func TestSchemasThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ validate, path, want string }{
		"no schema":      {`{"path": {"type": "integr"}}`, "path.type", "no JSON Schema"},
		"deep":           {`{"query": {"properties": {"a": {"minimum": "x"}}}}`, "query.properties.a.minimum", "no JSON Schema"},
		"look-around":    {`{"body": {"text/plain": {"pattern": "(?=a)"}}}`, "body.text/plain.pattern", "look-around"},
		"remote":         {`{"body": {"text/plain": {"$ref": "https://example.com/x.json"}}}`, "body.text/plain.$ref", "elsewhere"},
		"file":           {`{"body": {"text/plain": {"$ref": "file:///etc/passwd"}}}`, "body.text/plain.$ref", "elsewhere"},
		"missing":        {`{"body": {"text/plain": {"$ref": "#/components/schemas/No"}}}`, "body.text/plain.$ref", "no schema #/components/schemas/No"},
		"circle":         {`{"body": {"text/plain": {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}}}`, "body.text/plain", "refers to itself"},
		"old draft":      {`{"body": {"text/plain": {"$schema": "http://json-schema.org/draft-04/schema#"}}}`, "body.text/plain.$schema", "2020-12"},
		"dynamic":        {`{"body": {"text/plain": {"items": {"$dynamicRef": "#x"}}}}`, "body.text/plain.items.$dynamicRef", "not supported"},
		"inner address":  {`{"query": {"properties": {"a": {"$id": "https://a/b"}}}}`, "query.properties.a.$id", "not supported"},
		"old keyword":    {`{"query": {"dependencies": {"a": ["b"]}}}`, "query.dependencies", "not supported"},
		"style":          {`{"query": {"properties": {"a": {}}}, "styles": {"query.a": "matrix"}}`, "styles.query.a", "style"},
		"style of none":  {`{"query": {"properties": {"a": {}}}, "styles": {"query.b": "form"}}`, "styles.query.b", "no such parameter"},
		"media type":     {`{"body": {"*/json": {}}}`, "body.*/json", "media type"},
		"response":       {`{"response": {"200": {"type": 7}}}`, "response.200.type", "no JSON Schema"},
		"name twice":     {`{"path": {"type": "string", "type": "object"}}`, "path", "twice"},
		"pattern length": {`{"path": {"pattern": "` + strings.Repeat("a", 5000) + `"}}`, "path.pattern", "4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := try(tt.validate, `{"schemas": {}}`)
			var p *front.Problem
			if !errors.As(err, &p) || strings.Join(p.Path, ".") != tt.path || !strings.Contains(p.Message, tt.want) {
				t.Errorf("Compile(%s): %v, want a problem at %s with %q", tt.validate, err, tt.path, tt.want)
			}
		})
	}
}

func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	// Each level may be either of two forms of itself: checked plainly, 2^60 of them.
	s := compile(t, `{"body": {"application/json": {"$ref": "#/components/schemas/Tree"}}}`, `{"schemas": {
		"Tree": {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]},
		"A": {"properties": {"a": {"$ref": "#/components/schemas/Tree"}, "z": {"const": 1}}, "required": ["a"]},
		"B": {"properties": {"a": {"$ref": "#/components/schemas/Tree"}, "z": {"const": 2}}, "required": ["a"]}}}`)
	body := strings.Repeat(`{"a":`, 60) + `{"a":1}` + strings.Repeat(`}`, 60)
	started := time.Now()
	got := s.Request(&schema.RequestInput{ContentType: "application/json", Body: []byte(body), HasBody: true})
	if took := time.Since(started); len(got) == 0 || took > 10*time.Second {
		t.Errorf("%d fields after %s, want at least one in a moment", len(got), took)
	}
	if got[len(got)-1].Rule != "bound" {
		t.Errorf("told %v, want that it takes too long", told(got))
	}
}

func TestAtMostTwentyFieldsAreTold(t *testing.T) {
	t.Parallel()
	s := compile(t, `{"body": {"application/json": {"items": {"type": "string"}}}}`, "")
	body := "[" + strings.Repeat("1,", 100_000) + "1]"
	got := s.Request(&schema.RequestInput{ContentType: "application/json", Body: []byte(body), HasBody: true})
	if len(got) != 20 {
		t.Errorf("%d fields, want 20", len(got))
	}
}

func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	s := compile(t, `{"response": {"200": {"$ref": "#/components/schemas/Order"}, "4XX": {"type": "object"},
		"default": {"type": "string"}}}`, components)
	for _, tt := range []struct {
		status     int
		kind, body string
		want       []string
	}{
		{200, "application/json", `{"id":1,"name":"ann"}`, []string{}},
		{200, "application/json", `{"name":"ann"}`, []string{"response /id: is required [required]"}},
		{200, "text/html", `<h1>`, []string{"response : must be JSON [media_type]"}},
		{404, "application/problem+json", `[]`, []string{"response : must be an object [type]"}},
		{500, "text/plain", "no", []string{}},
	} {
		if diff := cmp.Diff(tt.want, told(s.Response(tt.status, tt.kind, []byte(tt.body)))); diff != "" {
			t.Errorf("Response(%d, %s) (-want +got):\n%s", tt.status, tt.body, diff)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	s := compile(b, `{"path": {"properties": {"id": {"type": "integer", "minimum": 1}}},
		"query": {"properties": {"limit": {"type": "integer", "maximum": 100}}},
		"body": {"application/json": {"$ref": "#/components/schemas/Order"}}}`, components)
	in := &schema.RequestInput{Params: map[string]string{"id": "7"}, Query: "limit=5", ContentType: "application/json",
		Body: []byte(`{"name":"ann","count":2,"items":[{"price":1.5}],"kind":"a"}`), HasBody: true}
	if got := s.Request(in); len(got) > 0 {
		b.Fatal(told(got))
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Request(in)
	}
}

func TestTheFormThatIsMeantIsTold(t *testing.T) {
	t.Parallel()
	pay := `{"schemas": {"Pay": {"oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Bill"}],
		"discriminator": {"propertyName": "kind", "mapping": {"card": "#/components/schemas/Card", "bill": "Bill"}}},
		"Card": {"type": "object", "required": ["kind", "number"], "properties": {"kind": {"type": "string"}, "number": {"minLength": 3, "type": "string"}}},
		"Bill": {"type": "object", "required": ["kind", "to"], "properties": {"kind": {"type": "string"}, "to": {"type": "string"}}},
		"Shape": {"oneOf": [{"$ref": "#/components/schemas/Round"}, {"$ref": "#/components/schemas/Square"}]},
		"Round": {"properties": {"is": {"const": "round"}, "r": {"type": "number"}}, "required": ["is", "r"]},
		"Square": {"properties": {"is": {"enum": ["square"]}, "a": {"type": "number"}}, "required": ["is", "a"]},
		"Old": {"type": "object", "nullable": true, "properties": {"n": {"type": "integer", "minimum": 1, "exclusiveMinimum": true},
			"self": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/Old"}]}}}}}`
	for name, tt := range map[string]struct {
		schema, body string
		want         []string
	}{
		"card":              {"Pay", `{"kind":"card","number":"12"}`, []string{"body /number: must have at least 3 characters [minLength]"}},
		"bill":              {"Pay", `{"kind":"bill"}`, []string{"body /to: is required [required]"}},
		"fine":              {"Pay", `{"kind":"bill","to":"x"}`, []string{}},
		"unknown":           {"Pay", `{"kind":"cash"}`, []string{`body /kind: must be one of "bill", "card" [discriminator]`}},
		"no discriminator":  {"Pay", `{}`, []string{"body /kind: is required: it says which form is meant [required]"}},
		"by constant":       {"Shape", `{"is":"round","r":"x"}`, []string{"body /r: must be a number [type]"}},
		"by only value":     {"Shape", `{"is":"square"}`, []string{"body /a: is required [required]"}},
		"no constant":       {"Shape", `{"is":"flat"}`, []string{"body : matches none of the 2 forms that are allowed [oneOf]"}},
		"nullable":          {"Old", `null`, []string{}},
		"nullable, by part": {"Old", `{"self":{"self":null}}`, []string{}},
		"exclusive flag":    {"Old", `{"n":1}`, []string{"body /n: must be more than 1 [exclusiveMinimum]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			openapi30 := fmt.Sprint(tt.schema == "Old")
			s := compile(t, `{"body": {"application/json": {"$ref": "#/components/schemas/`+tt.schema+`"}}, "openapi30": `+openapi30+`}`, pay)
			got := told(s.Request(&schema.RequestInput{ContentType: "application/json", Body: []byte(tt.body), HasBody: true}))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Request(%s) (-want +got):\n%s", tt.body, diff)
			}
		})
	}
}

// Many routes share their components, which are read once.
func TestManyRoutesCompile(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"schemas": {"S": {"type": "object"}`)
	for i := range 2000 {
		fmt.Fprintf(&b, `,"S%d": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/S%d"}}}`, i, (i+1)%2000)
	}
	c, err := schema.NewComponents(json.RawMessage(b.String() + "}}"))
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	for i := range 2000 {
		v := front.Validate{Body: map[string]json.RawMessage{"application/json": json.RawMessage(
			fmt.Sprintf(`{"$ref": "#/components/schemas/S%d"}`, i))}}
		if _, err := c.Compile(&v); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("2000 routes took %s", took)
	} else {
		t.Logf("2000 routes took %s", took)
	}
}

func TestProblemsNameEachField(t *testing.T) {
	t.Parallel()
	s := compile(t, order, components)
	fields := s.Request(&schema.RequestInput{Params: map[string]string{"id": "x"}, ContentType: "application/json", Body: []byte("{}"), HasBody: true})
	got, err := json.MarshalIndent(schema.Problem(fields), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "title": "Bad Request",
 "status": 400,
 "detail": "the request is not valid: it has 3 faults",
 "kind": "invalid",
 "errors": [
  {
   "in": "path",
   "field": "id",
   "message": "must be an integer",
   "rule": "type"
  },
  {
   "in": "query",
   "field": "limit",
   "message": "is required",
   "rule": "required"
  },
  {
   "in": "body",
   "field": "/name",
   "message": "is required",
   "rule": "required"
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Problem (-want +got):\n%s", diff)
	}
	fields = s.Request(&schema.RequestInput{Params: map[string]string{"id": "1"}, Query: "limit=1", ContentType: "image/png", HasBody: true})
	if got := schema.Problem(fields).Status; got != 415 {
		t.Errorf("another media type gives %d, want 415", got)
	}
}
