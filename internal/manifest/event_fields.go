// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Retry says how often the events of a function are tried, and how long.
type Retry struct {
	Attempts  *int64  `json:"attempts,omitempty"`
	Age       string  `json:"age,omitempty"`
	Backoff   Backoff `json:"backoff,omitzero"`
	KeyWindow string  `json:"key_window,omitempty"`
}

// Backoff bounds the wait before the next attempt.
type Backoff struct {
	Min string `json:"min,omitempty"`
	Max string `json:"max,omitempty"`
}

// eventFields are the keys about events: what a function listens to, and what becomes
// of what it takes asynchronously.
func eventFields() []field {
	return []field{
		{
			key: "on", shape: shapeTriggers,
			doc: "What calls the function beside HTTP: crons, queues, changes of objects and values, " +
				"webhooks.",
			keep:  func(f *Function, v value) { f.On = v.triggers },
			apply: applyTriggers,
		}, {
			key: "retry", shape: shapeGroup,
			doc: "How often an event is tried, and how long: of triggers and of asynchronous calls.",
			group: []field{
				numberField("attempts", "Attempts in all, the first included.", [2]int64{1, 1000},
					func(f *Function) **int64 { return &f.Retry.Attempts },
					func(s *dayfly.Spec, n int64) { s.Retry.Attempts = int(n) }),
				spanField("age", "6h", "How old an event may be at its last attempt, up to 14d.",
					func(f *Function) *string { return &f.Retry.Age },
					func(s *dayfly.Spec) *time.Duration { return &s.Retry.Age }),
				backoffField(),
				spanField("key_window", "24h", "How long an idempotency key is remembered, up to 14d.",
					func(f *Function) *string { return &f.Retry.KeyWindow },
					func(s *dayfly.Spec) *time.Duration { return &s.Retry.KeyWindow }),
			},
		},
		destinationField("on_success", "Where the outcome of an event is told that succeeded",
			func(f *Function) *string { return &f.OnSuccess },
			func(s *dayfly.Spec) **dayfly.Destination { return &s.Destinations.OnSuccess }),
		destinationField("on_failure", "Where the outcome of an event is told that was given up",
			func(f *Function) *string { return &f.OnFailure },
			func(s *dayfly.Spec) **dayfly.Destination { return &s.Destinations.OnFailure }),
		durabilityField(),
	}
}

func durabilityField() field {
	return field{
		key: "durability", shape: shapeEnum, enum: durabilities(), example: "always",
		doc: "When an event of the function must be on the disk: always, before it is acknowledged, or node, as " +
			"`dayfly up --sync` says.",
		keep: func(f *Function, v value) { f.Durability = v.text },
		apply: func(f *Function, s *dayfly.Spec) error {
			switch f.Durability {
			case "":
				return nil
			case "node":
				s.Durability = dayfly.DurabilityNode
				return nil
			}
			s.Durability = dayfly.Durability(f.Durability)
			return oneOf(f.Durability, durabilities())
		},
	}
}

func backoffField() field {
	least := spanField("min", "1s", "Wait before the second attempt; it doubles each time.",
		func(f *Function) *string { return &f.Retry.Backoff.Min }, nil)
	most := spanField("max", "5m", "Longest wait, up to 12h.",
		func(f *Function) *string { return &f.Retry.Backoff.Max }, nil)
	least.apply, most.apply = applyBackoff, applyBackoff
	return field{
		key: "backoff", shape: shapeGroup, doc: "How long to wait before the next attempt.",
		group: []field{least, most},
	}
}

// applyBackoff sets both bounds: one alone moves the other's default out of its way.
func applyBackoff(f *Function, s *dayfly.Spec) (err error) {
	given := f.Retry.Backoff
	if given.Min != "" {
		if s.Retry.BackoffMin, err = quantity.ParseDuration(given.Min); err != nil {
			return err
		}
	}
	if given.Max != "" {
		if s.Retry.BackoffMax, err = quantity.ParseDuration(given.Max); err != nil {
			return err
		}
	}
	switch {
	case given.Max == "":
		s.Retry.BackoffMax = max(s.Retry.BackoffMax, s.Retry.BackoffMin)
	case given.Min == "":
		s.Retry.BackoffMin = min(s.Retry.BackoffMin, s.Retry.BackoffMax)
	}
	return nil
}

func destinationField(
	key, doc string, at func(*Function) *string, in func(*dayfly.Spec) **dayfly.Destination,
) field {
	return field{
		key: key, shape: shapeText, example: "function:notify",
		doc:  doc + ": function:NAME, queue:NAME or a URL.",
		keep: func(f *Function, v value) { *at(f) = v.text },
		apply: func(f *Function, s *dayfly.Spec) (err error) {
			if text := *at(f); text != "" {
				*in(s), err = parseDestination(text)
			}
			return err
		},
	}
}
