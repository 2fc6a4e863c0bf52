// SPDX-License-Identifier: Apache-2.0

package due

import (
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Headers that say when an event is due: HeaderDelay is a span ("10m") or a number of
// seconds, HeaderAt a time of RFC 3339.
const (
	HeaderDelay = "X-Dayfly-Delay"
	HeaderAt    = "X-Dayfly-At"
)

// Read reads what they say: after a span or at a time. Zero is now.
func Read(delay, at string, now time.Time) (time.Time, error) {
	invalid := func(format string, args ...any) (time.Time, error) {
		return time.Time{}, dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	switch {
	case delay != "" && at != "":
		return invalid("%s and %s are both set: use one", HeaderDelay, HeaderAt)
	case at != "":
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return invalid("%s is %.40q, want a time such as 2026-01-31T09:00:00Z", HeaderAt, at)
		}
		return t, nil
	case delay == "":
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseUint(delay, 10, 31); err == nil {
		return now.Add(time.Duration(seconds) * time.Second), nil
	}
	d, err := quantity.ParseDuration(delay)
	if err != nil || d < 0 {
		return invalid("%s is %.40q, want a time such as 10m, or seconds", HeaderDelay, delay)
	}
	return now.Add(d), nil
}
