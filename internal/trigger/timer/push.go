// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

const (
	// pushTimeout bounds one push. It is far below the time for which the queue knows an
	// identity again: two timers that push one claim push one event.
	pushTimeout = 5 * time.Second
	// retryMin and retryMax bound the wait between pushes that are not accepted.
	retryMin = 200 * time.Millisecond
	retryMax = 15 * time.Second
	// giveUp is how long an event that is not accepted is pushed again, unless the
	// next one is due before that.
	giveUp = time.Hour
)

// push hands the event of the claim to the queue and confirms it.
func (t *Timer) push(
	ctx context.Context, e *entry, l *ledger, jump bool,
) (more, accepted bool, err error) {
	p, err := pushOf(e.id, e.trigger, l.Claim.Event, l.Claim.Due)
	if err != nil {
		return false, false, err
	}
	pushing, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	_, err = t.queue.Push(pushing, p)
	t.fault("push:after")
	switch kind := dayfly.KindOf(err); {
	case err == nil:
		t.log.Debug("cron fired", "cron", e.id.String(), "due", l.Claim.Due, "event", l.Claim.Event)
		return true, true, t.confirm(ctx, e, l)
	case ctx.Err() != nil:
		return false, false, err // the claim stands open for the next start
	case kind == dayfly.KindNotFound || kind == dayfly.KindInvalid:
		return true, false, t.resolve(ctx, e, l, "its event was not accepted: "+err.Error())
	}
	now := t.clock.Now()
	if now.Sub(l.Claim.At) > giveUp || !l.Due.IsZero() && !l.Due.After(now) || e.retries >= stepsMax {
		return true, false, t.resolve(ctx, e, l, "its event was not accepted: "+err.Error())
	}
	pause := retryPause(e.retries, err)
	e.retries++
	e.at = now.Add(pause)
	if !jump {
		return false, false, nil
	}
	select { // time stands still: the pause must be a real one
	case <-time.After(pause):
		return true, false, nil
	case <-ctx.Done():
		return false, false, context.Cause(ctx)
	}
}

// retryPause doubles from try to try, and is at least what the queue asks for.
func retryPause(retries int, err error) time.Duration {
	pause := retryMax
	if retries < 7 {
		pause = min(retryMin<<retries, retryMax)
	}
	var known *dayfly.Error
	if errors.As(err, &known) {
		pause = max(pause, min(known.RetryAfter, retryMax))
	}
	return pause
}

// confirm writes down that the event of the claim was accepted.
func (t *Timer) confirm(ctx context.Context, e *entry, l *ledger) error {
	c, now := l.Claim, t.clock.Now()
	if c.Outcome == cron.Ran && now.Sub(c.At) > grace {
		c.At, c.Outcome, c.Why = now, cron.Late, "its event was not accepted before"
	}
	l.add(cron.Run{Due: c.Due, At: c.At, Outcome: c.Outcome, Why: c.Why, Event: c.Event})
	l.Claim, l.Last, l.LastDue = nil, c.Event, c.Due
	e.retries, e.found = 0, ""
	t.fault("confirm:before")
	if err := t.save(ctx, e.id, l); err != nil {
		return err
	}
	t.fault("confirm:after")
	return nil
}

// resolve writes down that the event of the claim is not to be had.
func (t *Timer) resolve(ctx context.Context, e *entry, l *ledger, why string) error {
	c := l.Claim
	l.add(cron.Run{Due: c.Due, At: t.clock.Now(), Outcome: cron.Missed, Why: why})
	l.Claim = nil
	e.retries, e.found = 0, ""
	t.log.Warn("cron was missed", "cron", e.id.String(), "due", c.Due, "why", why)
	return t.save(ctx, e.id, l)
}

// pushOf makes what the queue is given. With overlap "queue" the events of the cron are
// executed one after the other: they have one key.
func pushOf(i id, c *dayfly.CronTrigger, event dayfly.EventID, due time.Time) (queue.Push, error) {
	data, err := json.Marshal(dayfly.CronData{Cron: c.Expression, ScheduledTime: due, Trigger: string(i.trigger)})
	if err != nil {
		return queue.Push{}, fmt.Errorf("encode event of %s: %w", i, err)
	}
	p := queue.Push{ID: event, Function: i.function, Source: dayfly.SourceCron, Trigger: i.trigger,
		Event: &dayfly.Event{ID: string(event), Type: dayfly.EventCron, Time: due,
			Source: "/projects/" + string(i.function.Project) + "/functions/" + string(i.function.Name) +
				"/crons/" + string(i.trigger),
			ContentType: "application/json", Data: data}}
	if c.Overlap == dayfly.OverlapQueue {
		p.OrderKey = string(i.trigger)
	}
	return p, nil
}
