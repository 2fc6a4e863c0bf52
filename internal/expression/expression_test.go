// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/expression"
)

// order is the request that most cases are about.
func order() *expression.Input {
	r := httptest.NewRequest(http.MethodPost, "https://shop.example/orders/7%20a?x=1&x=2&y=%C3%A9&bad=%zz", nil)
	r.Header = http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Api-Key": {"k1", "k2"},
		"Cookie": {"a=1; b=2", "a=3"}, "Accept": {"text/html"}}
	return &expression.Input{
		Request: r, Params: map[string]string{"id": "7 a"}, Address: "10.0.0.9", Scheme: "https", ID: "inv-1",
		Principal: map[string]any{"subject": "ann", "claims": map[string]any{"sub": "ann", "roles": []any{"admin"}},
			"scopes": []string{"read", "write"}},
		Body: []byte(`{"total": 12.5, "count": 3, "big": 9007199254740993, "items": [{"n": 1}, {"n": 2}], "none": null}`),
		Now:  time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`request.method + " " + request.path`: "POST /orders/7%20a",
		`request.host`:                        "shop.example",
		`path.id`:                             "7 a",
		`query.x`:                             "1",
		`queries.x`:                           []any{"1", "2"},
		`query.y`:                             "é",
		`header["x-api-key"]`:                 "k1",
		"header.`x-api-key`":                  "k1",
		`headers["x-api-key"]`:                []any{"k1", "k2"},
		`has(header.accept)`:                  true,
		`has(header.Accept)`:                  false,
		`"x-none" in header`:                  false,
		`header[?"x-none"].orValue("-")`:      "-",
		`header.?accept`:                      "text/html",
		`header.?missing`:                     nil,
		`cookie.a + cookie.b`:                 "12",
		`body.total * 2.0`:                    25.0,
		`body.count == 3`:                     true,
		`body.big`:                            int64(9007199254740993),
		`body.items.map(i, i.n)`:              []any{1.0, 2.0},
		`body.none == null`:                   true,
		`{"id": path.id, "user": jwt.sub}`:    map[string]any{"id": "7 a", "user": "ann"},
		`"write" in principal.scopes`:         true,
		`"admin" in jwt.roles`:                true,
		`key == null`:                         true,
		`now.getHours()`:                      int64(9),
		`now`:                                 "2026-11-23T09:30:00Z",
		`size(header)`:                        int64(4),
		`header.exists(h, h == "accept")`:     true,
		`request`: map[string]any{"method": "POST", "path": "/orders/7%20a", "host": "shop.example", "scheme": "https",
			"address": "10.0.0.9", "id": "inv-1"},
	} {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err != nil {
			t.Errorf("Compile(%s): %v", text, err)
			continue
		}
		got, err := x.Value(t.Context(), order())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
	}
}
