// SPDX-License-Identifier: Apache-2.0

// Package cron tells when a cron is due: it reads expressions, and computes the next
// time of each in its time zone.
//
//	"0 9 * * MON-FRI"       five fields: minute hour day month weekday
//	"30 0 9 * * 1-5"        six: seconds first
//	"@hourly" "@every 90s"  names and intervals        ─▶ Parse ─▶ Schedule.Next(after)
//	"rate(5 minutes)" "cron(0 9 ? * 2-6 *)"            │
//	"at(2026-12-24T18:00:00)"  AWS's three forms       └▶ Between: what was due meanwhile
//
// It keeps no time, fires nothing and stores nothing: that is trigger/timer's.
//
// Fields take numbers, names (JAN, MON), lists, ranges, also across the end of a field
// (22-2), and steps. A day may be L (the month's last), L-3, 15W (the weekday nearest to
// the 15th) or LW; a weekday may be FRI#2 (the second) or FRI#L (the last). Where both day
// and weekday are restricted, a day that fits either is due, as in every crontab. There
// are no @reboot, no H of Jenkins, no seventh field and no TZ= prefix.
//
// Guarantees:
//   - Of an expression whose hour field is restricted, a local time that does not exist
//     in the zone, because clocks were put forward, is due once, at the moment after
//     the gap; one that exists twice is due the first time only. All others follow real
//     time: they skip the gap, and are due in each of two equal hours.
//   - An expression that can never be due is refused when it is parsed.
//   - Parse and Next are pure, bounded in time and memory whatever they are given, and
//     safe for use from any goroutine.
package cron
