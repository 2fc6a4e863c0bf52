// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/openapi"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the documents give as what they should")

func TestDocumentsAreReadAsRoutes(t *testing.T) {
	t.Parallel()
	for document, functions := range map[string][]dayfly.FunctionName{
		"petstore.yaml": {"update-pet", "addpet", "find-pets-by-status", "get-pet-by-id", "delete-pet"},
		"shop/api.json": {"list-orders", "create-order", "shop"},
	} {
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			result, err := openapi.Load(filepath.Join("testdata", document), functions)
			if err != nil {
				t.Fatal(err)
			}
			f := front.Front{Routes: result.Routes, Auth: maps.Clone(result.Auth), Components: result.Components}
			for _, name := range result.Authenticators {
				f.Auth[name] = front.Auth{JWT: &front.JWT{Issuer: "https://login.example", Audience: front.List{"a"}}}
			}
			if err := f.Check(); err != nil {
				t.Errorf("the front is not right: %v", err)
			}
			got, err := json.MarshalIndent(result, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", document+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("Load(%s) (-want +got; -update takes it over):\n%s", document, diff)
			}
		})
	}
}

// write makes files and gives the path of the first, api.yaml.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "docs", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "docs", "api.yaml")
}

const head = "openapi: 3.1.0\ninfo: {title: x, version: '1'}\n"

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"no document":    {"- a\n", []string{"api.yaml:1", "no OpenAPI document"}},
		"empty":          {"", []string{"api.yaml", "no OpenAPI document"}},
		"swagger":        {"swagger: '2.0'\n", []string{"api.yaml:1", "Swagger 2.0"}},
		"version":        {"openapi: 4.0.0\n", []string{"api.yaml:1", "4.0.0"}},
		"syntax":         {head + "paths:\n  a: [\n", []string{"api.yaml:"}},
		"key twice":      {head + "paths: {}\npaths: {}\n", []string{"api.yaml:4", "already defined"}},
		"path":           {head + "paths:\n  pets: {get: {operationId: f}}\n", []string{"api.yaml:4", "#/paths/pets", "does not begin"}},
		"operation":      {head + "paths:\n  /a:\n    get: 7\n", []string{"api.yaml:5: #/paths/~1a/get", "no operation"}},
		"twice":          {head + "paths:\n  /a: {get: {operationId: f}}\n  /b: {get: {operationId: f}}\n", []string{"#/paths/~1b/get/operationId", "is called \"f\" too"}},
		"half a segment": {head + "paths:\n  /a/{b}.json: {get: {operationId: f}}\n", []string{"#/paths/~1a~1{b}.json/get", "whole segment", "x-dayfly: false"}},
		"lost reference": {head + "paths:\n  /a:\n    get:\n      operationId: f\n      parameters:\n        - $ref: '#/no'\n", []string{"api.yaml:8", "parameters/0", "leads nowhere"}},
		"remote":         {head + "paths:\n  /a:\n    $ref: https://example.com/a.yaml\n", []string{"api.yaml:", "only files"}},
		"remote schema":  {head + "paths: {/a: {get: {operationId: f, parameters: [{name: a, in: query, schema: {$ref: 'http://a/b'}}]}}}", []string{"schema/$ref", "only files"}},
		"file address":   {head + "paths:\n  /a:\n    $ref: file:///etc/passwd\n", []string{"only files are"}},
		"out of folder":  {head + "paths:\n  /a:\n    $ref: ../secret.yaml\n", []string{"leads out of the folder"}},
		"absolute":       {head + "paths:\n  /a:\n    $ref: /etc/passwd\n", []string{"leads out of the folder"}},
		"no file":        {head + "paths:\n  /a:\n    $ref: b.yaml\n", []string{"api.yaml:4", "there is no such file"}},
		"symlink":        {head + "paths:\n  /a:\n    $ref: link.yaml\n", []string{"link.yaml", "is not in"}},
		"circle":         {head + "paths:\n  /a: {$ref: '#/paths/~1a'}\n", []string{"circle"}},
		"anchor":         {head + "paths: {/a: {get: {operationId: f, parameters: [{name: a, in: query, schema: {$ref: '#x'}}]}}}", []string{"no JSON pointer"}},
		"parameter":      {head + "paths: {/a: {get: {operationId: f, parameters: [{name: a, in: body}]}}}", []string{"parameters/0", "path, query, header or cookie"}},
		"extension":      {head + "paths: {/a: {get: {x-dayfly: {functoin: f, queue: q}}}}", []string{"x-dayfly", "functoin"}},
		"extension true": {head + "paths: {/a: {get: {x-dayfly: true}}}", []string{"x-dayfly", "false"}},
		"scheme":         {head + "security: [{a: []}]\npaths: {/a: {get: {operationId: f}}}", []string{"#/security/0", "no security scheme \"a\""}},
		"both":           {head + "security: [{a: [], b: []}]\npaths: {/a: {get: {operationId: f}}}", []string{"a and b", "together"}},
		"optional":       {head + "security: [{}, {a: []}]\npaths: {/a: {get: {operationId: f}}}", []string{"#/security/0", "nobody need be known"}},
		"same name": {head + "security: [{a_b: []}, {a-b: []}]\ncomponents: {securitySchemes: {a_b: {type: http}, a-b: {type: http}}}\n" +
			"paths: {/a: {get: {operationId: f}}}", []string{"both be the authenticator a-b"}},
		"scheme's extension": {head + "security: [{a: []}]\ncomponents: {securitySchemes: {a: {type: http, x-dayfly: {jwt: {isuer: x}}}}}\n" +
			"paths: {/a: {get: {operationId: f}}}", []string{"securitySchemes/a/x-dayfly", "isuer"}},
		"bomb": {head + "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n" +
			"g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n", []string{"more than 10000000 values"}},
		"self":       {head + "a: &a\n  b: *a\n", []string{"deeper than 100"}},
		"depth":      {head + "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), []string{"deeper than 100"}},
		"more depth": {head + "a: " + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000), []string{"nested too deeply"}},
		"documents":  {head + "---\na: b\n", []string{"two documents"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, map[string]string{"api.yaml": tt.text})
			if name == "symlink" {
				if err := os.Symlink("/etc/passwd", filepath.Join(filepath.Dir(path), "link.yaml")); err != nil {
					t.Fatal(err)
				}
			}
			_, err := openapi.Load(path, []dayfly.FunctionName{"f"})
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Fatalf("Load: %v, want an error of kind invalid", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Load: %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestOperationsFindTheirTarget(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"api.yaml": head + `
paths:
  /bound: {get: {operationId: listPets}}
  /exact: {get: {operationId: exact}}
  /none: {get: {operationId: nobody}, post: {}}
  /said: {get: {operationId: exact2, x-dayfly: "exact:beta"}}
  /path:
    x-dayfly: {url: "https://other.example"}
    get: {operationId: viaPath}
    put: {operationId: list-pets}
    post: {x-dayfly: {respond: {status: 204}}}
    delete: {x-dayfly: false}
`})
	result, err := openapi.Load(path, []dayfly.FunctionName{"list-pets", "exact"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for pattern, r := range result.Routes {
		got[pattern] = r.String()
	}
	want := map[string]string{"GET /bound": "function list-pets", "GET /exact": "function exact", "GET /said": "function exact:beta",
		"GET /path": "url https://other.example", "PUT /path": "function list-pets", "POST /path": "respond 204"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GET /none (nobody)", "POST /none"}, result.Unbound); diff != "" {
		t.Errorf("unbound (-want +got):\n%s", diff)
	}
}

// large writes a document of many operations.
func large(operations int) string {
	var b strings.Builder
	b.WriteString(head + "components:\n  schemas:\n")
	for i := range operations / 10 {
		fmt.Fprintf(&b, "    S%d: {type: object, properties: {a: {type: string}, next: {$ref: '#/components/schemas/S%d'}}}\n",
			i, (i+1)%(operations/10))
	}
	b.WriteString("paths:\n")
	for i := range operations {
		fmt.Fprintf(&b, "  /r%d/{id}:\n    post:\n      operationId: op%d\n      x-dayfly: f\n      parameters:\n"+
			"        - {name: id, in: path, required: true, schema: {type: integer}}\n        - {name: q, in: query, schema: {type: string}}\n"+
			"      requestBody:\n        content:\n          application/json:\n            schema: {$ref: '#/components/schemas/S%d'}\n"+
			"      responses:\n        '200': {description: ok}\n", i, i, i%(operations/10))
	}
	return b.String()
}

func TestManyOperations(t *testing.T) {
	t.Parallel()
	operations := 20_000
	if testing.Short() {
		operations = 2_000
	}
	path := write(t, map[string]string{"api.yaml": large(operations)})
	started := time.Now()
	result, err := openapi.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations in %s", operations, time.Since(started))
	if len(result.Routes) != operations {
		t.Errorf("%d routes, want %d", len(result.Routes), operations)
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"petstore.yaml", "shop/api.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(head + "paths: {/a/{b}: {get: {x-dayfly: f, parameters: [{in: path, name: b, schema: {$ref: '#/paths'}}]}}}")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, map[string]string{"api.yaml": text})
		result, err := openapi.Load(path, []dayfly.FunctionName{"f"})
		if err != nil && dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("an error of kind %s: %v", dayfly.KindOf(err), err)
		}
		if err != nil {
			return
		}
		if _, err := json.Marshal(result); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
