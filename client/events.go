// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Headers of an event that is to be accepted.
const (
	headerKey      = "Idempotency-Key"
	headerDelay    = "X-Dayfly-Delay"
	headerAt       = "X-Dayfly-At"
	headerCallback = "X-Callback-Url"
)

// PushOptions say how an event is to be taken. The zero value is: now, and once for each
// time it is sent.
type PushOptions struct {
	// Delay or At say when it is due; at most one of them.
	Delay time.Duration
	At    time.Time
	// Key is the idempotency key: a repeat is answered with the first event.
	Key string
	// Callback is a URL that is told of the outcome.
	Callback string
	// ContentType is that of the event: application/json when empty.
	ContentType string
}

// Receipt tells of an event that was accepted: it is on disk.
type Receipt struct {
	Event    dayfly.EventID `json:"event"`
	Function string         `json:"function"`
	// State is pending, delayed until After, or duplicate: Event is then the first one.
	State     dayfly.EventState `json:"state"`
	After     time.Time         `json:"after,omitzero"`
	Duplicate bool              `json:"duplicate,omitempty"`
}

// Push has a function called with an event asynchronously. It returns when the event is
// durable.
func (c *Client) Push(
	ctx context.Context, f dayfly.FunctionRef, event io.Reader, o PushOptions,
) (Receipt, error) {
	r := call{method: http.MethodPost, path: pathOf(f, "/events"), body: event, kind: o.ContentType,
		header: http.Header{}}
	if r.kind == "" {
		r.kind = "application/json"
	}
	if o.Delay != 0 {
		r.header.Set(headerDelay, o.Delay.String())
	}
	if !o.At.IsZero() {
		r.header.Set(headerAt, o.At.Format(time.RFC3339Nano))
	}
	if o.Key != "" {
		r.header.Set(headerKey, o.Key)
	}
	if o.Callback != "" {
		r.header.Set(headerCallback, o.Callback)
	}
	var receipt Receipt
	resp, err := c.do(ctx, r)
	if err != nil {
		return receipt, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, answerBytesMax)).Decode(&receipt); err != nil {
		return receipt, c.wayError(fmt.Errorf("read answer of %s: %w", r.path, err))
	}
	return receipt, nil
}

// Life is an event and the invocations that executed it.
type Life struct {
	Event       *dayfly.EventInfo `json:"event"`
	Invocations []dayfly.Record   `json:"invocations"` // oldest first
}

// Event tells the life of an event.
func (c *Client) Event(ctx context.Context, id dayfly.EventID) (*Life, error) {
	return c.life(ctx, call{method: http.MethodGet, path: eventPath(id, "")})
}

// CancelEvent takes an event back, and tells its life as it is then.
func (c *Client) CancelEvent(ctx context.Context, id dayfly.EventID) (*Life, error) {
	if id == "" {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the identity of the event is empty").
			WithHint("dayfly events lists events with their identities")
	}
	return c.life(ctx, call{method: http.MethodPost, path: eventPath(id, "/cancel")})
}

func (c *Client) life(ctx context.Context, r call) (*Life, error) {
	var out Life
	if err := c.json(ctx, r, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

func eventPath(id dayfly.EventID, rest string) string {
	return "/v1/events/" + url.PathEscape(string(id)) + rest
}

// EventQuery chooses events. A zero field chooses all; a Function has a name.
type EventQuery struct {
	Function dayfly.FunctionRef
	State    dayfly.EventState // as they are now
	Since    time.Time         // of the acceptance
	// Limit is how many of the latest there are; 0 leaves it to the node.
	Limit int
}

// Events lists what was accepted lately, newest first.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]dayfly.EventInfo, error) {
	values := functionValues(q.Function)
	set(values, "state", string(q.State))
	setTime(values, "since", q.Since)
	setNumber(values, "limit", q.Limit)
	var out struct {
		Events []dayfly.EventInfo `json:"events"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/events", query: values}, nil, &out)
	return out.Events, err
}

// Pause keeps a function from executing events, which are accepted and kept.
func (c *Client) Pause(ctx context.Context, f dayfly.FunctionRef) error {
	return c.json(ctx, call{method: http.MethodPost, path: pathOf(f, "/pause")}, nil, nil)
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context, f dayfly.FunctionRef) error {
	return c.json(ctx, call{method: http.MethodPost, path: pathOf(f, "/resume")}, nil, nil)
}

// DeadLetter is an event that was given up, whole: what would be executed again is either
// a call or a CloudEvent.
type DeadLetter struct {
	dayfly.EventInfo
	Call       *DeadCall     `json:"call,omitempty"`
	CloudEvent *dayfly.Event `json:"cloudevent,omitempty"`
}

// DeadCall is the request of a dead letter.
type DeadCall struct {
	Kind   dayfly.RequestKind `json:"kind"`
	Method string             `json:"method,omitempty"`
	Path   string             `json:"path,omitempty"`
	Query  string             `json:"query,omitempty"`
	Host   string             `json:"host,omitempty"`
	Header http.Header        `json:"header,omitempty"`
	Body   []byte             `json:"body,omitempty"`
}

// DeadLetters lists the events that were given up, newest first, at most limit, or what
// the node finds reasonable when that is 0. The zero function is all.
func (c *Client) DeadLetters(
	ctx context.Context, f dayfly.FunctionRef, limit int,
) ([]dayfly.EventInfo, error) {
	values := functionValues(f)
	setNumber(values, "limit", limit)
	var out struct {
		Dead []dayfly.EventInfo `json:"dead"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/dead", query: values}, nil, &out)
	return out.Dead, err
}

// DeadLetter tells everything of one dead letter.
func (c *Client) DeadLetter(ctx context.Context, id dayfly.EventID) (*DeadLetter, error) {
	var out DeadLetter
	if err := c.json(ctx, call{method: http.MethodGet, path: deadPath(id)}, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Redrive executes dead letters again, by their identities.
func (c *Client) Redrive(ctx context.Context, ids ...dayfly.EventID) (int, error) {
	return c.redrive(ctx, map[string]any{"ids": ids})
}

// RedriveAll executes all dead letters of a function again.
func (c *Client) RedriveAll(ctx context.Context, f dayfly.FunctionRef) (int, error) {
	return c.redrive(ctx, map[string]any{"function": f.Name, "project": f.Project})
}

func (c *Client) redrive(ctx context.Context, body map[string]any) (int, error) {
	var out struct {
		Redriven int `json:"redriven"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: "/v1/dead/redrive"}, body, &out)
	return out.Redriven, err
}

// DropDeadLetter deletes one dead letter for good.
func (c *Client) DropDeadLetter(ctx context.Context, id dayfly.EventID) error {
	return c.json(ctx, call{method: http.MethodDelete, path: deadPath(id)}, nil, nil)
}

// DropDeadLetters deletes the dead letters of a function for good, and tells how many
// there were.
func (c *Client) DropDeadLetters(ctx context.Context, f dayfly.FunctionRef) (int, error) {
	var out struct {
		Dropped int `json:"dropped"`
	}
	r := call{method: http.MethodDelete, path: "/v1/dead", query: functionValues(f)}
	err := c.json(ctx, r, nil, &out)
	return out.Dropped, err
}

func deadPath(id dayfly.EventID) string { return "/v1/dead/" + url.PathEscape(string(id)) }
