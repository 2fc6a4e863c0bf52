// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"time"
)

// EventID identifies one accepted event from its source to its end; a UUID, ordered by
// time of creation, as an InvocationID is.
type EventID string

// NewEventID makes an identity from the time and 74 random bits (UUID version 7).
func NewEventID(now time.Time) EventID { return EventID(NewInvocationID(now)) }

// Event is something that happened, told as a CloudEvent 1.0 (docs/formats/events.md).
// One that matches a trigger causes invocations.
type Event struct {
	ID          string    `json:"id"`     // unique within Source
	Source      string    `json:"source"` // URI reference, "/projects/shop/buckets/uploads"
	Type        string    `json:"type"`   // one of the types below, or a publisher's own
	Subject     string    `json:"subject,omitempty"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype,omitempty"` // of Data
	DataSchema  string    `json:"dataschema,omitempty"`
	// Extensions are further attributes by their lower-case names.
	Extensions map[string]string `json:"extensions,omitempty"`
	Data       []byte            `json:"data,omitempty"`
}

// Types of the events that the platform itself tells of.
const (
	EventCron          = "dev.dayfly.cron"           // data: CronData
	EventQueueBatch    = "dev.dayfly.queue.batch"    // data: a batch, for dialects that take one as one event
	EventObjectCreated = "dev.dayfly.object.created" // data: ObjectData
	EventObjectRemoved = "dev.dayfly.object.removed" // data: ObjectData
	EventValuePut      = "dev.dayfly.kv.put"         // data: ValueData
	EventValueDeleted  = "dev.dayfly.kv.deleted"     // data: ValueData; expiry too
	EventWebhook       = "dev.dayfly.webhook"        // data: the body that the provider sent
	EventSucceeded     = "dev.dayfly.invocation.succeeded"
	EventFailed        = "dev.dayfly.invocation.failed"
)

// ExtensionKey is the attribute (CloudEvents' partitioning extension) by which messages
// are ordered.
const ExtensionKey = "partitionkey"

// CronData is the data of an EventCron.
type CronData struct {
	Cron          string    `json:"cron"`          // the expression
	ScheduledTime time.Time `json:"scheduledTime"` // when it was due
	Trigger       string    `json:"trigger"`       // name of the trigger
}

// ObjectData is the data of events about objects. Names are as S3's notifications have
// them, but the key is not escaped.
type ObjectData struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	Size      int64  `json:"size,omitempty"`
	ETag      string `json:"etag,omitempty"`
	VersionID string `json:"version_id,omitempty"`
	// Sequencer orders the events of one key: hexadecimal, compared as text.
	Sequencer string `json:"sequencer"`
	// Action is S3's name of what was done: "ObjectCreated:Put", "ObjectRemoved:Delete".
	Action      string `json:"action"`
	ContentType string `json:"content_type,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	RemoteAddr  string `json:"remote_addr,omitempty"`
}

// ValueData is the data of events about values.
type ValueData struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version uint64 `json:"version"`
	Value   []byte `json:"value,omitempty"` // base64 in JSON; absent when deleted
	Expired bool   `json:"expired,omitempty"`
	// ContentType is what the value was said to be; empty when that was not said.
	ContentType string `json:"content_type,omitempty"`
}

// EventState is where an accepted event stands.
type EventState string

// The states. An event goes from pending or delayed to running and back for each attempt,
// and ends as one of the last four.
const (
	EventPending   EventState = "pending"   // waits for its turn
	EventDelayed   EventState = "delayed"   // waits for its time, or for its next attempt
	EventRunning   EventState = "running"   // an attempt is under way
	EventDone      EventState = "succeeded" // the function answered well
	EventDead      EventState = "dead"      // given up; it is among the dead letters
	EventCanceled  EventState = "canceled"  // taken back before it succeeded
	EventDuplicate EventState = "duplicate" // not accepted: its key was seen before
)

// Attempt is one try to execute an event.
type Attempt struct {
	Number     int           `json:"number"` // 1, 2, 3 …
	Invocation InvocationID  `json:"invocation"`
	Start      time.Time     `json:"start"`
	Duration   time.Duration `json:"duration_ns"`
	Status     int           `json:"status,omitempty"` // what the function answered
	Fault      Fault         `json:"fault,omitempty"`
	// Error says why it did not succeed, in at most 1 KiB.
	Error string `json:"error,omitempty"`
	// Fatal says that another attempt could not help.
	Fatal bool `json:"fatal,omitempty"`
	// Next is when the next attempt is due; zero when there is none.
	Next time.Time `json:"next,omitzero"`
}

// DeadReason says why an event was given up.
type DeadReason string

// The reasons.
const (
	DeadAttempts DeadReason = "attempts_spent" // every attempt failed
	DeadAge      DeadReason = "too_old"        // its age passed the function's limit
	DeadFatal    DeadReason = "fatal"          // a failure that no repetition mends
	DeadRemoved  DeadReason = "removed"        // the function, or its trigger, is gone
)

// EventInfo is the life of an accepted event so far: the answer to "what became of it?".
type EventInfo struct {
	ID       EventID     `json:"id"`
	Function FunctionRef `json:"function"`
	Source   Source      `json:"source"`
	Trigger  TriggerName `json:"trigger,omitempty"`
	Type     string      `json:"type,omitempty"` // of the CloudEvent; empty for a plain call
	Subject  string      `json:"subject,omitempty"`
	Key      string      `json:"key,omitempty"` // its idempotency key
	Bytes    int64       `json:"bytes"`         // of the body or data
	State    EventState  `json:"state"`
	Accepted time.Time   `json:"accepted"`
	// After is when it is due, when that is later than its acceptance.
	After    time.Time  `json:"after,omitzero"`
	Ended    time.Time  `json:"ended,omitzero"`
	Attempts []Attempt  `json:"attempts,omitzero"`
	Reason   DeadReason `json:"reason,omitempty"` // of a dead letter
	// Delivered tells what became of its destination or callback, when it has one.
	Delivered string `json:"delivered,omitempty"`
}
