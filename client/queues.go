// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	// contentTypeBatch is that of several CloudEvents.
	contentTypeBatch = "application/cloudevents-batch+json"
	// messageType is the type of an event that has none.
	messageType = "dev.dayfly.message"
)

// MessageQueue is a queue; what it holds and who takes its messages is known of one alone.
type MessageQueue struct {
	Project   dayfly.ProjectName `json:"project"`
	Name      dayfly.QueueName   `json:"name"`
	Retention time.Duration      `json:"retention_ns"`
	Created   time.Time          `json:"created"`
	Implicit  bool               `json:"implicit,omitempty"` // a trigger made it by naming it
	// Durability is "always" when a message is on the disk before it is acknowledged;
	// empty when the node's setting says.
	Durability dayfly.Durability `json:"durability,omitempty"`
	Stats      *QueueStats       `json:"stats,omitempty"`
	Triggers   []QueueReader     `json:"triggers,omitzero"`
}

// QueueStats is what a queue holds.
type QueueStats struct {
	Messages uint64    `json:"messages"`
	First    uint64    `json:"first,omitempty"` // sequence of the oldest
	Last     uint64    `json:"last,omitempty"`
	Oldest   time.Time `json:"oldest,omitzero"`
	Newest   time.Time `json:"newest,omitzero"`
}

// QueueReader is where a trigger stands that takes the messages of a queue.
type QueueReader struct {
	Function  dayfly.FunctionRef `json:"function"`
	Trigger   dayfly.TriggerName `json:"trigger"`
	Filter    string             `json:"filter,omitempty"`
	Cursor    uint64             `json:"cursor"` // sequence up to which it is through
	Behind    uint64             `json:"behind"` // messages that it has still to look at
	Since     time.Time          `json:"since,omitzero"`
	Waiting   uint64             `json:"waiting"` // copies that are not executed yet
	Copied    uint64             `json:"copied"`
	Skipped   uint64             `json:"skipped"`
	Failed    uint64             `json:"failed"`
	Error     string             `json:"error,omitempty"`
	ErrorTime time.Time          `json:"error_time,omitzero"`
}

// QueueRef names a queue.
type QueueRef struct {
	Project dayfly.ProjectName // the default project when empty
	Name    dayfly.QueueName
}

func (q QueueRef) path(rest string) string {
	project := q.Project
	if project == "" {
		project = dayfly.DefaultProject
	}
	path := "/v1/projects/" + url.PathEscape(string(project)) + "/queues"
	if q.Name != "" {
		path += "/" + url.PathEscape(string(q.Name))
	}
	return path + rest
}

// Queues lists the queues of a project.
func (c *Client) Queues(ctx context.Context, project dayfly.ProjectName) ([]MessageQueue, error) {
	var out struct {
		Queues []MessageQueue `json:"queues"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: QueueRef{Project: project}.path("")}, nil, &out)
	return out.Queues, err
}

// Queue tells what a queue holds, and who takes its messages.
func (c *Client) Queue(ctx context.Context, q QueueRef) (MessageQueue, error) {
	var out MessageQueue
	err := c.json(ctx, call{method: http.MethodGet, path: q.path("")}, nil, &out)
	return out, err
}

// QueueSettings are what can be said of a queue. What is not said is as it was, or the
// default.
type QueueSettings struct {
	Retention  time.Duration
	Durability dayfly.Durability // "always", or "node" to follow the node's setting again
}

// PutQueue makes a queue, or gives it other settings.
func (c *Client) PutQueue(ctx context.Context, q QueueRef, s QueueSettings) (MessageQueue, error) {
	var out MessageQueue
	body := map[string]string{}
	if s.Retention != 0 {
		body["retention"] = s.Retention.String()
	}
	if s.Durability != "" {
		body["durability"] = string(s.Durability)
	}
	err := c.json(ctx, call{method: http.MethodPut, path: q.path("")}, body, &out)
	return out, err
}

// RemoveQueue deletes a queue with its messages. It is a conflict while a function
// takes them.
func (c *Client) RemoveQueue(ctx context.Context, q QueueRef) error {
	return c.json(ctx, call{method: http.MethodDelete, path: q.path("")}, nil, nil)
}

// Published is a message that is on disk.
type Published struct {
	ID       string `json:"id"`
	Sequence uint64 `json:"sequence"`
}

// Publish puts messages onto a queue, in their order. Identity, source, type and time
// are filled in where they are empty. After an error some may have been kept.
func (c *Client) Publish(ctx context.Context, q QueueRef, events []dayfly.Event) ([]Published, error) {
	batch := make([]json.RawMessage, len(events))
	for i := range events {
		e := events[i]
		if e.ID == "" {
			e.ID = string(dayfly.NewEventID(time.Now()))
		}
		if e.Source == "" {
			e.Source = q.path("")[len("/v1"):]
		}
		if e.Type == "" {
			e.Type = messageType
		}
		if e.Time.IsZero() {
			e.Time = time.Now().UTC()
		}
		text, err := writeEvent(&e)
		if err != nil {
			return nil, err
		}
		batch[i] = text
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return nil, fmt.Errorf("encode messages: %w", err)
	}
	var out struct {
		Messages []Published `json:"messages"`
	}
	err = c.json(ctx, call{method: http.MethodPost, path: q.path("/messages"), body: bytes.NewReader(body),
		kind: contentTypeBatch}, nil, &out)
	return out.Messages, err
}

// Message is a message of a queue.
type Message struct {
	Sequence uint64       `json:"sequence"`
	Stored   time.Time    `json:"stored"`
	Event    dayfly.Event `json:"event"`
}

// Messages is some messages of a queue, and how many are behind them.
type Messages struct {
	Messages []Message
	Next     uint64 // where to go on
	Pending  uint64
}

// Messages shows messages from a place on, which is a sequence, a time of RFC 3339, or
// nothing for the oldest.
func (c *Client) Messages(ctx context.Context, q QueueRef, from string, limit int) (Messages, error) {
	query := url.Values{}
	if from != "" {
		query.Set("from", from)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page struct {
		Messages []struct {
			Sequence uint64          `json:"sequence"`
			Stored   time.Time       `json:"stored"`
			Event    json.RawMessage `json:"event"`
		} `json:"messages"`
		Next    uint64 `json:"next"`
		Pending uint64 `json:"pending"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: q.path("/messages"), query: query}, nil, &page)
	if err != nil {
		return Messages{}, err
	}
	out := Messages{Messages: make([]Message, len(page.Messages)), Next: page.Next, Pending: page.Pending}
	for i, m := range page.Messages {
		event, err := readEvent(m.Event)
		if err != nil {
			return Messages{}, fmt.Errorf("read message %d: %w", m.Sequence, err)
		}
		out.Messages[i] = Message{m.Sequence, m.Stored, event}
	}
	return out, nil
}

// Replay says what to copy again: From and To are sequences or times of RFC 3339, To
// may be empty.
type Replay struct {
	Function dayfly.FunctionName `json:"function"`
	Trigger  dayfly.TriggerName  `json:"trigger,omitempty"`
	From     string              `json:"from"`
	To       string              `json:"to,omitempty"`
}

// Replayed tells what was copied again. Next is where to go on; zero when that was all.
type Replayed struct {
	Copied  uint64 `json:"copied"`
	Skipped uint64 `json:"skipped"`
	Failed  uint64 `json:"failed"`
	Next    uint64 `json:"next,omitempty"`
	To      uint64 `json:"to"`
}

// Replay copies kept messages to a function once more: all of them, or what is possible
// within seconds.
func (c *Client) Replay(ctx context.Context, q QueueRef, r Replay) (Replayed, error) {
	var out Replayed
	err := c.json(ctx, call{method: http.MethodPost, path: q.path("/replay")}, r, &out)
	return out, err
}

// writeEvent gives an event as CloudEvents' JSON.
func writeEvent(e *dayfly.Event) ([]byte, error) {
	out := map[string]any{"specversion": "1.0", "id": e.ID, "source": e.Source, "type": e.Type,
		"time": e.Time.Format(time.RFC3339Nano)}
	for name, value := range e.Extensions {
		out[name] = value
	}
	for name, value := range map[string]string{"subject": e.Subject, "dataschema": e.DataSchema,
		"datacontenttype": e.ContentType} {
		if value != "" {
			out[name] = value
		}
	}
	switch {
	case len(e.Data) == 0:
	case (e.ContentType == "" || e.ContentType == "application/json") && json.Valid(e.Data):
		out["data"] = json.RawMessage(e.Data)
	case e.ContentType != "" && e.ContentType != "application/json" && utf8.Valid(e.Data):
		out["data"] = string(e.Data)
	default:
		out["data_base64"] = e.Data
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return text, nil
}

// readEvent reads an event of CloudEvents' JSON.
func readEvent(text []byte) (e dayfly.Event, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return e, fmt.Errorf("decode event: %w", err)
	}
	for name, raw := range fields {
		if name == "data" {
			continue
		}
		var value string
		if json.Unmarshal(raw, &value) != nil {
			value = string(raw) // a number, or true or false
		}
		switch name {
		case "specversion":
		case "id":
			e.ID = value
		case "source":
			e.Source = value
		case "type":
			e.Type = value
		case "subject":
			e.Subject = value
		case "datacontenttype":
			e.ContentType = value
		case "dataschema":
			e.DataSchema = value
		case "time":
			e.Time, err = time.Parse(time.RFC3339Nano, value)
		case "data_base64":
			e.Data, err = base64.StdEncoding.DecodeString(value)
		default:
			if e.Extensions == nil {
				e.Extensions = map[string]string{}
			}
			e.Extensions[name] = value
		}
		if err != nil {
			return e, fmt.Errorf("decode %s of event: %w", name, err)
		}
	}
	if raw, ok := fields["data"]; ok {
		e.Data = dataOf(raw, e.ContentType)
	}
	return e, nil
}

// dataOf gives the data that a JSON value stands for: of a content type that is no JSON,
// the characters of a text; else the value itself.
func dataOf(raw json.RawMessage, contentType string) []byte {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	var text string
	if kind != "" && kind != "application/json" && !strings.HasSuffix(kind, "+json") &&
		json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}
