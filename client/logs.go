// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// LogQuery chooses log lines. A zero field chooses all; a Function has a name.
type LogQuery struct {
	Function   dayfly.FunctionRef
	Invocation dayfly.InvocationID
	Since      time.Time
	// Tail is how many of the latest lines there are; 0 leaves it to the node.
	Tail int
	// Follow goes on as lines are written, until the context ends.
	Follow bool
}

// Logs streams log lines, oldest first. The sequence ends after an error.
func (c *Client) Logs(ctx context.Context, q LogQuery) iter.Seq2[dayfly.LogLine, error] {
	values := functionValues(q.Function)
	set(values, "invocation", string(q.Invocation))
	setTime(values, "since", q.Since)
	setNumber(values, "tail", q.Tail)
	if q.Follow {
		values.Set("follow", "true")
	}
	return func(yield func(dayfly.LogLine, error) bool) {
		resp, err := c.do(ctx, call{method: http.MethodGet, path: "/v1/logs", query: values})
		if err != nil {
			yield(dayfly.LogLine{}, err)
			return
		}
		defer resp.Body.Close()
		lines := json.NewDecoder(resp.Body)
		for {
			var line struct {
				dayfly.LogLine
				Error *problem `json:"error"`
			}
			err := lines.Decode(&line)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(dayfly.LogLine{}, c.wayError(err))
				return
			case line.Error != nil:
				yield(dayfly.LogLine{}, line.Error.err())
				return
			case !yield(line.LogLine, nil):
				return
			}
		}
	}
}

// InvocationQuery chooses invocations. A zero field chooses all; a Function has a name.
type InvocationQuery struct {
	Function dayfly.FunctionRef
	Since    time.Time
	// Limit is how many of the latest there are; 0 leaves it to the node.
	Limit int
	// Failed chooses those with a fault, whosever it was.
	Failed bool
}

// Invocations lists what is known of the latest calls, newest first.
func (c *Client) Invocations(ctx context.Context, q InvocationQuery) ([]dayfly.Record, error) {
	values := functionValues(q.Function)
	setTime(values, "since", q.Since)
	setNumber(values, "limit", q.Limit)
	if q.Failed {
		values.Set("failed", "true")
	}
	var out struct {
		Invocations []dayfly.Record `json:"invocations"`
	}
	r := call{method: http.MethodGet, path: "/v1/invocations", query: values}
	err := c.json(ctx, r, nil, &out)
	return out.Invocations, err
}

// Invocation tells what is known of one call.
func (c *Client) Invocation(
	ctx context.Context, id dayfly.InvocationID,
) (*dayfly.Record, error) {
	var out dayfly.Record
	path := "/v1/invocations/" + url.PathEscape(string(id))
	if err := c.json(ctx, call{method: http.MethodGet, path: path}, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

func functionValues(f dayfly.FunctionRef) url.Values {
	values := url.Values{}
	set(values, "project", string(f.Project))
	set(values, "function", string(f.Name))
	return values
}

func set(values url.Values, name, value string) {
	if value != "" {
		values.Set(name, value)
	}
}

func setTime(values url.Values, name string, t time.Time) {
	if !t.IsZero() {
		values.Set(name, t.Format(time.RFC3339Nano))
	}
}

func setNumber(values url.Values, name string, n int) {
	if n != 0 {
		values.Set(name, strconv.Itoa(n))
	}
}
