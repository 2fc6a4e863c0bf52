// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Reader is where one trigger stands that takes the events of a source.
type Reader struct {
	Function dayfly.FunctionRef `json:"function"`
	Trigger  dayfly.TriggerName `json:"trigger"`
	Filter   string             `json:"filter,omitempty"`
	// Cursor is the sequence up to which it is through.
	Cursor uint64 `json:"cursor"`
	// Behind is how many events of the source are still to be looked at, and Since when
	// the first of them was stored.
	Behind uint64    `json:"behind"`
	Since  time.Time `json:"since,omitzero"`
	// Waiting is how many were copied to the function's work and are not executed yet.
	Waiting uint64 `json:"waiting"`
	Counts
}

// Counts is what a trigger did with events since the node started.
type Counts struct {
	Copied  uint64 `json:"copied"`  // to the function's work
	Skipped uint64 `json:"skipped"` // that it does not want
	Failed  uint64 `json:"failed"`  // that were passed over for an error
	// Error is the latest: why an event was passed over, or why copying waits.
	Error     string    `json:"error,omitempty"`
	ErrorTime time.Time `json:"error_time,omitzero"`
}

// Replay says what to copy again.
type Replay struct {
	Project  dayfly.ProjectName
	Queue    dayfly.QueueName
	Function dayfly.FunctionName
	Trigger  dayfly.TriggerName // may be empty when the function has one on the queue
	From     From
	// To is the last sequence, or UpTo the last time; what was there when the replay
	// began, when both are zero.
	To   uint64
	UpTo time.Time
}

// Replayed tells what one Replay did.
type Replayed struct {
	Copied  uint64 `json:"copied"`
	Skipped uint64 `json:"skipped"` // that the trigger does not want
	Failed  uint64 `json:"failed"`  // that the filter or the function's limits refused
	// Next is the sequence to go on from, up to To; zero when all was copied.
	Next uint64 `json:"next,omitempty"`
	To   uint64 `json:"to"`
}
