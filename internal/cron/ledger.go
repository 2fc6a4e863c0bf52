// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Outcome is what became of a due time.
type Outcome string

// The outcomes.
const (
	Ran     Outcome = "ran"     // its event was accepted on time
	Late    Outcome = "late"    // its event was accepted, but not on time
	Skipped Outcome = "skipped" // the run before it was still under way
	Missed  Outcome = "missed"  // nothing ran, and nothing will
)

// Run is an entry of a cron's ledger: a due time and what became of it. Several that were
// missed together are one entry.
type Run struct {
	Number uint64    `json:"number"` // 1, 2, 3 … within the cron
	Due    time.Time `json:"due"`    // of several, the first
	// Until is the last due time of several, Count how many they are; More says that
	// there were more than were counted.
	Until time.Time `json:"until,omitzero"`
	Count int       `json:"count,omitempty"`
	More  bool      `json:"more,omitempty"`

	At      time.Time      `json:"at"` // when it was decided
	Outcome Outcome        `json:"outcome"`
	Why     string         `json:"why,omitempty"`   // unless it ran on time
	Event   dayfly.EventID `json:"event,omitempty"` // that was accepted
}

// Info is a live cron as its ledger has it.
type Info struct {
	Function   dayfly.FunctionRef `json:"function"`
	Trigger    dayfly.TriggerName `json:"trigger"`
	Expression string             `json:"expression"`
	Zone       string             `json:"zone,omitempty"`
	// Next is when it is due next, before jitter; zero when it never is again.
	Next time.Time `json:"next,omitzero"`
	Last *Run      `json:"last,omitempty"`
}
