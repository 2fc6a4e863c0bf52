// SPDX-License-Identifier: Apache-2.0

package queue

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
	// capacityMin and capacityMax bound the wait after there was no capacity: the
	// first is short because an instance may be free at once.
	capacityMin = 20 * time.Millisecond
	capacityMax = 5 * time.Second
	// platformMin and platformMax bound the wait after a fault of the platform.
	platformMin = 200 * time.Millisecond
	platformMax = time.Minute
)

// verdict is what an attempt means for its event.
type verdict int

// The verdicts.
const (
	verdictDone     verdict = iota // it succeeded
	verdictRetry                   // the function failed, another attempt may help
	verdictFatal                   // it failed, and would again
	verdictCapacity                // there was no room for it: not an attempt
	verdictPlatform                // the platform failed: not an attempt
	verdictRemoved                 // there is no such function
	verdictStopped                 // it was cut off: by a cancellation or the end of the node
)

// judge tells what an answer means.
func judge(a *answer) verdict {
	switch {
	case a.failure != nil:
		return verdictRetry
	case a.err != nil:
		return judgeError(a.err)
	}
	return judgeStatus(a.status)
}

func judgeError(err error) verdict {
	switch dayfly.KindOf(err) {
	case dayfly.KindExhausted:
		return verdictCapacity
	case dayfly.KindNotFound:
		return verdictRemoved
	case dayfly.KindCanceled:
		return verdictStopped
	case dayfly.KindInvalid, dayfly.KindDenied, dayfly.KindUnauthenticated:
		return verdictFatal
	}
	return verdictPlatform
}

func judgeStatus(status int) verdict {
	switch {
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusTooManyRequests:
		return verdictRetry
	case status >= 400:
		return verdictFatal
	}
	return verdictDone
}

// backoff gives the wait before the attempt that follows so many: exponential, with full
// jitter, and at least what the function asked for.
func backoff(r *dayfly.Retry, tries int, asked time.Duration) time.Duration {
	return max(jittered(r.BackoffMin, r.BackoffMax, tries), min(asked, retryAfterMax))
}

// jittered draws from 0 to least, doubled with each try after the first, up to most.
func jittered(least, most time.Duration, tries int) time.Duration {
	ceiling := least
	for i := 1; i < tries && ceiling < most; i++ {
		ceiling *= 2
	}
	return rand.N(max(1, min(ceiling, most))) + 1
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
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

// complete gives a retry policy with what it does not say filled in.
func complete(r dayfly.Retry) dayfly.Retry {
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

// postRetry is how deliveries to destinations and callbacks are tried.
func postRetry() dayfly.Retry {
	return dayfly.Retry{Attempts: 8, Age: 6 * time.Hour, BackoffMin: time.Second, BackoffMax: 10 * time.Minute}
}
