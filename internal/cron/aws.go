// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	parser "github.com/netresearch/go-cron"
)

// firstYear is the first year that AWS's expressions may name.
const firstYear = 1970

// atLayout is the form of the time in at(…), which has no zone of its own.
const atLayout = "2006-01-02T15:04:05"

// parseEvery reads what follows @every.
func parseEvery(text string) (Schedule, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return Schedule{}, fmt.Errorf("%q is no time such as 90s, 5m or 1h30m", strings.TrimSpace(text))
	}
	return interval(d)
}

func interval(d time.Duration) (Schedule, error) {
	switch {
	case d < time.Second:
		return Schedule{}, errors.New("the interval is shorter than a second")
	case d > everyMax:
		return Schedule{}, errors.New("the interval is longer than ten years")
	case d%time.Second != 0:
		return Schedule{}, errors.New("the interval is not in whole seconds")
	}
	return Schedule{every: d}, nil
}

// parseRate reads "5 minutes".
func parseRate(text string) (Schedule, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) != 2 {
		return Schedule{}, errors.New("a rate is a number and a unit: rate(5 minutes)")
	}
	n, err := strconv.ParseUint(words[0], 10, 31)
	if err != nil || n == 0 {
		return Schedule{}, fmt.Errorf("%q is not a number from 1", words[0])
	}
	units := map[string]time.Duration{"second": time.Second, "minute": time.Minute,
		"hour": time.Hour, "day": 24 * time.Hour}
	unit, ok := units[strings.TrimSuffix(words[1], "s")]
	if !ok {
		return Schedule{}, fmt.Errorf("unit %q is none of seconds, minutes, hours and days", words[1])
	}
	if n > uint64(everyMax/unit) {
		return Schedule{}, errors.New("the interval is longer than ten years")
	}
	return interval(time.Duration(n) * unit)
}

// parseAt reads a local time.
func parseAt(text string, zone *time.Location) (Schedule, error) {
	local, err := time.Parse(atLayout, strings.ToUpper(text))
	if err != nil || local.Year() < firstYear || local.Year() > yearMax {
		return Schedule{}, fmt.Errorf("%q is no local time such as 2026-12-24T18:00:00", text)
	}
	return Schedule{at: moment(local.Truncate(time.Second), zone).UTC()}, nil
}

// parseAWS reads the six fields of AWS: minute hour day month weekday year. Weekdays
// count from 1, Sunday; one of day and weekday is "?".
func parseAWS(text string, zone *time.Location) (Schedule, error) {
	list := strings.Fields(strings.ToUpper(text))
	if len(list) != 6 {
		return Schedule{}, fmt.Errorf("cron(…) has six fields, minute hour day month weekday year, not %d",
			len(list))
	}
	if (list[2] == "?") == (list[4] == "?") {
		return Schedule{}, errors.New("one of the fields day and weekday of cron(…) must be ?, the other not")
	}
	weekdays, err := weekdaysOf(list[4])
	if err != nil {
		return Schedule{}, err
	}
	years, err := yearsOf(list[5])
	if err != nil {
		return Schedule{}, err
	}
	p := parser.MustNewParser(parser.Minute | parser.Hour | parser.Dom | parser.Month | parser.Dow |
		parser.Extended)
	parsed, err := p.Parse(strings.Join([]string{list[0], list[1], list[2], list[3], weekdays}, " "))
	if err != nil {
		return Schedule{}, err
	}
	spec, ok := parsed.(*parser.SpecSchedule)
	if !ok {
		return Schedule{}, errors.New("it is no cron expression")
	}
	spec.Year, spec.MaxSearchYears = years, searchYears
	if years != nil {
		spec.MaxSearchYears = yearMax - firstYear
	}
	f, err := newFields(spec, zone)
	return Schedule{fields: f}, err
}

// weekdaysOf turns AWS's weekdays into those of a crontab: 1-7 are 0-6, L is Saturday and
// 6L the last Friday.
func weekdaysOf(field string) (string, error) {
	if field == "?" || field == "*" {
		return "*", nil
	}
	var out []string
	for part := range strings.SplitSeq(field, ",") {
		body, step, stepped := strings.Cut(part, "/")
		if body == "L" {
			body = "7"
		}
		if last, ok := strings.CutSuffix(body, "L"); ok && last != "" {
			body = last + "#L"
		}
		days, nth, numbered := strings.Cut(body, "#")
		low, high, ranged := strings.Cut(days, "-")
		low, err := weekdayOf(low)
		if err != nil {
			return "", err
		}
		if ranged {
			if high, err = weekdayOf(high); err != nil {
				return "", err
			}
			low += "-" + high
		}
		if numbered {
			low += "#" + nth
		}
		if stepped {
			low += "/" + step
		}
		out = append(out, low)
	}
	return strings.Join(out, ","), nil
}

// weekdayOf turns one weekday; names and * are the same everywhere.
func weekdayOf(text string) (string, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return text, nil
	}
	if n < 1 || n > 7 {
		return "", fmt.Errorf("weekday %d of cron(…) is not one of 1, Sunday, to 7", n)
	}
	return strconv.Itoa(n - 1), nil
}

// yearsOf reads the field of years; nil is every year.
func yearsOf(field string) (map[int]struct{}, error) {
	if field == "*" {
		return nil, nil
	}
	years := make(map[int]struct{})
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		low, high, ranged := strings.Cut(span, "-")
		if span == "*" {
			low, high, ranged = strconv.Itoa(firstYear), strconv.Itoa(yearMax), true
		}
		if !ranged {
			if high = low; stepped {
				high = strconv.Itoa(yearMax)
			}
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		every, err3 := 1, error(nil)
		if stepped {
			every, err3 = strconv.Atoi(step)
		}
		if errors.Join(err1, err2, err3) != nil || from < firstYear || to > yearMax || from > to ||
			every < 1 || every > yearMax {
			return nil, fmt.Errorf("years %q are not within %d-%d", part, firstYear, yearMax)
		}
		for y := from; y <= to; y += every {
			years[y] = struct{}{}
		}
	}
	return years, nil
}
