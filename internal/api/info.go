// SPDX-License-Identifier: Apache-2.0

package api

import (
	_ "embed" // the description below
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
)

// description is the OpenAPI document of this API; a test holds it to routes.go.
//
//go:embed openapi.json
var description string

// Info says which node this is.
type Info struct {
	Node       dayfly.NodeID `json:"node"`
	Version    string        `json:"version"`
	GatewayURL string        `json:"gateway_url"`
	StartedAt  time.Time     `json:"started_at"`
	Uptime     time.Duration `json:"uptime_ns"`
}

// health tells that the node serves. It needs no token and reveals nothing.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]string{"status": "ok"})
}

func (a *API) metrics(w http.ResponseWriter, r *http.Request) error {
	a.deps.Metrics.ServeHTTP(w, r)
	return nil
}

func (a *API) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(w, description)
	return err
}

func (a *API) info(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, Info{Node: a.cfg.Node, Version: a.cfg.Version,
		GatewayURL: a.cfg.GatewayURL, StartedAt: a.began.UTC(), Uptime: time.Since(a.began)})
}

// features tells, mechanism by mechanism, what isolation this host gives.
func (a *API) features(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"features": a.deps.Features()})
}

func (a *API) runtimes(w http.ResponseWriter, r *http.Request) error {
	list, err := a.deps.Runtimes.List(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"runtimes": list})
}

// writeJSONStatus answers with v and a status that is not 200.
func writeJSONStatus(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// writeJSON is wire.WriteJSON.
func writeJSON(w http.ResponseWriter, v any) error { return wire.WriteJSON(w, v) }
