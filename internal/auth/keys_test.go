// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func TestKeysAreFoundWhereTheFrontSays(t *testing.T) {
	t.Parallel()
	const good, other = apikey.Prefix + "good", apikey.Prefix + "other"
	d := deps(nil)
	d.Keys = knownKeys{
		good:  {ID: "2good", Project: "shop", Name: "partner", Scopes: []string{"read"}},
		other: {ID: "2other", Project: "blog", Name: "partner", Scopes: []string{"read"}},
	}
	ok := wants{subject: "2good"}
	inQuery := front.Keys{Query: "key"}
	either := front.Keys{Header: "x-partner", Query: "key"}
	bearer := front.Keys{Header: "Authorization"}
	tests := map[string]struct {
		front  front.Keys
		query  string
		header []string
		want   wants
	}{
		"the header that is meant when none is said": {header: []string{"X-Api-Key: " + good}, want: ok},
		"no key":                       {want: nobody},
		"an empty header":              {header: []string{"X-Api-Key: "}, want: nobody},
		"an unknown key":               {header: []string{"X-Api-Key: x"}, want: refused},
		"a key of another project":     {header: []string{"X-Api-Key: " + other}, want: refused},
		"the same header twice":        {header: []string{"X-Api-Key: " + good, "X-Api-Key: " + good}, want: refused},
		"a header that is too long":    {header: []string{"X-Api-Key: " + strings.Repeat("k", 9000)}, want: refused},
		"a query that was not asked":   {query: "?key=" + good, want: nobody},
		"a header that was not asked":  {front: inQuery, header: []string{"X-Api-Key: " + good}, want: nobody},
		"the query":                    {front: inQuery, query: "?a=b&key=" + good, want: ok},
		"an escaped query":             {front: inQuery, query: "?%6bey=dfk%5fgood", want: ok},
		"another case":                 {front: inQuery, query: "?KEY=" + good, want: nobody},
		"twice in the query":           {front: inQuery, query: "?key=" + good + "&key=" + good, want: refused},
		"twice, the first escaped":     {front: inQuery, query: "?%6Bey=" + other + "&key=" + good, want: refused},
		"twice, the first empty":       {front: inQuery, query: "?key=&key=" + good, want: refused},
		"a value that is no text":      {front: inQuery, query: "?key=%zz", want: refused},
		"a query that is too long":     {front: inQuery, query: "?key=" + strings.Repeat("k", 9000), want: refused},
		"a semicolon is no separator":  {front: inQuery, query: "?a=b;key=" + good, want: nobody},
		"header and query alike":       {front: either, query: "?key=" + good, header: []string{"X-Partner: " + good}, want: ok},
		"header and query that differ": {front: either, query: "?key=" + good, header: []string{"X-Partner: x"}, want: refused},
		"a token":                      {front: bearer, header: []string{"Authorization: Bearer " + good}, want: ok},
		"a token, in another case":     {front: bearer, header: []string{"Authorization: bEARER  " + good}, want: ok},
		"a bare token":                 {front: bearer, header: []string{"Authorization: " + good}, want: ok},
		"a token of somebody else":     {front: bearer, header: []string{"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9"}, want: nobody},
		"another scheme":               {front: bearer, header: []string{"Authorization: Basic " + good}, want: nobody},
		"tokens of two sorts":          {front: bearer, header: []string{"Authorization: Bearer x", "Authorization: Bearer " + good}, want: refused},
		"all scopes that are wanted":   {front: front.Keys{Scopes: front.List{"read"}}, header: []string{"X-Api-Key: " + good}, want: ok},
		"a scope that the key lacks":   {front: front.Keys{Scopes: front.List{"read", "write"}}, header: []string{"X-Api-Key: " + good}, want: denied},
		"scopes do not help a bad one": {front: front.Keys{Scopes: front.List{"write"}}, header: []string{"X-Api-Key: x"}, want: refused},
		"scopes are no prefixes":       {front: front.Keys{Scopes: front.List{"rea"}}, header: []string{"X-Api-Key: " + good}, want: denied},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := build(t, front.Auth{Keys: &test.front}, d)
			check(t, a, request("GET", "/orders/7"+test.query, "", test.header...), test.want)
		})
	}
}

func TestPrincipalsOfKeysTellNoSecret(t *testing.T) {
	t.Parallel()
	d := deps(nil)
	d.Keys = knownKeys{"dfk_x": {ID: "2x", Project: "shop", Name: "partner", Scopes: []string{"read"},
		Labels: map[string]string{"plan": "gold"}}}
	p := check(t, build(t, front.Auth{Keys: &front.Keys{}}, d), request("GET", "/", "", "X-Api-Key: dfk_x"),
		wants{subject: "2x"})
	want := map[string]any{"kind": "keys", "name": "door", "subject": "2x", "scopes": []any{"read"},
		"claims": map[string]any{},
		"key":    map[string]any{"id": "2x", "name": "partner", "labels": map[string]any{"plan": "gold"}}}
	if diff := cmp.Diff(want, p.Value()); diff != "" {
		t.Errorf("the principal differs (-want +got):\n%s", diff)
	}
}

func TestParametersWithCredentialsAreNamed(t *testing.T) {
	t.Parallel()
	got := auth.Parameters(front.Auth{Keys: &front.Keys{Query: "key"}})
	if diff := cmp.Diff([]string{"key"}, got); diff != "" {
		t.Error(diff)
	}
	if got := auth.Parameters(front.Auth{Basic: &front.Basic{}}); got != nil {
		t.Errorf("Parameters of passwords = %v, want none", got)
	}
}
