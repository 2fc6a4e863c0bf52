// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Inspection is everything about one function at one moment.
type Inspection struct {
	Function dayfly.Function `json:"function"`
	// Revision is the live one; nil before the first deploy succeeded.
	Revision  *dayfly.Revision `json:"revision,omitempty"`
	Instances []Instance       `json:"instances"`
	Totals    Totals           `json:"totals"`
	URL       string           `json:"url"` // where the function answers
	// Paused says that events wait: the function executes none.
	Paused bool `json:"paused,omitempty"`
}

// Instance is one warm instance of a function.
type Instance struct {
	ID          dayfly.InstanceID `json:"id"`
	Revision    dayfly.RevisionID `json:"revision"`
	State       string            `json:"state"`
	Since       time.Time         `json:"since"` // in this state
	Calls       int64             `json:"calls"`
	MemoryBytes int64             `json:"memory_bytes"`
}

// Functions lists the functions of a project; an empty one means every project.
func (c *Client) Functions(
	ctx context.Context, project dayfly.ProjectName,
) ([]dayfly.Function, error) {
	query := url.Values{}
	if project != "" {
		query.Set("project", string(project))
	}
	var out struct {
		Functions []dayfly.Function `json:"functions"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/functions", query: query}, nil, &out)
	return out.Functions, err
}

// Inspect tells everything about one function.
func (c *Client) Inspect(ctx context.Context, f dayfly.FunctionRef) (*Inspection, error) {
	var out Inspection
	err := c.json(ctx, call{method: http.MethodGet, path: pathOf(f, "")}, nil, &out)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Revision gives one revision of a function.
func (c *Client) Revision(
	ctx context.Context, f dayfly.FunctionRef, number int,
) (*dayfly.Revision, error) {
	var out dayfly.Revision
	path := pathOf(f, "/revisions/"+strconv.Itoa(number))
	if err := c.json(ctx, call{method: http.MethodGet, path: path}, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Rollback makes an earlier revision live again: the one with that number, or the one
// that was live before when number is 0.
func (c *Client) Rollback(
	ctx context.Context, f dayfly.FunctionRef, number int,
) (dayfly.Function, error) {
	var out dayfly.Function
	body := map[string]int{"number": number}
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf(f, "/rollback")}, body, &out)
	return out, err
}

// Evict ends the idle instances of a function and tells how many there were.
func (c *Client) Evict(ctx context.Context, f dayfly.FunctionRef) (int, error) {
	var out struct {
		Evicted int `json:"evicted"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf(f, "/evict")}, nil, &out)
	return out.Evicted, err
}

// Remove deletes a function with all its revisions.
func (c *Client) Remove(ctx context.Context, f dayfly.FunctionRef) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf(f, "")}, nil, nil)
}

func pathOf(f dayfly.FunctionRef, rest string) string {
	project := f.Project
	if project == "" {
		project = dayfly.DefaultProject
	}
	return "/v1/projects/" + url.PathEscape(string(project)) +
		"/functions/" + url.PathEscape(string(f.Name)) + rest
}
