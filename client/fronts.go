// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// FrontSettings are what a project shows to the public: hosts, authenticators and routes, as
// dayfly.yaml has them.
type FrontSettings = front.Front

// Route is one of the routes of FrontSettings.
type Route = front.Route

// Front is a front that is published.
type Front struct {
	Project dayfly.ProjectName `json:"project"`
	Version uint64             `json:"version"`
	Updated time.Time          `json:"updated"`
	URLs    []string           `json:"urls"`
	// Settings tell no secrets: in their place stands what keeps them when it is published
	// again.
	Settings *FrontSettings `json:"front,omitempty"`
}

// RouteMatch is which route a request takes, and why.
type RouteMatch = front.Match

func frontPath(p dayfly.ProjectName) string {
	if p == "" {
		p = dayfly.DefaultProject
	}
	return "/v1/projects/" + url.PathEscape(string(p)) + "/front"
}

// PublishFront makes settings the front of a project. It is served when this returns; one
// with a fault changes nothing.
func (c *Client) PublishFront(ctx context.Context, p dayfly.ProjectName, settings *FrontSettings) (Front, error) {
	var out Front
	err := c.json(ctx, call{method: http.MethodPut, path: frontPath(p)}, settings, &out)
	return out, err
}

// ReplaceFront is PublishFront in place of the front with that version alone, 0 for none. It
// fails with KindConflict when there is another by now.
func (c *Client) ReplaceFront(
	ctx context.Context, p dayfly.ProjectName, settings *FrontSettings, version uint64,
) (Front, error) {
	var out Front
	match := http.Header{"If-Match": {`"` + strconv.FormatUint(version, 10) + `"`}}
	err := c.json(ctx, call{method: http.MethodPut, path: frontPath(p), header: match}, settings, &out)
	return out, err
}

// Front gives what a project shows to the public.
func (c *Client) Front(ctx context.Context, p dayfly.ProjectName) (Front, error) {
	var out Front
	err := c.json(ctx, call{method: http.MethodGet, path: frontPath(p)}, nil, &out)
	return out, err
}

// Fronts lists the fronts of all projects.
func (c *Client) Fronts(ctx context.Context) ([]Front, error) {
	var out struct {
		Fronts []Front `json:"fronts"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/fronts"}, nil, &out)
	return out.Fronts, err
}

// RemoveFront takes a project's front away; its functions answer at their own addresses.
func (c *Client) RemoveFront(ctx context.Context, p dayfly.ProjectName) error {
	return c.json(ctx, call{method: http.MethodDelete, path: frontPath(p)}, nil, nil)
}

// MatchRoute tells which route a request would take; an empty method is GET.
func (c *Client) MatchRoute(ctx context.Context, method, rawURL string) (RouteMatch, error) {
	query := url.Values{"url": {rawURL}}
	if method != "" {
		query.Set("method", method)
	}
	var out RouteMatch
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/routes/match", query: query}, nil, &out)
	return out, err
}
