// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"context"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

const (
	// stepsMax is how many steps a cron takes before others have their turn: all that is
	// caught up at once, and some.
	stepsMax = catchUpMax + 10
	// takeOver is when a claim that stands open is another timer's to push.
	takeOver = 2 * pushTimeout
	// endPollMin and endPollMax are how often the end of a run is looked for while the
	// clock jumps, and endWaitMax how long at most.
	endPollMin = time.Millisecond
	endPollMax = 50 * time.Millisecond
	endWaitMax = time.Minute
)

// handle does what is due of one cron, sets when it is to be looked at next, and tells
// how many events were accepted.
func (t *Timer) handle(ctx context.Context, e *entry, jump bool) (fired int) {
	for range stepsMax {
		more, accepted, err := t.step(ctx, e, jump)
		if accepted {
			fired++
		}
		switch kind := dayfly.KindOf(err); {
		case kind == dayfly.KindConflict:
			continue // somebody else wrote the ledger: it is read again
		case err != nil:
			e.at = t.clock.Now().Add(readRetry)
			if ctx.Err() == nil {
				t.log.Warn("cron was not looked at; it is tried again", "cron", e.id.String(), "error", err)
			}
			return fired
		case !more:
			return fired
		}
	}
	e.at = t.clock.Now()
	return fired
}

// step takes one step with one cron. More says that another one may follow at once;
// otherwise e.at is when.
func (t *Timer) step(ctx context.Context, e *entry, jump bool) (more, accepted bool, err error) {
	l, err := t.load(ctx, e.id)
	if err != nil {
		if dayfly.KindOf(err) == dayfly.KindNotFound {
			e.at = time.Time{} // the function is being removed
			return false, false, nil
		}
		return false, false, err
	}
	if l.Claim != nil {
		return t.resume(ctx, e, l, jump)
	}
	if !l.Gone.IsZero() || l.Expression != e.trigger.Expression || l.Zone != e.trigger.Zone {
		// Another node follows a deploy that this one is told of in a moment, or
		// the other way round.
		if t.align(e, l) {
			return true, false, t.save(ctx, e.id, l)
		}
	}
	e.schedule = e.schedule.From(l.Anchor)
	s := decide(t.clock.Now(), e.id, l, e.schedule, e.trigger)
	switch {
	case s.missed != nil:
		l.add(*s.missed)
		l.Due = s.next
		t.log.Warn("cron was missed", "cron", e.id.String(), "due", s.missed.Due, "why", s.missed.Why)
		return true, false, t.save(ctx, e.id, l)
	case s.fire != nil:
		return t.claim(ctx, e, l, s, jump)
	}
	e.at = s.wait
	return false, false, nil
}

// claim takes a due time, unless the run before it is still under way, and pushes its
// event.
func (t *Timer) claim(
	ctx context.Context, e *entry, l *ledger, s step, jump bool,
) (more, accepted bool, err error) {
	overlaps := e.trigger.Overlap == dayfly.OverlapSkip || e.trigger.Overlap == ""
	if overlaps && s.fire.Outcome == cron.Ran && l.Last != "" {
		under, err := t.underWay(ctx, l, s.fire.Due, jump)
		if err != nil {
			return false, false, err
		}
		if under {
			l.add(cron.Run{Due: s.fire.Due, At: s.fire.At, Outcome: cron.Skipped,
				Why: "the run of " + l.LastDue.Format(time.RFC3339) + " is still under way"})
			l.Due = s.next
			return true, false, t.save(ctx, e.id, l)
		}
	}
	l.Claim, l.Due = s.fire, s.next
	l.Claim.By = t.me
	t.fault("claim:before")
	if err := t.save(ctx, e.id, l); err != nil {
		return false, false, err
	}
	t.fault("claim:after")
	return t.push(ctx, e, l, jump)
}

// underWay tells whether the last run has not ended. While the clock jumps, no time passes
// for it to end: it is given as much as lies between the two.
func (t *Timer) underWay(ctx context.Context, l *ledger, due time.Time, jump bool) (bool, error) {
	until := time.Now()
	if jump {
		until = until.Add(min(due.Sub(l.LastDue), endWaitMax))
	}
	for pause := endPollMin; ; pause = min(2*pause, endPollMax) {
		info, err := t.queue.Event(ctx, l.Last)
		switch {
		case dayfly.KindOf(err) == dayfly.KindNotFound:
			return false, nil // so long ago that nobody knows
		case err != nil:
			return false, err
		case ended(info.State):
			return false, nil
		case time.Now().Add(pause).After(until):
			return true, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func ended(s dayfly.EventState) bool {
	return s != dayfly.EventPending && s != dayfly.EventDelayed && s != dayfly.EventRunning
}

// resume goes on with a claim that stands open: this timer's own, whose event was not
// accepted yet, or that of a process which was killed.
func (t *Timer) resume(
	ctx context.Context, e *entry, l *ledger, jump bool,
) (more, accepted bool, err error) {
	if l.Claim.By != t.me {
		age := t.clock.Now().Sub(l.Claim.At)
		if age >= 0 && age < takeOver && l.Claim.Event != e.found {
			e.at = l.Claim.At.Add(takeOver)
			return false, false, nil
		}
		// It may have been accepted, and even executed, long ago.
		_, err := t.queue.Event(ctx, l.Claim.Event)
		switch dayfly.KindOf(err) {
		case "":
			return true, true, t.confirm(ctx, e, l)
		case dayfly.KindNotFound:
		default:
			return false, false, err
		}
		if keep := windowOf(e.trigger); age > keep || e.trigger.CatchUp == dayfly.CatchUpNone && age > grace {
			return true, false, t.resolve(ctx, e, l, "no node ran, and it is too old to be caught up")
		}
		l.Claim.By = t.me
		if err := t.save(ctx, e.id, l); err != nil {
			return false, false, err
		}
	}
	return t.push(ctx, e, l, jump)
}
