// SPDX-License-Identifier: Apache-2.0

package cron

import "time"

const (
	// countMax bounds how many due times of a span are counted: past it "more" is
	// answer enough, and each costs half a microsecond.
	countMax = 10_000
	// secondsMax is the longest span that is looked through for its newest due times.
	secondsMax = 1 << 33 // 272 years
)

// Span is what was due in some time.
type Span struct {
	Count int  // of due times
	More  bool // there were more than Count: it was not counted further
	First time.Time
	Last  time.Time
	// Newest holds the latest of them, in order.
	Newest []time.Time
}

// Between tells what is due after one time and not after another: how often, and the
// newest times of them, as many as were asked for and at most a thousand.
func (s Schedule) Between(after, until time.Time, newest int) Span {
	var span Span
	for at := after; ; {
		next, ok := s.Next(at)
		if !ok || next.After(until) {
			break
		}
		if span.Count == countMax {
			span.More = true
			break
		}
		if span.Count == 0 {
			span.First = next
		}
		span.Count++
		span.Last, at = next, next
	}
	span.Newest = s.newest(after, until, min(newest, 1000))
	if n := len(span.Newest); n > 0 {
		span.Last = span.Newest[n-1]
	}
	return span
}

// newest finds the latest n due times of a span without going through all of it: it
// looks for a tail of the span that holds enough of them and not many more.
func (s Schedule) newest(after, until time.Time, n int) []time.Time {
	if n < 1 || !until.After(after) {
		return nil
	}
	whole := min(int64(until.Sub(after)/time.Second)+1, secondsMax)
	low, high := int64(0), int64(1)
	for high < whole {
		if found, _ := s.tail(after, until, high, n); len(found) == n {
			break
		}
		low, high = high, high*2
	}
	high = min(high, whole)
	for {
		found, all := s.tail(after, until, high, n)
		if all || high-low <= 1 {
			return found
		}
		// Too many: the tail is shortened, but never below what holds enough.
		middle := low + (high-low)/2
		if part, _ := s.tail(after, until, middle, n); len(part) == n {
			high = middle
		} else {
			low = middle
		}
	}
}

// tail gives the newest n due times of the last seconds of a span, and whether it could
// look at all of them.
func (s Schedule) tail(after, until time.Time, seconds int64, n int) ([]time.Time, bool) {
	from := until.Add(-time.Duration(min(seconds, int64(1<<63-1)/int64(time.Second))) * time.Second)
	if from.Before(after) {
		from = after
	}
	var ring []time.Time
	for range countMax {
		next, ok := s.Next(from)
		if !ok || next.After(until) {
			return ring, true
		}
		if ring = append(ring, next); len(ring) > n {
			ring = ring[1:]
		}
		from = next
	}
	return ring, false
}
