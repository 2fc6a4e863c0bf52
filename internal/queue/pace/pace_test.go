// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/pace"
)

// drive lets executions end for some seconds at the pace that rate gives for a room, and
// gives the room at the end.
func drive(w *pace.Window, now time.Time, most int, rate func(room int) float64) (int, time.Time) {
	for end := now.Add(4 * time.Second); now.Before(end); {
		w.Full = true
		now = now.Add(time.Duration(float64(time.Second) / rate(w.Limit)))
		w.Ended(now, most)
	}
	return w.Limit, now
}

func TestRoomGrowsWhileItHelps(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	w := pace.NewWindow(now)
	// A function that waits for somebody else: twice the room, twice the pace.
	room, now := drive(&w, now, 200, func(room int) float64 { return 20 * float64(room) })
	if room != 200 {
		t.Errorf("room of a function that waits = %d, want all of 200", room)
	}
	w.Refused(now)
	if w.Limit != 100 {
		t.Errorf("room after there was no capacity = %d, want half", w.Limit)
	}
	busy := pace.NewWindow(now)
	// One that computes: more room changes nothing.
	room, now = drive(&busy, now, 200, func(int) float64 { return 500 })
	if room > 2*pace.Start {
		t.Errorf("room of a function that computes = %d, want about %d", room, pace.Start)
	}
	if room, _ := drive(&busy, now, 1, func(int) float64 { return 500 }); room != 1 {
		t.Errorf("room = %d, want at most 1", room)
	}
}

func TestBackoffIsBoundedAndJittered(t *testing.T) {
	t.Parallel()
	r := dayfly.Retry{BackoffMin: time.Second, BackoffMax: 10 * time.Second}
	for tries, ceiling := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 50: 10 * time.Second} {
		var longest time.Duration
		shortest := time.Hour
		for range 2000 {
			d := pace.Backoff(&r, tries, 0)
			longest, shortest = max(longest, d), min(shortest, d)
		}
		if longest > ceiling+1 || longest < ceiling*9/10 || shortest > ceiling/10 {
			t.Errorf("waits before attempt %d are %s to %s, want 0 to %s", tries+1, shortest, longest, ceiling)
		}
	}
	if d := pace.Backoff(&r, 1, time.Minute); d != time.Minute {
		t.Errorf("wait where the function asked for a minute = %s", d)
	}
	if d := pace.Backoff(&r, 1, 1000*time.Hour); d > 12*time.Hour {
		t.Errorf("wait where the function asked for weeks = %s", d)
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "x": 0,
		"99999999999999999": 12 * time.Hour, "Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0} {
		if got := pace.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("RetryAfter(%q) = %s, want %s", text, got, want)
		}
	}
}
