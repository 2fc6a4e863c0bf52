// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Info says which node the client speaks to.
type Info struct {
	Node    dayfly.NodeID `json:"node"`
	Version string        `json:"version"`
	// GatewayURL is where functions answer, below /function/NAME.
	GatewayURL string        `json:"gateway_url"`
	StartedAt  time.Time     `json:"started_at"`
	Uptime     time.Duration `json:"uptime_ns"`
}

// Feature is one isolation mechanism and whether the node's host gives it.
type Feature struct {
	Name   string `json:"name"`
	Given  bool   `json:"given"`
	Detail string `json:"detail"` // what is used, or why it is not
	Remedy string `json:"remedy"` // how to get it; empty when given
}

// Info tells which node this is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/info"}, nil, &out)
	return out, err
}

// Features tells, mechanism by mechanism, what isolation the node's host gives.
func (c *Client) Features(ctx context.Context) ([]Feature, error) {
	var out struct {
		Features []Feature `json:"features"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/features"}, nil, &out)
	return out.Features, err
}
