// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// shows is a catalog of one front.
type shows struct{ front *catalog.Front }

// Fronts implements gateway.Fronts.
func (s shows) Fronts() []*catalog.Front { return []*catalog.Front{s.front} }

// WatchFronts implements gateway.Fronts.
func (s shows) WatchFronts() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

// routed is a gateway that shows a front of project shop, and a key of that project.
func routed(tb testing.TB, f gateway.Invoker, text string) (g *gateway.Gateway, key string) {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: tb.TempDir()}, log)
	if err := b.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	records, counts := store.New(b, bus.BucketAPIKeys, log), store.New(b, bus.BucketLimits, log)
	for _, st := range []*store.Store{records, counts} {
		if err := st.Open(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	keys := apikey.New(records, time.Now, log)
	if err := keys.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = keys.Close() })
	_, key, err := keys.Create(tb.Context(), "shop", apikey.Spec{Name: "test"})
	if err != nil {
		tb.Fatal(err)
	}
	kept := cache.New(cache.Config{}, log)
	tb.Cleanup(func() { _ = kept.Close() })
	servers := upstream.New(log)
	tb.Cleanup(func() { _ = servers.Close() })
	limiter := limit.New(limit.Config{}, log, counts)
	if err := limiter.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	read, err := front.Decode([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	of := &catalog.Front{Project: "shop", Version: 1, Front: read}
	g = gateway.New(f, gateway.Async{}, log, gateway.Deps{Catalog: shows{of}, Limiter: limiter, Cache: kept, Upstreams: servers,
		Auth: func(p dayfly.ProjectName, name string, a front.Auth) (auth.Authenticator, error) {
			return auth.Build(a, name, auth.Deps{Project: p, Keys: keys, Now: time.Now, Log: log})
		}})
	if err := g.Settle(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return g, key
}

const guarded = `{
 "auth": {"partners": {"keys": {}}},
 "routes": {
  "GET /plain/{id}": "f",
  "GET /orders/{id}": {"function": "f", "auth": "partners", "limits": {"rate": {"limit": "1000000/s", "by": "key"}},
   "validate": {"path": {"properties": {"id": {"type": "integer", "minimum": 1}}},
    "query": {"properties": {"n": {"type": "integer"}}}}}
 }
}`

var answers = invoker(func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
	return &dayfly.Result{Status: 200, Header: http.Header{"Content-Length": {"2"}},
		Body: io.NopCloser(strings.NewReader("ok"))}, nil
})

// BenchmarkRoute tells what a route adds to a call: without rules, and with a key, a schema
// and a limit.
func BenchmarkRoute(b *testing.B) {
	g, key := routed(b, answers, guarded)
	for name, path := range map[string]string{"function": "/function/other.shop/orders/7?n=3",
		"route": "/plain/7?n=3", "guarded": "/orders/7?n=3"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				if name != "function" {
					r.Host = "shop.localhost"
				}
				r.Header["X-Api-Key"] = []string{key}
				w := httptest.NewRecorder()
				g.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%s answered %d: %s", path, w.Code, w.Body)
				}
			}
		})
	}
}

func TestAnswersThatDependOnTheCallerAreNotKeptForAll(t *testing.T) {
	t.Parallel()
	g, _ := routed(t, answers, guarded)
	for private, want := range map[string]string{"false": "private: true", "true": ""} {
		of, err := front.Decode([]byte(`{"routes": {"GET /me": {"function": "f",
			"cache": {"ttl": "1m", "private": ` + private + `}, "response": {"header": {"X-You": "principal.subject"}}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		err = g.Compile(t.Context(), "shop", of)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("with private %s: %v, want %q", private, err, want)
		}
	}
}
