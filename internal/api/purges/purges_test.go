// SPDX-License-Identifier: Apache-2.0

package purges_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/purges"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func TestAnswersArePurgedThroughTheAPI(t *testing.T) {
	t.Parallel()
	c := cache.New(cache.Config{}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.Close() })
	p, err := c.Policy("GET /x", "shop", &front.Cache{TTL: quantity.Span(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	fill := httptest.NewRequest("GET", "/x", nil)
	p.Serve(httptest.NewRecorder(), fill, &expression.Input{Request: fill}, cache.Caller{},
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) })

	deps := purges.Deps{Cache: c}
	for _, step := range []struct {
		method, path, body string
		want               string
		kind               dayfly.Kind
	}{
		{"GET", "/v1/projects/shop/cache", "", `"route":"GET /x","entries":1`, ""},
		{"POST", "/v1/projects/shop/cache/purge", `{}`, "", dayfly.KindInvalid},
		{"POST", "/v1/projects/shop/cache/purge", `{"all":true,"tag":"a"}`, "", dayfly.KindInvalid},
		{"POST", "/v1/projects/Shop/cache/purge", `{"all":true}`, "", dayfly.KindInvalid},
		{"POST", "/v1/projects/other/cache/purge", `{"all":true}`, `{"purged":0}`, ""},
		{"POST", "/v1/projects/shop/cache/purge", `{"route":"GET /x"}`, `{"purged":1}`, ""},
		{"GET", "/v1/projects/shop/cache", "", `"entries":0`, ""},
	} {
		var got error
		mux := http.NewServeMux()
		for _, route := range deps.Routes() {
			mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) { got = route.Handle(w, r) })
		}
		r := httptest.NewRequest(step.method, step.path, strings.NewReader(step.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if dayfly.KindOf(got) != step.kind || !strings.Contains(w.Body.String(), step.want) {
			t.Errorf("%s %s %s gave %v %s, want %s %s", step.method, step.path, step.body, got, w.Body, step.kind, step.want)
		}
	}
}
