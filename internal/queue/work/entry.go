// SPDX-License-Identifier: Apache-2.0

package work

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// BodyBytesMax bounds the body or data of an event. A message of the bus may have
	// 1 MiB: this leaves room for headers and for the history of attempts.
	BodyBytesMax = 768 << 10
	// formatVersion is the first byte of a stored event (docs/formats/work.md).
	formatVersion = 1
	// attemptsKept is how much of an event's history travels with it: 32 attempts take
	// at most 40 KiB, which a message has room for beside the largest body.
	attemptsKept = 32
	// errorBytesMax cuts what an attempt says of its error, as the vocabulary promises.
	errorBytesMax = 1 << 10
)

// Entry is a stored event: a head as JSON, and a body.
type Entry struct {
	ID       dayfly.EventID     `json:"id"`
	Function dayfly.FunctionRef `json:"function"`
	Source   dayfly.Source      `json:"source,omitempty"`
	Trigger  dayfly.TriggerName `json:"trigger,omitempty"`
	Key      string             `json:"key,omitempty"`
	OrderKey string             `json:"order_key,omitempty"`
	Callback string             `json:"callback,omitempty"`
	Accepted time.Time          `json:"accepted"`
	After    time.Time          `json:"after,omitzero"`
	// Due is when an entry of LATER is to be executed.
	Due time.Time `json:"due,omitzero"`
	// Durable entries are on the disk before anybody is told that they are kept.
	Durable bool          `json:"durable,omitempty"`
	Depth   int           `json:"depth,omitempty"` // destinations between this and the first event
	Call    *Call         `json:"call,omitempty"`
	Event   *dayfly.Event `json:"event,omitempty"` // without its data, which is the body
	Post    *Post         `json:"post,omitempty"`  // something to deliver, in place of Call and Event

	Tries    int               `json:"tries,omitempty"` // attempts that counted
	Attempts []dayfly.Attempt  `json:"attempts,omitempty"`
	Reason   dayfly.DeadReason `json:"reason,omitempty"`
	Ended    time.Time         `json:"ended,omitzero"`

	Body      []byte `json:"-"`
	Delivered string `json:"-"` // what is known of its destination and callback
}

// Call is a request without its body.
type Call struct {
	Kind       dayfly.RequestKind `json:"kind"`
	Method     string             `json:"method,omitempty"`
	Path       string             `json:"path,omitempty"`
	RawQuery   string             `json:"query,omitempty"`
	Host       string             `json:"host,omitempty"`
	Scheme     string             `json:"scheme,omitempty"`
	RemoteAddr string             `json:"remote_addr,omitempty"`
	Header     http.Header        `json:"header,omitempty"`
}

// Marshal gives the stored form.
func (e *Entry) Marshal() ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	out := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+len(e.Body))
	out = append(out, formatVersion)
	out = binary.AppendUvarint(out, uint64(len(head)))
	out = append(out, head...)
	return append(out, e.Body...), nil
}

// Unmarshal reads the stored form; the entry keeps data.
func (e *Entry) Unmarshal(data []byte) error {
	if len(data) == 0 || data[0] != formatVersion {
		return fmt.Errorf("decode event: its version is not %d", formatVersion)
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return fmt.Errorf("decode event: its head is cut short")
	}
	head := data[1+n : 1+n+int(size)]
	if err := json.Unmarshal(head, e); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	e.Body = data[1+n+int(size):]
	return nil
}

// CloudEvent gives the CloudEvent with its data.
func (e *Entry) CloudEvent() *dayfly.Event {
	event := *e.Event
	event.Data = e.Body
	return &event
}

// Note adds an attempt to the history.
func (e *Entry) Note(a dayfly.Attempt) {
	if len(a.Error) > errorBytesMax {
		a.Error = a.Error[:errorBytesMax]
	}
	if len(e.Attempts) >= attemptsKept {
		e.Attempts = e.Attempts[len(e.Attempts)-attemptsKept+1:]
	}
	// Snapshots of the journal share the old history.
	e.Attempts = append(e.Attempts[:len(e.Attempts):len(e.Attempts)], a)
}

// Info tells the life so far.
func (e *Entry) Info(state dayfly.EventState) *dayfly.EventInfo {
	info := &dayfly.EventInfo{ID: e.ID, Function: e.Function, Source: e.Source, Trigger: e.Trigger, Key: e.Key,
		Bytes: int64(len(e.Body)), State: state, Accepted: e.Accepted, After: e.After, Ended: e.Ended,
		Attempts: e.Attempts, Reason: e.Reason, Delivered: e.Delivered}
	if e.Event != nil {
		info.Type, info.Subject = e.Event.Type, e.Event.Subject
	}
	return info
}

// Began is from when the event's age counts.
func (e *Entry) Began() time.Time {
	if e.After.After(e.Accepted) {
		return e.After
	}
	return e.Accepted
}

// Post is something to be delivered: the outcome of an event.
type Post struct {
	Of     dayfly.EventID     `json:"of"` // the event whose outcome it tells
	To     dayfly.Destination `json:"to"`
	Header http.Header        `json:"header,omitempty"` // of a callback; nil for CloudEvents
}
