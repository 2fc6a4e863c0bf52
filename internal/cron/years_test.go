// SPDX-License-Identifier: Apache-2.0

package cron_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/cron"
)

// plan is an expression of minutes and hours, and what it means, said in another way
// than the package computes it.
type plan struct {
	expression    string
	minutes       [60]bool
	hours         [24]bool
	fixed, monday bool
}

func randomPlan(r *rand.Rand) plan {
	var p plan
	var minutes, hours string
	list := func(set []bool, n int) (text string) {
		for range n {
			i := r.IntN(len(set))
			set[i] = true
			text += fmt.Sprintf(",%d", i)
		}
		return text[1:]
	}
	minutes = list(p.minutes[:], 1+r.IntN(4))
	if p.fixed = r.IntN(2) == 0; p.fixed {
		hours = list(p.hours[:], 1+r.IntN(5))
	} else {
		hours = "*"
		for i := range p.hours {
			p.hours[i] = true
		}
	}
	weekday := "*"
	if p.monday = r.IntN(4) == 0; p.monday {
		weekday = "MON"
	}
	p.expression = minutes + " " + hours + " * * " + weekday
	return p
}

func (p *plan) fits(local time.Time) bool {
	return p.minutes[local.Minute()] && p.hours[local.Hour()] && (!p.monday || local.Weekday() == time.Monday)
}

// walk goes through a span minute by minute, as a clock on the wall would, and gives each
// minute when the plan is due. Local times are written as if they were UTC.
func (p *plan) walk(from, until time.Time, zone *time.Location) []time.Time {
	var out []time.Time
	wall := func(t time.Time) time.Time {
		l := t.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	latest := wall(from) // the furthest the clock has shown
	for at := from.Add(time.Minute); !at.After(until); at = at.Add(time.Minute) {
		shown := wall(at)
		due := false
		if p.fixed {
			for skipped := latest.Add(time.Minute); !skipped.After(shown); skipped = skipped.Add(time.Minute) {
				due = due || p.fits(skipped)
			}
		} else {
			due = p.fits(shown)
		}
		if shown.After(latest) {
			latest = shown
		}
		if due {
			out = append(out, at.UTC())
		}
	}
	return out
}

func TestYearsInManyZones(t *testing.T) {
	t.Parallel()
	years := 4
	if testing.Short() {
		years = 1
	}
	for zone, first := range map[string]int{
		"America/New_York": 2025, "Europe/London": 2026, "Australia/Lord_Howe": 2025,
		"Asia/Kolkata": 2026, "Africa/Casablanca": 2025, "America/Sao_Paulo": 2016,
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(uint64(first), 7))
			for year := first; year < first+years; year++ {
				for range 4 {
					p := randomPlan(r)
					compare(t, &p, zone, location, year)
				}
			}
		})
	}
}

// compare holds Next against a walk through the year.
func compare(t *testing.T, p *plan, zone string, location *time.Location, year int) {
	t.Helper()
	s := parse(t, p.expression, zone)
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	until := from.AddDate(1, 0, 0)
	at := from
	for _, want := range p.walk(from, until, location) {
		got, ok := s.Next(at)
		if !ok || !got.Equal(want) {
			t.Fatalf("%s in %s: after %s comes %s, want %s", p.expression, zone,
				at.In(location), got.In(location), want.In(location))
		}
		at = got
	}
	if got, ok := s.Next(at); !ok || !got.After(until) {
		t.Fatalf("%s in %s: after %s comes %s, want nothing before %s", p.expression, zone,
			at.In(location), got.In(location), until)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"*/5 * * * *", "30 0 9 * * MON-FRI", "@every 90s", "rate(5 minutes)",
		"cron(0 9 ? * 6L 2026-2030)", "at(2026-12-24T18:00:00)", "0 0 L-3,15W * FRI#2", "0 22-2/2 * * *",
		"0 0 31 2 *", "@yearly", "TZ=UTC * * * * *", "cron(((", "0 0 0/31 * ?"} {
		f.Add(seed, "America/New_York", int64(1_770_000_000))
	}
	f.Fuzz(func(t *testing.T, expression, zone string, seconds int64) {
		began := time.Now()
		s, err := cron.Parse(expression, zone)
		if err != nil {
			return
		}
		s = s.From(time.Unix(0, 0))
		at := time.Unix(seconds%8e9, 0)
		for range 5 {
			next, ok := s.Next(at)
			if !ok {
				break
			}
			if !next.After(at) {
				t.Fatalf("%q in %q: Next(%s) = %s", expression, zone, at, next)
			}
			if again, ok := s.Next(next.Add(-time.Nanosecond)); !s.Once() && (!ok || again.After(next)) {
				t.Fatalf("%q in %q: %s is due after %s, and not a moment before it: %s", expression, zone,
					next, at, again)
			}
			at = next
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("%q in %q took %s", expression, zone, took)
		}
	})
}
