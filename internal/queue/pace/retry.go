// SPDX-License-Identifier: Apache-2.0

package pace

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// retryAfterMax bounds how long a function may ask to be left alone.
	retryAfterMax = 12 * time.Hour
	// CapacityMin is the least wait after there was no capacity: short, because an
	// instance may be free at once.
	CapacityMin = 20 * time.Millisecond
	// CapacityMax is the most.
	CapacityMax = 5 * time.Second
	// PlatformMin is the least wait after a fault of the platform.
	PlatformMin = 200 * time.Millisecond
	// PlatformMax is the most.
	PlatformMax = time.Minute
)

// PostRetry is how deliveries to destinations and callbacks are tried.
func PostRetry() dayfly.Retry {
	return dayfly.Retry{Attempts: 8, Age: 6 * time.Hour, BackoffMin: time.Second, BackoffMax: 10 * time.Minute}
}

// Backoff gives the wait before the attempt that follows so many: exponential, with full
// jitter, and at least what the function asked for.
func Backoff(r *dayfly.Retry, tries int, asked time.Duration) time.Duration {
	return max(Jittered(r.BackoffMin, r.BackoffMax, tries), min(asked, retryAfterMax))
}

// Jittered draws from 0 to least, doubled with each try after the first, up to most.
func Jittered(least, most time.Duration, tries int) time.Duration {
	ceiling := least
	for i := 1; i < tries && ceiling < most; i++ {
		ceiling *= 2
	}
	return rand.N(max(1, min(ceiling, most))) + 1
}

// RetryAfter reads the header Retry-After: seconds or a date.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(seconds, int(retryAfterMax/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Complete gives a retry policy with what it does not say filled in.
func Complete(r dayfly.Retry) dayfly.Retry {
	d := dayfly.DefaultRetry()
	if r.Attempts <= 0 {
		r.Attempts = d.Attempts
	}
	if r.Age <= 0 {
		r.Age = d.Age
	}
	if r.BackoffMin <= 0 {
		r.BackoffMin = d.BackoffMin
	}
	if r.BackoffMax <= 0 {
		r.BackoffMax = max(d.BackoffMax, r.BackoffMin)
	}
	if r.KeyWindow <= 0 {
		r.KeyWindow = d.KeyWindow
	}
	return r
}
