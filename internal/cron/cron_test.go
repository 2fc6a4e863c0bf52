// SPDX-License-Identifier: Apache-2.0

package cron_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

func parse(t testing.TB, expression, zone string) cron.Schedule {
	t.Helper()
	s, err := cron.Parse(expression, zone)
	if err != nil {
		t.Fatalf("Parse(%q, %q): %v", expression, zone, err)
	}
	return s
}

// times gives the next n due times after a local time, as local times with their offset.
func times(t testing.TB, s cron.Schedule, zone, after string, n int) []string {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", after, location)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for range n {
		next, ok := s.Next(at)
		if !ok {
			return append(out, "never")
		}
		if !next.After(at) {
			t.Fatalf("Next(%s) = %s, which is not after it", at, next)
		}
		out = append(out, next.In(location).Format("2006-01-02 15:04:05 -0700"))
		at = next
	}
	return out
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expression, after string
		want              []string
	}{
		{"*/15 * * * *", "2026-01-31 23:40:00", []string{"2026-01-31 23:45:00", "2026-02-01 00:00:00"}},
		{"30 0 9 * * MON-FRI", "2026-01-02 09:00:29", []string{"2026-01-02 09:00:30", "2026-01-05 09:00:30"}},
		{"0 0 29 2 *", "2096-03-01 00:00:00", []string{"2104-02-29 00:00:00"}},
		{"0 0 29 2 MON", "2026-02-25 00:00:00", []string{"2027-02-01 00:00:00"}}, // either, as in crontab
		{"0 0 */10 2 MON", "2026-02-02 00:00:00", []string{"2027-02-01 00:00:00"}},
		{"0 0 13 * FRI", "2026-02-01 00:00:00", []string{"2026-02-06 00:00:00", "2026-02-13 00:00:00"}},
		{"0 22-2/2 * * *", "2026-02-01 12:00:00", []string{"2026-02-01 22:00:00", "2026-02-02 00:00:00",
			"2026-02-02 02:00:00"}},
		{"0 0 L * *", "2026-02-01 00:00:00", []string{"2026-02-28 00:00:00", "2026-03-31 00:00:00"}},
		{"0 0 L-3 * *", "2026-02-01 00:00:00", []string{"2026-02-25 00:00:00"}},
		{"0 0 15W * *", "2026-02-01 00:00:00", []string{"2026-02-16 00:00:00"}},
		{"0 0 LW * *", "2026-02-01 00:00:00", []string{"2026-02-27 00:00:00"}},
		{"0 0 * * FRI#2", "2026-02-01 00:00:00", []string{"2026-02-13 00:00:00"}},
		{"0 0 * * FRI#L", "2026-02-01 00:00:00", []string{"2026-02-27 00:00:00"}},
		{"0 0 * * 7", "2026-02-02 00:00:00", []string{"2026-02-08 00:00:00"}},
		{"@hourly", "2026-02-02 00:00:00", []string{"2026-02-02 01:00:00"}},
		{"@Daily", "2026-02-02 00:00:00", []string{"2026-02-03 00:00:00"}},
		{"@weekly", "2026-02-02 00:00:00", []string{"2026-02-08 00:00:00"}},
		{"@monthly", "2026-02-02 00:00:00", []string{"2026-03-01 00:00:00"}},
		{"@yearly", "2026-02-02 00:00:00", []string{"2027-01-01 00:00:00"}},
		{"@every 90s", "2026-02-02 00:00:00", []string{"2026-02-02 00:01:30", "2026-02-02 00:03:00"}},
		{"@EVERY 1h30m", "2026-02-02 00:00:00", []string{"2026-02-02 01:30:00"}},
		{"rate(5 minutes)", "2026-02-02 00:00:00", []string{"2026-02-02 00:05:00"}},
		{"rate(1 day)", "2026-02-02 00:00:00", []string{"2026-02-03 00:00:00"}},
		{"cron(0 9 ? * 2-6 *)", "2026-02-06 09:00:00", []string{"2026-02-09 09:00:00"}},
		{"cron(0 9 ? * MON,1 *)", "2026-02-06 09:00:00", []string{"2026-02-08 09:00:00", "2026-02-09 09:00:00"}},
		{"cron(15 10 ? * 6L 2027-2028)", "2026-02-06 09:00:00", []string{"2027-01-29 10:15:00"}},
		{"cron(0 0 ? * L *)", "2026-02-06 09:00:00", []string{"2026-02-07 00:00:00"}},
		{"cron(0 0 ? * 3#2 *)", "2026-02-06 09:00:00", []string{"2026-02-10 00:00:00"}},
		{"cron(0/10 8 1 * ? 2026)", "2026-12-01 08:49:00", []string{"2026-12-01 08:50:00", "never"}},
		{"cron(0 0 1 1 ? 2030/50)", "2026-12-01 08:49:00", []string{"2030-01-01 00:00:00", "2080-01-01 00:00:00",
			"2130-01-01 00:00:00", "2180-01-01 00:00:00", "never"}},
		{"at(2026-12-24T18:00:00)", "2026-12-01 08:49:00", []string{"2026-12-24 18:00:00", "never"}},
	} {
		s := parse(t, c.expression, "")
		var got []string
		for _, text := range times(t, s, "UTC", c.after, len(c.want)) {
			got = append(got, strings.TrimSuffix(text, " +0000"))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s after %s: diff (-want +got):\n%s", c.expression, c.after, d)
		}
	}
}

func TestClocksThatChange(t *testing.T) {
	t.Parallel()
	const newYork, london, lordHowe = "America/New_York", "Europe/London", "Australia/Lord_Howe"
	for _, c := range []struct {
		name, expression, zone, after string
		want                          []string
	}{
		{"a fixed time in the gap runs after it", "30 2 * * *", newYork, "2026-03-07 12:00:00",
			[]string{"2026-03-08 03:00:00 -0400", "2026-03-09 02:30:00 -0400"}},
		{"many in the gap are one", "*/10 2,3 * * *", newYork, "2026-03-08 00:00:00",
			[]string{"2026-03-08 03:00:00 -0400", "2026-03-08 03:10:00 -0400"}},
		{"one in the gap and one at its end are one", "0 2-4 * * *", newYork, "2026-03-08 00:00:00",
			[]string{"2026-03-08 03:00:00 -0400", "2026-03-08 04:00:00 -0400"}},
		{"a fixed time that comes twice runs once", "30 1 * * *", newYork, "2026-11-01 00:00:00",
			[]string{"2026-11-01 01:30:00 -0400", "2026-11-02 01:30:00 -0500"}},
		{"every hour is every real hour", "0 * * * *", newYork, "2026-11-01 00:30:00",
			[]string{"2026-11-01 01:00:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 02:00:00 -0500"}},
		{"every hour leaves the gap out", "0 * * * *", newYork, "2026-03-08 00:30:00",
			[]string{"2026-03-08 01:00:00 -0500", "2026-03-08 03:00:00 -0400"}},
		{"every half hour, twice", "*/30 * * * *", london, "2026-10-25 00:59:00",
			[]string{"2026-10-25 01:00:00 +0100", "2026-10-25 01:30:00 +0100", "2026-10-25 01:00:00 +0000",
				"2026-10-25 01:30:00 +0000", "2026-10-25 02:00:00 +0000"}},
		{"half an hour of gap", "15 2 * * *", lordHowe, "2026-10-04 00:00:00",
			[]string{"2026-10-04 02:30:00 +1100", "2026-10-05 02:15:00 +1100"}},
		{"half an hour twice", "45 1 * * *", lordHowe, "2026-04-05 00:00:00",
			[]string{"2026-04-05 01:45:00 +1100", "2026-04-06 01:45:00 +1030"}},
		{"midnight that does not exist", "0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00:00",
			[]string{"2018-11-04 01:00:00 -0200", "2018-11-05 00:00:00 -0200"}},
		{"midnight that comes twice is the day before's", "30 23 * * *", "America/Sao_Paulo",
			"2018-02-17 12:00:00", []string{"2018-02-17 23:30:00 -0200", "2018-02-18 23:30:00 -0300"}},
		{"Ramadan", "30 2 * * *", "Africa/Casablanca", "2026-03-21 12:00:00",
			[]string{"2026-03-22 03:00:00 +0100", "2026-03-23 02:30:00 +0100"}},
		{"no changes", "30 2 * * *", "Asia/Kolkata", "2026-03-07 12:00:00",
			[]string{"2026-03-08 02:30:00 +0530"}},
		{"a day that does not exist", "0 9 * * *", "Pacific/Apia", "2011-12-29 12:00:00",
			[]string{"2011-12-31 00:00:00 +1400", "2011-12-31 09:00:00 +1400"}},
		{"at in the gap", "at(2026-03-08T02:30:00)", newYork, "2026-03-07 12:00:00",
			[]string{"2026-03-08 03:00:00 -0400", "never"}},
		{"at twice", "at(2026-11-01T01:30:00)", newYork, "2026-03-07 12:00:00",
			[]string{"2026-11-01 01:30:00 -0400", "never"}},
	} {
		got := times(t, parse(t, c.expression, c.zone), c.zone, c.after, len(c.want))
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s in %s after %s: diff (-want +got):\n%s",
				c.name, c.expression, c.zone, c.after, d)
		}
	}
}

func TestTheSecondOfTwoHoursIsOver(t *testing.T) {
	t.Parallel()
	s := parse(t, "45 1 * * *", "America/New_York")
	second := time.Date(2026, 11, 1, 6, 15, 0, 0, time.UTC) // 01:15 EST
	want := time.Date(2026, 11, 2, 6, 45, 0, 0, time.UTC)
	if got, ok := s.Next(second); !ok || !got.Equal(want) {
		t.Errorf("Next(%s) = %s, %t; want %s", second, got, ok, want)
	}
}

func TestWrongExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, zone, want string }{
		{"", "", "empty"},
		{"   ", "", "empty"},
		{"* * * *", "", "5 to 6 fields"},
		{"* * * * * * *", "", "5 to 6 fields"},
		{"60 * * * *", "", "60"},
		{"* 24 * * *", "", "24"},
		{"* * 0 * *", "", "0"},
		{"*/0 * * * *", "", "positive"},
		{"* * * 13 *", "", "13"},
		{"* * * * FRIDAY", "", "FRIDAY"},
		{"* * * * 5#6", "", "6"},
		{", * * * *", "", "never due"},
		{"0 0 31 2 *", "", "never due"},
		{"0 0 31 4,6,9,11 *", "", "never due"},
		{"@reboot", "", "@reboot"},
		{"@every", "", "no time"},
		{"@every 0s", "", "shorter than a second"},
		{"@every -5m", "", "shorter than a second"},
		{"@every 1500ms", "", "whole seconds"},
		{"@every 999999h", "", "ten years"},
		{"rate(0 minutes)", "", "number from 1"},
		{"rate(5 weeks)", "", "weeks"},
		{"rate(5)", "", "a number and a unit"},
		{"rate(2000000000 days)", "", "ten years"},
		{"cron(0 9 * * *)", "", "six fields"},
		{"cron(0 9 * * * *)", "", "must be ?"},
		{"cron(0 9 ? * ? *)", "", "must be ?"},
		{"cron(0 9 ? * 0 *)", "", "weekday 0"},
		{"cron(0 9 ? * 8 *)", "", "weekday 8"},
		{"cron(0 9 1 * ? 1969)", "", "1970-2199"},
		{"cron(0 9 1 * ? 1-2147483647)", "", "1970-2199"},
		{"cron(0 9 31 2 ? 2026)", "", "never due"},
		{"at(2026-12-24)", "", "local time"},
		{"at(2026-13-24T00:00:00)", "", "local time"},
		{"at(2026-12-24T18:00:00Z)", "", "local time"},
		{"TZ=Asia/Tokyo 0 9 * * *", "", "zone"},
		{"H * * * *", "", "hash"},
		{"0 0 " + strings.Repeat("L,", 20) + "L * *", "", "16 are allowed"},
		{strings.Repeat("1,", 500) + "1 * * * *", "", "at most 256"},
		{"* * * * *", "Mars/Olympus", "unknown"},
		{"* * * * *", "Local", "unknown"},
		{"* * * * *", "../../etc/passwd", "unknown"},
		{"* * * * *", strings.Repeat("A", 1000), "unknown"},
	} {
		_, err := cron.Parse(c.expression, c.zone)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q, %q): %v; want it refused with %q", c.expression, c.zone, err, c.want)
		}
	}
}

func TestIntervalsCountFromTheirAnchor(t *testing.T) {
	t.Parallel()
	anchor := time.Date(2026, 1, 1, 0, 0, 7, 500, time.UTC)
	s := parse(t, "@every 1m", "").From(anchor)
	for _, c := range []struct{ after, want time.Duration }{
		{-time.Hour, time.Minute}, {0, time.Minute}, {time.Second, time.Minute},
		{time.Minute, 2 * time.Minute}, {90 * time.Second, 2 * time.Minute},
		{1000*time.Hour + 1, 1000*time.Hour + time.Minute},
	} {
		if got, ok := s.Next(anchor.Add(c.after)); !ok || !got.Equal(anchor.Add(c.want)) {
			t.Errorf("Next(anchor%+v) = anchor%+v, want anchor%+v", c.after, got.Sub(anchor), c.want)
		}
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		expression string
		span       time.Duration
		count      int
		more       bool
		newest     []string
	}{
		{"0 * * * *", 24 * time.Hour, 24, false, []string{"01-01 22:00:00", "01-01 23:00:00", "01-02 00:00:00"}},
		{"@daily", 12 * time.Hour, 0, false, nil},
		{"* * * * * *", 30 * 24 * time.Hour, 10_000, true,
			[]string{"01-30 23:59:58", "01-30 23:59:59", "01-31 00:00:00"}},
		{"@every 1s", 30 * 24 * time.Hour, 10_000, true,
			[]string{"01-30 23:59:58", "01-30 23:59:59", "01-31 00:00:00"}},
		// A burst far from the end: the tail that holds it is found, not walked.
		{"* * * 1 1 *", 300 * 24 * time.Hour, 10_000, true,
			[]string{"01-01 23:59:57", "01-01 23:59:58", "01-01 23:59:59"}},
	} {
		got := parse(t, c.expression, "").From(start).Between(start, start.Add(c.span), 3)
		var newest []string
		for _, at := range got.Newest {
			newest = append(newest, at.Format("01-02 15:04:05"))
		}
		if d := cmp.Diff(c.newest, newest); d != "" || got.Count != c.count || got.More != c.more {
			t.Errorf("Between of %s over %s = %d, more %t; want %d, %t; newest (-want +got):\n%s",
				c.expression, c.span, got.Count, got.More, c.count, c.more, d)
		}
	}
}

func ExampleSchedule_Next() {
	s, err := cron.Parse("0 9 * * MON-FRI", "Asia/Kolkata")
	if err != nil {
		fmt.Println(err)
		return
	}
	next, _ := s.Next(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)) // a Friday
	fmt.Println(next)
	// Output: 2026-01-05 03:30:00 +0000 UTC
}

func BenchmarkNext(b *testing.B) {
	for name, expression := range map[string]string{"minutely": "* * * * *", "weekdays": "0 9 * * MON-FRI",
		"leap": "0 0 29 2 *"} {
		b.Run(name, func(b *testing.B) {
			s := parse(b, expression, "America/New_York")
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				s.Next(at)
			}
		})
	}
}
