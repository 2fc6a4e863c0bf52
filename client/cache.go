// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/dayfly-faas/dayfly"
)

// Purge says which kept answers to forget: exactly one field is set.
type Purge struct {
	Route string `json:"route,omitempty"` // by the route's name, or pattern
	// URL is one address, "/path" at all hosts or "https://host/path"; without a query it is
	// all answers of that path.
	URL    string `json:"url,omitempty"`
	Prefix string `json:"prefix,omitempty"` // as URL, and all paths that begin so
	Tag    string `json:"tag,omitempty"`    // one of Cache-Tag or Surrogate-Key
	All    bool   `json:"all,omitempty"`
}

// CacheStats is what the node's cache holds for a project, and what was asked of it since the
// node started.
type CacheStats struct {
	Entries  int           `json:"entries"`
	Bytes    int64         `json:"bytes"`
	BytesMax int64         `json:"bytes_max"` // of all projects
	Hits     int64         `json:"hits"`
	Stale    int64         `json:"stale"`
	Misses   int64         `json:"misses"`
	Bypassed int64         `json:"bypassed"`
	Routes   []CachedRoute `json:"routes"`
}

// CachedRoute is what the cache holds for a route.
type CachedRoute struct {
	Route   string `json:"route"`
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

// PurgeCache forgets kept answers of a project's routes, and gives how many there were.
func (c *Client) PurgeCache(ctx context.Context, project dayfly.ProjectName, what Purge) (int, error) {
	var out struct {
		Purged int `json:"purged"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: cachePath(project) + "/purge"}, what, &out)
	return out.Purged, err
}

// CacheStats tells what the cache holds for a project.
func (c *Client) CacheStats(ctx context.Context, project dayfly.ProjectName) (CacheStats, error) {
	var out CacheStats
	err := c.json(ctx, call{method: http.MethodGet, path: cachePath(project)}, nil, &out)
	return out, err
}

func cachePath(project dayfly.ProjectName) string {
	if project == "" {
		project = dayfly.DefaultProject
	}
	return "/v1/projects/" + url.PathEscape(string(project)) + "/cache"
}
