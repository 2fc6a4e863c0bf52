// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// entryVersion is the first byte of a stored event (docs/formats/work.md).
	entryVersion = 1
	// attemptsKept is how much of an event's history travels with it: 32 attempts take
	// at most 40 KiB, which a message has room for beside the largest body.
	attemptsKept = 32
	// errorBytesMax cuts what an attempt says of its error, as the vocabulary promises.
	errorBytesMax = 1 << 10
)

// entry is a stored event: a head as JSON, and a body.
type entry struct {
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
	Due   time.Time     `json:"due,omitzero"`
	Depth int           `json:"depth,omitempty"` // destinations between this and the first event
	Call  *callHead     `json:"call,omitempty"`
	Event *dayfly.Event `json:"event,omitempty"` // without its data, which is the body
	Post  *post         `json:"post,omitempty"`  // something to deliver, in place of Call and Event

	Tries    int               `json:"tries,omitempty"` // attempts that counted
	Attempts []dayfly.Attempt  `json:"attempts,omitempty"`
	Reason   dayfly.DeadReason `json:"reason,omitempty"`
	Ended    time.Time         `json:"ended,omitzero"`

	body      []byte
	delivered string // what is known of its destination and callback
}

// callHead is a Call without its body.
type callHead struct {
	Kind       dayfly.RequestKind `json:"kind"`
	Method     string             `json:"method,omitempty"`
	Path       string             `json:"path,omitempty"`
	RawQuery   string             `json:"query,omitempty"`
	Host       string             `json:"host,omitempty"`
	Scheme     string             `json:"scheme,omitempty"`
	RemoteAddr string             `json:"remote_addr,omitempty"`
	Header     http.Header        `json:"header,omitempty"`
}

// marshal gives the stored form.
func (e *entry) marshal() ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	out := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+len(e.body))
	out = append(out, entryVersion)
	out = binary.AppendUvarint(out, uint64(len(head)))
	out = append(out, head...)
	return append(out, e.body...), nil
}

// unmarshal reads the stored form; the entry keeps data.
func (e *entry) unmarshal(data []byte) error {
	if len(data) == 0 || data[0] != entryVersion {
		return fmt.Errorf("decode event: its version is not %d", entryVersion)
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return fmt.Errorf("decode event: its head is cut short")
	}
	head := data[1+n : 1+n+int(size)]
	if err := json.Unmarshal(head, e); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	e.body = data[1+n+int(size):]
	return nil
}

// event gives the CloudEvent with its data.
func (e *entry) event() *dayfly.Event {
	event := *e.Event
	event.Data = e.body
	return &event
}

// note adds an attempt to the history.
func (e *entry) note(a dayfly.Attempt) {
	if len(a.Error) > errorBytesMax {
		a.Error = a.Error[:errorBytesMax]
	}
	if len(e.Attempts) >= attemptsKept {
		e.Attempts = e.Attempts[len(e.Attempts)-attemptsKept+1:]
	}
	// Snapshots of the journal share the old history.
	e.Attempts = append(e.Attempts[:len(e.Attempts):len(e.Attempts)], a)
}

// info tells the life so far.
func (e *entry) info(state dayfly.EventState) *dayfly.EventInfo {
	info := &dayfly.EventInfo{ID: e.ID, Function: e.Function, Source: e.Source, Trigger: e.Trigger, Key: e.Key,
		Bytes: int64(len(e.body)), State: state, Accepted: e.Accepted, After: e.After, Ended: e.Ended,
		Attempts: e.Attempts, Reason: e.Reason, Delivered: e.delivered}
	if e.Event != nil {
		info.Type, info.Subject = e.Event.Type, e.Event.Subject
	}
	return info
}

// began is from when the event's age counts.
func (e *entry) began() time.Time {
	if e.After.After(e.Accepted) {
		return e.After
	}
	return e.Accepted
}
