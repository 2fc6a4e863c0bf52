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
	Why    string // in words, for people
}

// Verdict says whether a function that has had nothing to do since idle should have
// an instance at now, and why. Known times come before what was learned.
func (p Plan) Verdict(now, idle time.Time, s Subject) Verdict {
	if now.Before(idle) {
		now = idle
	}
	from, until := s.Next.Add(-s.Cold-cronLead), s.Next.Add(cronStay)
	if p.bridges(idle, s) {
		from = idle
	}
	awaited := !s.Next.IsZero() && now.Before(until)
	if awaited && !now.Before(from) {
		return Verdict{Warm: true, Change: until,
			Why: "its next call is due at " + s.Next.UTC().Format(time.RFC3339)}
	}
	if s.KnownOnly {
		p = Plan{Keep: keepLeast, Reason: p.Reason, Gaps: p.Gaps, Worth: p.Worth}
	}
	v := Verdict{Warm: p.Warm(now.Sub(idle)), Why: p.Why()}
	if s.KnownOnly {
		v.Why = "it is called at known times only, and none is due"
	}
	if at, ok := p.Next(now.Sub(idle)); ok {
		v.Change = idle.Add(at)
	}
	if awaited && (v.Change.IsZero() || from.Before(v.Change)) {
		v.Change = from
	}
	return v
}

// bridges says whether the known call comes so soon that waiting for it is cheaper
// than a start ahead of it.
func (p Plan) bridges(idle time.Time, s Subject) bool {
	return !s.Next.IsZero() && float64(s.Next.Sub(idle)) <= startShare*float64(p.Worth)
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
