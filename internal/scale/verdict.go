// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"fmt"
	"strings"
	"time"
)

// Verdict is what a plan means for a function at one time.
type Verdict struct {
	Warm bool
	// Change is when Warm may change if no call comes before; zero when it does not.
	Change time.Time
	due    time.Time // the known call that it is kept for
	known  bool      // all calls come at known times
	plan   Plan
}

// Verdict says whether a function that has had nothing to do since idle should have
// an instance at now. Known times come before what was learned.
func (p Plan) Verdict(now, idle time.Time, s Subject) Verdict {
	if now.Before(idle) {
		now = idle
	}
	v := Verdict{plan: p, known: s.KnownOnly}
	if s.KnownOnly {
		p = Plan{Keep: keepLeast}
	}
	since := now.Sub(idle)
	v.Warm = p.Warm(since)
	if at, ok := p.Next(since); ok {
		v.Change = idle.Add(at)
	}
	if !s.Next.IsZero() {
		v.await(now, idle, s)
	}
	return v
}

// await keeps an instance ready for a known call: from just before it, or all the time
// when it comes so soon that waiting is cheaper than another start.
func (v *Verdict) await(now, idle time.Time, s Subject) {
	from, until := s.Next.Add(-s.Cold-cronLead), s.Next.Add(cronStay)
	if float64(s.Next.Sub(idle)) <= startShare*float64(v.plan.Worth) {
		from = idle
	}
	switch {
	case !now.Before(until):
	case !now.Before(from):
		v.Warm, v.Change, v.due = true, until, s.Next
	case v.Change.IsZero() || from.Before(v.Change):
		v.Change = from
	}
}

// Why says in words what the verdict rests on.
func (v Verdict) Why() string {
	switch {
	case !v.due.IsZero():
		return "its next call is due at " + v.due.UTC().Format(time.RFC3339)
	case v.known:
		return "it is called at known times only, and none is near"
	}
	return v.plan.Why()
}

// Why says in words what the plan rests on.
func (p Plan) Why() string {
	switch p.Reason {
	case ReasonLearned:
		again := ""
		if p.Until > 0 {
			again = fmt.Sprintf(", and from %s to %s", span(p.Prewarm), span(p.Until))
		}
		return fmt.Sprintf("of the gaps between its calls (%.0f remembered) %.0f %% end in the %s%s "+
			"that it is kept warm", p.Gaps, 100*p.Covers, "first "+span(p.Keep), again)
	case ReasonRegular:
		return fmt.Sprintf("its last gaps were alike: it is started %s after a call and waits until %s",
			span(p.Prewarm), span(p.Until))
	case ReasonRare:
		return fmt.Sprintf("its calls are rarer than its memory allows: a cold start is worth %s of waiting",
			span(p.Worth))
	}
	return fmt.Sprintf("too few of its calls are known (%.0f): it is kept for %s, as long as a cold "+
		"start is worth", p.Gaps, span(p.Keep))
}

// span writes a time as people say it: 25m, not 25m0s.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
