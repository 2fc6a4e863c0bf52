// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/due"
)

// Headers by which callers say how an event is to be taken. Functions do not see them, but
// for the standard key.
const (
	// HeaderDelay is a span ("10m") or a number of seconds, HeaderAt a time of RFC 3339.
	HeaderDelay = due.HeaderDelay
	HeaderAt    = due.HeaderAt
	// HeaderKey is the idempotency key; so is HeaderStandardKey, which providers share.
	HeaderKey         = "X-Dayfly-Idempotency-Key"
	HeaderStandardKey = "Idempotency-Key"
	// HeaderCallback is a URL that is told of the outcome.
	HeaderCallback = "X-Callback-Url"
	// HeaderEvent tells the caller which event it became.
	HeaderEvent = "X-Dayfly-Event"
)

// Ask fills in what the headers of a caller say, and takes them off h. A callback must
// pass check.
func (p *Push) Ask(h http.Header, now time.Time, check func(url string) error) error {
	if p.Callback = take(h, HeaderCallback); p.Callback != "" {
		if err := check(p.Callback); err != nil {
			return about(HeaderCallback, err)
		}
	}
	p.Key = take(h, HeaderKey)
	if key := h.Get(HeaderStandardKey); p.Key == "" {
		p.Key = key
	} else if key != "" && key != p.Key {
		return dayfly.Errorf(dayfly.KindInvalid, "%s and %s differ", HeaderKey, HeaderStandardKey)
	}
	var err error
	p.After, err = due.Read(take(h, HeaderDelay), take(h, HeaderAt), now)
	return err
}

// about says which header an error speaks of.
func about(header string, err error) error {
	var known *dayfly.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("check %s: %w", header, err)
	}
	told := *known
	told.Message = header + ": " + known.Message
	return &told
}

// take gives a header's value and removes it.
func take(h http.Header, name string) string {
	value := h.Get(name)
	delete(h, name)
	return value
}

// Receipt is what a caller is told of an event that was accepted.
type Receipt struct {
	Event    dayfly.EventID `json:"event"`
	Function string         `json:"function"`
	// State is pending, delayed until After, or duplicate: Event is then the first one.
	State     dayfly.EventState `json:"state"`
	After     time.Time         `json:"after,omitzero"`
	Duplicate bool              `json:"duplicate,omitempty"`
}

// Receipt tells what became of the push.
func (p *Push) Receipt(a Accepted, now time.Time) Receipt {
	r := Receipt{Event: a.ID, Function: p.Function.String(), State: dayfly.EventPending, Duplicate: a.Duplicate}
	switch {
	case a.Duplicate:
		r.State = dayfly.EventDuplicate
	case p.After.After(now):
		r.State, r.After = dayfly.EventDelayed, p.After.UTC()
	}
	return r
}
