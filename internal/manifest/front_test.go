// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/manifest"
)

const shop = `project: shop
hosts: [shop.example.com]
site: {source: ./public, fallback: index.html}
openapi: ./api.yaml
auth:
  users: {jwt: {issuer: https://id.example.com, audience: shop}}
routes:
  GET /orders/{id}: orders
  POST /orders:
    function: orders
    auth: users
    limits: {rate: 10/s}
functions:
  orders: {source: ./orders}
  click:
    on:
      - {http: "GET /r/{code}", timeout: 2s}
      - queue: clicks
`

func TestFrontIsPartOfAManifest(t *testing.T) {
	t.Parallel()
	m, err := manifest.Parse([]byte(shop), "dayfly.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/{path...}", "GET /orders/{id}", "GET /r/{code}", "POST /orders"}
	if got := m.Routes(); !slices.Equal(got, want) || m.OpenAPI != "./api.yaml" {
		t.Errorf("routes %v, want %v", got, want)
	}
	if r := m.Front.Routes["GET /r/{code}"]; r.Function != "click" || r.Timeout == nil {
		t.Errorf("the route of a function's on is %+v", r)
	}
	if on := m.Functions["click"].On; len(on) != 1 || on[0].Queue == nil {
		t.Errorf("the other triggers of the function are %+v", on)
	}
	if s := m.Front.Routes["/{path...}"].Site; s == nil || s.Source != "./public" || s.Fallback != "index.html" {
		t.Errorf("the site is %+v", s)
	}
}

func TestSiteAloneIsAManifest(t *testing.T) {
	t.Parallel()
	if m, err := manifest.Parse([]byte("site: ./public\n"), "dayfly.yaml"); err != nil || m.Front == nil {
		t.Errorf("a site alone: %+v, %v", m, err)
	}
}

func TestFaultsOfAFrontHaveAPlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ from, to, place, want string }{
		"unknown key of a route": {"rate: 10/s", "rat: 10/s", "dayfly.yaml:12:14", "rat"},
		"bad rate":               {"10/s", "10", "dayfly.yaml:12:14", "text"},
		"unknown auth":           {"auth: users", "auth: user", "dayfly.yaml:11:5", `"user"`},
		"bad host":               {"shop.example.com", "Shop!", "dayfly.yaml:2:9", "host name"},
		"option of on":           {"timeout: 2s", "timeout: 2", "dayfly.yaml:17:33", "unit"},
		"pattern of on":          {"GET /r/{code}", "GET r", "dayfly.yaml:17:10", "no path"},
		"site":                   {"fallback: index.html", "fallback: ../x", "dayfly.yaml:3:26", "below"},
		"route twice":            {"GET /r/{code}", "POST /orders", "dayfly.yaml:17:10", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(shop, tt.from, tt.to, 1)
			_, err := manifest.Parse([]byte(text), "dayfly.yaml")
			if err == nil || !strings.HasPrefix(err.Error(), tt.place) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want it at %s, with %q", err, tt.place, tt.want)
			}
		})
	}
}
