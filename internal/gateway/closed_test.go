// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
)

// stored are fronts of a catalog in which nothing changes.
type stored []*catalog.Front

func (s stored) Fronts() []*catalog.Front               { return s }
func (s stored) WatchFronts() (<-chan struct{}, func()) { return nil, func() {} }

// TestFunctionsStayClosedWhileTheirRoutesCannotBeServed: a site that is missing must not
// open the functions beside it to all.
func TestFunctionsStayClosedWhileTheirRoutesCannotBeServed(t *testing.T) {
	t.Parallel()
	shop := &catalog.Front{Project: "shop", Front: &front.Front{Routes: map[string]front.Route{
		"/{rest...}": {Site: &front.Site{Digest: "sha256:gone"}},
		"GET /admin": {Function: "admin", Allow: "false"},
	}}}
	g := gateway.New(invoker(func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return text(200, "called"), nil
	}), gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{Catalog: stored{shop},
		Folder: func(context.Context, dayfly.Digest) (string, error) { return "", errors.New("it is gone") }})
	if err := g.Settle(t.Context()); err == nil {
		t.Fatal("a front without its site is shown")
	}
	for path, want := range map[string]int{"/function/admin.shop": 404, "/function/other.shop": 200} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// TestOnlyWebSocketsUpgrade: a connection that goes on as HTTP/2 would go past all routes.
func TestOnlyWebSocketsUpgrade(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		h := inv.Request.Header
		return text(200, h.Get("Connection")+"|"+h.Get("Upgrade")+"|"+h.Get("Http2-Settings")), nil
	})
	for protocol, want := range map[string]string{"h2c": "||", "HTTP/2.0": "||", "TLS/1.0": "||",
		"websocket, h2c": "||", "websocket": "Upgrade|websocket|", "WebSocket": "Upgrade|WebSocket|"} {
		req := request(t, "GET", url+"/function/f", "")
		req.Header = http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {protocol}, "Http2-Settings": {"AAMAAABk"}}
		if _, body := do(t, req); body != want {
			t.Errorf("%s: %q, want %q", protocol, body, want)
		}
	}
}
