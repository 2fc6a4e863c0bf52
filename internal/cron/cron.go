// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on hosts that have none installed

	"github.com/dayfly-faas/dayfly"
)

const (
	// expressionBytesMax bounds an expression: lists of every minute have 170 bytes.
	expressionBytesMax = 256
	// zoneBytesMax bounds the name of a zone: the longest there is has 32 bytes.
	zoneBytesMax = 64
	// everyMax bounds intervals; a longer one is a date.
	everyMax = 10 * 366 * 24 * time.Hour
	// yearMax is the last year that anything is due in: AWS's last.
	yearMax = 2199
)

// Schedule tells when something is due. The zero Schedule never is.
type Schedule struct {
	fields *fields       // of a cron expression
	every  time.Duration // of an interval
	anchor time.Time     // from which intervals count; zero: from the time asked about
	at     time.Time     // of what is due once
}

// Parse reads an expression, to be understood in that time zone: an IANA name, UTC when
// it is empty. What is wrong with it is told in an error of kind invalid.
func Parse(expression, zone string) (Schedule, error) {
	location, err := loadZone(zone)
	if err != nil {
		return Schedule{}, err
	}
	text := strings.TrimSpace(expression)
	switch {
	case text == "":
		return Schedule{}, dayfly.Errorf(dayfly.KindInvalid, "the cron expression is empty")
	case len(text) > expressionBytesMax:
		return Schedule{}, dayfly.Errorf(dayfly.KindInvalid,
			"the cron expression has %d bytes, at most %d are allowed", len(text), expressionBytesMax)
	}
	s, err := parse(text, location)
	if err != nil {
		return Schedule{}, dayfly.Errorf(dayfly.KindInvalid, "cron %q: %s", text, err.Error()).
			WithHint(`such as "*/5 * * * *", "@every 90s", "rate(5 minutes)" or "at(2026-12-24T18:00:00)"`)
	}
	return s, nil
}

func parse(text string, zone *time.Location) (Schedule, error) {
	if name, inner, ok := call(text); ok {
		switch name {
		case "rate":
			return parseRate(inner)
		case "at":
			return parseAt(inner, zone)
		case "cron":
			return parseAWS(inner, zone)
		}
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "@every"); ok {
		return parseEvery(rest)
	}
	f, err := parseFields(text, zone)
	return Schedule{fields: f}, err
}

// call takes "name(inner)" apart.
func call(text string) (name, inner string, ok bool) {
	name, rest, ok := strings.Cut(text, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return "", "", false
	}
	return strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(rest[:len(rest)-1]), true
}

func loadZone(name string) (*time.Location, error) {
	if len(name) > zoneBytesMax || name == "Local" {
		return nil, unknownZone(name)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, unknownZone(name)
	}
	return location, nil
}

func unknownZone(name string) error {
	return dayfly.Errorf(dayfly.KindInvalid, "time zone %.64q is unknown", name).
		WithHint("use a name such as Europe/Berlin, Asia/Kolkata or UTC")
}

// From gives the same schedule with its intervals counted from that time, so that
// everyone who knows it gets the same times. It changes nothing of other schedules.
func (s Schedule) From(anchor time.Time) Schedule {
	s.anchor = anchor.Round(0)
	return s
}

// Once tells whether it is due at one moment only.
func (s Schedule) Once() bool { return !s.at.IsZero() }

// Next gives the first time after the given one when it is due; false when there is
// none any more.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	after = after.Round(0)
	var next time.Time
	switch {
	case s.fields != nil:
		next = s.fields.next(after)
	case s.every > 0:
		next = s.nextEvery(after)
	case s.at.After(after):
		next = s.at
	}
	if next.IsZero() || next.Year() > yearMax {
		return time.Time{}, false
	}
	return next.UTC(), true
}

// nextEvery gives the first whole interval from the anchor that is after a time.
func (s Schedule) nextEvery(after time.Time) time.Time {
	switch {
	case s.anchor.IsZero():
		return after.Truncate(time.Second).Add(s.every)
	case after.Before(s.anchor):
		return s.anchor.Add(s.every)
	}
	// A duration holds 292 years; whole intervals of more are not within yearMax.
	past := after.Sub(s.anchor)
	return s.anchor.Add(past - past%s.every).Add(s.every)
}
