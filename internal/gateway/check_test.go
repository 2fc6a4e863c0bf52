// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
)

func TestCheckFindsEveryRoutesFault(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "public"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "public", "a.txt"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"expression":           {`{"routes": {"/a": {"function": "f", "allow": "1 +"}}}`, "routes./a.allow"},
		"limits by no capture": {`{"routes": {"/a": {"function": "f", "limits": {"rate": {"limit": "1/s", "by": "path.x"}}}}}`, "routes./a.limits.rate.0.by"},
		"quota by no capture":  {`{"routes": {"/{y}": {"function": "f", "limits": {"quota": {"limit": "1/m", "by": "path.x"}}}}}`, "routes./{y}.limits.quota.0.by"},
		"key of no capture":    {`{"routes": {"/a": {"function": "f", "cache": {"key": ["path.x"]}}}}`, "routes./a.cache.key.0"},
		"answer of no capture": {`{"routes": {"/a": {"function": "f", "response": {"header": {"a": "path.x"}}}}}`, "routes./a.response.header.A"},
		"error of no capture":  {`{"routes": {"/a": {"function": "f", "response": {"errors": {"404": {"body": "path.x"}}}}}}`, "routes./a.response.errors.404.body"},
		"mapping":              {`{"routes": {"/a": {"function": "f", "request": {"query": {"q": "nothing.at.all"}}}}}`, "routes./a.request.query.q"},
		"schema":               {`{"routes": {"/a": {"function": "f", "validate": {"query": {"type": "objekt"}}}}}`, "routes./a.validate.query.type"},
		"no folder":            {`{"routes": {"/{p...}": {"site": "./pub"}}}`, "routes./{p...}.site"},
		"no fallback":          {`{"routes": {"/{p...}": {"site": {"source": "public", "fallback": "x.html"}}}}`, "routes./{p...}.site"},
		"same requests":        {`{"routes": {"/{x}": "f", "/{y}": "f"}}`, "routes./{y}"},
		"in every, once": {`{"every": {"allow": "path.x == ''"}, "routes": {"/a": "f", "/b": "f", "/{x}": "f"}}`,
			"every.allow"},
		"several": {`{"routes": {"/a": {"function": "f", "allow": "1 +", "response": {"body": "("}}, "/b": {"function": "f", "allow": "path.x"}}}`,
			"routes./a.allow routes./a.response.body routes./b.allow"},
		"nothing": {`{"every": {"limits": {"rate": {"limit": "1/s", "by": "has(path.x) ? path.x : request.address"}}},
			"auth": {"in": {"login": {"issuer": "https://i.example", "client_id": "c"}}},
			"routes": {"/a": {"function": "f", "auth": "in"}, "/s/{p...}": {"site": "public"}}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := front.Decode([]byte(tt.text))
			if err == nil {
				err = f.Check()
			}
			if err != nil {
				t.Fatal(err)
			}
			var places []string
			err = gateway.Check(t.Context(), "shop", f, folder)
			for _, p := range front.Problems(err) {
				places = append(places, strings.Join(p.Path, "."))
			}
			slices.Sort(places)
			if got := strings.Join(places, " "); got != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("faults at %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}
