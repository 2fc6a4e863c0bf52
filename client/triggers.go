// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Trigger is a trigger of a live revision, or of a bucket's own notifications, and where or
// when it is next.
type Trigger struct {
	// Function has no name where the events go onto Queue.
	Function dayfly.FunctionRef `json:"function"`
	Queue    dayfly.QueueName   `json:"queue,omitempty"`
	Trigger  dayfly.Trigger     `json:"trigger"`
	// Origin is "bucket NAME" for those that stand with a bucket; empty for a revision's.
	Origin string `json:"origin,omitempty"`
	URL    string `json:"url,omitempty"` // where a webhook is posted to
	// Next is when a cron is due next; zero when it never is again.
	Next time.Time `json:"next,omitzero"`
}

// Triggers lists the triggers of what is live: of one function, of those of a project
// when its name is empty, of all when both are.
func (c *Client) Triggers(ctx context.Context, f dayfly.FunctionRef) ([]Trigger, error) {
	query := url.Values{}
	if f.Project != "" {
		query.Set("project", string(f.Project))
	}
	if f.Name != "" {
		query.Set("function", string(f.Name))
	}
	var out struct {
		Triggers []Trigger `json:"triggers"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/triggers", query: query}, nil, &out)
	return out.Triggers, err
}
