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

// Cron is a timed trigger of what is live.
type Cron struct {
	Function   dayfly.FunctionRef `json:"function"`
	Trigger    dayfly.TriggerName `json:"trigger"`
	Expression string             `json:"expression"`
	Zone       string             `json:"zone,omitempty"` // UTC when empty
	// Next is when it is due next, before jitter; zero when it never is again.
	Next time.Time `json:"next,omitzero"`
	// Last is the newest entry of its ledger; nil before there is one.
	Last *CronRun `json:"last,omitempty"`
}

// CronOutcome is what became of a due time.
type CronOutcome string

// The outcomes.
const (
	CronRan     CronOutcome = "ran"     // its event was accepted on time
	CronLate    CronOutcome = "late"    // its event was accepted, but not on time
	CronSkipped CronOutcome = "skipped" // the run before it was still under way
	CronMissed  CronOutcome = "missed"  // nothing ran, and nothing will
)

// CronRun is an entry of a cron's ledger. Several due times that were missed together are
// one entry.
type CronRun struct {
	Number  uint64         `json:"number"`         // 1, 2, 3 … within the cron
	Due     time.Time      `json:"due"`            // of several, the first
	Until   time.Time      `json:"until,omitzero"` // of several, the last
	Count   int            `json:"count,omitempty"`
	More    bool           `json:"more,omitempty"` // there were more than Count
	At      time.Time      `json:"at"`             // when it was decided
	Outcome CronOutcome    `json:"outcome"`
	Why     string         `json:"why,omitempty"`
	Event   dayfly.EventID `json:"event,omitempty"`
}

// Crons lists the crons of a project, or of every project when it is empty.
func (c *Client) Crons(ctx context.Context, project dayfly.ProjectName) ([]Cron, error) {
	query := url.Values{}
	if project != "" {
		query.Set("project", string(project))
	}
	return c.crons(ctx, query)
}

// CronsOf lists the crons of a function.
func (c *Client) CronsOf(ctx context.Context, f dayfly.FunctionRef) ([]Cron, error) {
	query := url.Values{"function": {string(f.Name)}}
	if f.Project != "" {
		query.Set("project", string(f.Project))
	}
	return c.crons(ctx, query)
}

func (c *Client) crons(ctx context.Context, query url.Values) ([]Cron, error) {
	var out struct {
		Crons []Cron `json:"crons"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/crons", query: query}, nil, &out)
	return out.Crons, err
}

// CronRuns gives the newest entries of a cron's ledger, the newest first. A node keeps 200.
func (c *Client) CronRuns(
	ctx context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName, limit int,
) ([]CronRun, error) {
	var out struct {
		Runs []CronRun `json:"runs"`
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	err := c.json(ctx, call{method: http.MethodGet, path: cronPath(f, trigger, "/runs"), query: query}, nil, &out)
	return out.Runs, err
}

// RunCron makes an event of a cron now, and gives its identity.
func (c *Client) RunCron(
	ctx context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName,
) (dayfly.EventID, error) {
	var out struct {
		Event dayfly.EventID `json:"event"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: cronPath(f, trigger, "/run")}, nil, &out)
	return out.Event, err
}

func cronPath(f dayfly.FunctionRef, trigger dayfly.TriggerName, rest string) string {
	return pathOf(f, "/crons/"+url.PathEscape(string(trigger))+rest)
}

// Clock is the time of a node, by which crons are due.
type Clock struct {
	Now time.Time `json:"now"`
	// Virtual says that it can be put forward.
	Virtual bool `json:"virtual"`
}

// Clock tells what time it is for the node.
func (c *Client) Clock(ctx context.Context) (Clock, error) {
	var out Clock
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/clock"}, nil, &out)
	return out, err
}

// AdvanceClock puts the clock of a node for development forward. It returns when all that
// became due was accepted: the time that it is then, and how many events there were.
func (c *Client) AdvanceClock(ctx context.Context, by time.Duration) (now time.Time, fired int, err error) {
	var out struct {
		Now   time.Time `json:"now"`
		Fired int       `json:"fired"`
	}
	body := map[string]time.Duration{"by_ns": by}
	err = c.json(ctx, call{method: http.MethodPost, path: "/v1/clock/advance"}, body, &out)
	return out.Now, out.Fired, err
}
