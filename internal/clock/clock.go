// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// advanceMax bounds one jump: a leap year, to see everything that comes once a year.
	advanceMax = 366 * 24 * time.Hour
	// lookPeriod is how long an alarm sleeps at most before it looks at the time again:
	// timers of the runtime do not notice when the host's time is set or the host slept.
	lookPeriod = time.Minute
)

// Clock tells the time and wakes those who wait for one. Its methods may be called from
// any goroutine.
type Clock struct {
	virtual   bool
	advancing chan struct{} // held by the one Advance under way

	mu     sync.Mutex // guards all below and the alarms' times
	ahead  time.Duration
	frozen time.Time // the moment where time stands still; zero: it does not
	alarms []*Alarm  // in the order in which they were made
}

// New makes a clock of real time.
func New() *Clock { return &Clock{advancing: make(chan struct{}, 1)} }

// NewVirtual makes a clock that starts at the real time and can be put forward.
func NewVirtual() *Clock {
	c := New()
	c.virtual = true
	return c
}

// Virtual tells whether Advance is possible.
func (c *Clock) Virtual() bool { return c.virtual }

// Now gives the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// now gives the time without the runtime's own count, which does not notice that the
// host's time was set. The caller holds mu.
func (c *Clock) now() time.Time {
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Round(0).Add(c.ahead)
}

// Advance puts the clock forward: every alarm up to then rings at its own time. It
// returns when the owners are through with what rang, and tells how many things they
// fired. When ctx ends first, time goes on from where it is.
func (c *Clock) Advance(ctx context.Context, by time.Duration) (fired int, err error) {
	switch {
	case !c.virtual:
		return 0, dayfly.Errorf(dayfly.KindDenied, "the clock of this node is the real one").
			WithHint("start a node for development: dayfly up --dev")
	case by <= 0 || by > advanceMax:
		return 0, dayfly.Errorf(dayfly.KindInvalid,
			"the clock goes forward by more than nothing and at most 366 days, not by %s", by)
	}
	select {
	case c.advancing <- struct{}{}:
		defer func() { <-c.advancing }()
	case <-ctx.Done():
		return 0, stopped(ctx)
	}
	c.mu.Lock()
	target := c.now().Add(by)
	c.frozen = c.now()
	alarms := slices.Clone(c.alarms)
	c.mu.Unlock()
	defer c.thaw()
	for _, a := range alarms { // what rings already is waited for; nothing else begins
		n, err := a.ring(ctx, Ring{At: c.Now(), Jump: true, Begin: true})
		if fired += n; err != nil {
			return fired, err
		}
	}
	for {
		a, at := c.earliest(target)
		if a == nil {
			return fired, nil
		}
		n, err := a.ring(ctx, Ring{At: at, Jump: true})
		fired += n
		if err != nil {
			return fired, err
		}
	}
}

// earliest takes the next alarm to ring, and moves time there; without one, to target.
func (c *Clock) earliest(target time.Time) (*Alarm, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first *Alarm
	for _, a := range c.alarms {
		if !a.at.IsZero() && !a.at.After(target) && (first == nil || a.at.Before(first.at)) {
			first = a
		}
	}
	if first == nil {
		c.frozen = target
		return nil, target
	}
	if first.at.After(c.frozen) {
		c.frozen = first.at
	}
	first.at = time.Time{}
	return first, c.frozen
}

// thaw lets time run again from where it stands.
func (c *Clock) thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = c.frozen.Sub(time.Now().Round(0))
	c.frozen = time.Time{}
	for _, a := range c.alarms {
		a.arm()
	}
}

func stopped(ctx context.Context) error {
	return dayfly.Errorf(dayfly.KindCanceled, "the clock was not put forward all the way: %w",
		context.Cause(ctx))
}
