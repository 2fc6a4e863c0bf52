// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	parser "github.com/netresearch/go-cron"
)

const (
	// searchYears is how far ahead a due time may be: 29 February falls on each weekday
	// once in 28 years, or in 40 across 2100.
	searchYears = 60
	// constraintsMax bounds L, W and # in one expression: each is computed for each
	// day that is looked at.
	constraintsMax = 16
	// boundsMax bounds the changes of a zone's offset that a search crosses: four a
	// year, as in Morocco, for as long as anything can be due.
	boundsMax = 4 * (yearMax - firstYear + searchYears)
	// repeatsMax bounds how many due times of an hour that repeats are passed over:
	// each second of a day.
	repeatsMax = 24 * 60 * 60
	// starBit is how the library marks a field that says "any".
	starBit = 1 << 63
	// everyHour is an hour field without restriction.
	everyHour = 1<<24 - 1
)

// fields is an expression of fields in its zone. The library, which knows nothing of our
// rule for changes of clocks, computes with local times that are written as if they were
// UTC; what moment such a time is, is decided here.
type fields struct {
	spec  *parser.SpecSchedule
	zone  *time.Location
	fixed bool // the hour is restricted
}

// parseFields reads five or six fields, or a name such as @daily.
func parseFields(text string, zone *time.Location) (*fields, error) {
	lower := strings.ToLower(text)
	switch {
	case strings.HasPrefix(lower, "tz=") || strings.HasPrefix(lower, "cron_tz="):
		return nil, errors.New("the time zone does not belong into the expression: say it as the cron's zone")
	case strings.HasPrefix(lower, "@"):
		text = lower
	}
	p := parser.MustNewParser(parser.SecondOptional | parser.Minute | parser.Hour | parser.Dom |
		parser.Month | parser.Dow | parser.Descriptor | parser.Extended | parser.DowOrDom)
	parsed, err := p.Parse(text)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*parser.SpecSchedule)
	if !ok {
		return nil, errors.New("it is no cron expression")
	}
	spec.MaxSearchYears = searchYears
	if list := strings.Fields(text); len(list) >= 5 {
		markSteps(spec, list)
	}
	return newFields(spec, zone)
}

// markSteps lets "*/2" count as unrestricted when days and weekdays are joined, as in
// every crontab.
func markSteps(spec *parser.SpecSchedule, list []string) {
	days, weekdays := list[len(list)-3], list[len(list)-1]
	if strings.HasPrefix(days, "*") {
		spec.Dom |= starBit
	}
	if strings.HasPrefix(weekdays, "*") {
		spec.Dow |= starBit
	}
}

func newFields(spec *parser.SpecSchedule, zone *time.Location) (*fields, error) {
	if n := len(spec.DomConstraints) + len(spec.DowConstraints); n > constraintsMax {
		return nil, fmt.Errorf("it has %d uses of L, W and #, at most %d are allowed", n, constraintsMax)
	}
	spec.Location = time.UTC
	start := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	if spec.Next(start.Add(-time.Second)).IsZero() {
		return nil, errors.New("it is never due: no such day comes")
	}
	return &fields{spec: spec, zone: zone, fixed: spec.Hour&everyHour != everyHour}, nil
}

// next gives the first due time after a moment, or the zero time.
func (f *fields) next(after time.Time) time.Time {
	if f.fixed {
		return f.nextFixed(after)
	}
	return f.nextReal(after)
}

// nextFixed goes through local times, each of which is one moment.
func (f *fields) nextFixed(after time.Time) time.Time {
	local := f.spec.Next(wall(after.In(f.zone)))
	for range repeatsMax {
		if local.IsZero() {
			return time.Time{}
		}
		if at := moment(local, f.zone); at.After(after) {
			return at
		}
		local = f.spec.Next(local) // the first of two equal times is over
	}
	return time.Time{}
}

// nextReal goes through real time, from one change of the zone's offset to the next.
func (f *fields) nextReal(after time.Time) time.Time {
	at := after.In(f.zone)
	from := wall(at)
	for range boundsMax {
		_, end := at.ZoneBounds()
		local := f.spec.Next(from)
		if local.IsZero() {
			return time.Time{}
		}
		due := local.Add(-offset(at))
		if end.IsZero() || due.Before(end) {
			return due
		}
		at = end.In(f.zone)
		from = wall(at).Add(-time.Second) // the moment of the change itself counts
	}
	return time.Time{}
}

// wall writes a local time as if it were UTC.
func wall(t time.Time) time.Time {
	return t.UTC().Add(offset(t))
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// moment gives when a local time is: the first moment of two, and the end of the gap
// of a time that does not exist.
func moment(local time.Time, zone *time.Location) time.Time {
	t := time.Date(local.Year(), local.Month(), local.Day(),
		local.Hour(), local.Minute(), local.Second(), 0, zone)
	start, end := t.ZoneBounds()
	switch got := wall(t); {
	case got.After(local):
		return start
	case got.Before(local):
		return end
	case start.IsZero():
		return t
	}
	before := start.Add(-time.Second).In(zone)
	if earlier := local.Add(-offset(before)); earlier.Before(start) {
		return earlier
	}
	return t
}
