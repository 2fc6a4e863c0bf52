// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// take takes one request from a limit, if it is there; otherwise wait is how long to wait
// for it.
func (l *Limiter) take(now time.Time, b *bound, key *id) (ok bool, at state, wait time.Duration) {
	if b.window {
		return l.takeCount(now, b, key)
	}
	return l.takeToken(l.at(now), b, key)
}

// takeToken is GCRA: the entry is the time at which the bucket is full again, and a token
// taken moves it by the time in which one comes.
func (l *Limiter) takeToken(now int64, b *bound, key *id) (bool, state, time.Duration) {
	s := l.buckets.part(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	full := now
	if e, known := s.entries[*key]; known {
		full = max(e.until, now)
	}
	next := full + b.step
	if next-now > b.capacity {
		return false, state{0, ceilSeconds(full - now)}, time.Duration(next - now - b.capacity)
	}
	s.put(*key, entry{until: next, room: b.capacity}, now, l.buckets.perShard)
	return true, state{(b.capacity - (next - now)) / b.step, ceilSeconds(next - now)}, 0
}

func (l *Limiter) takeCount(now time.Time, b *bound, key *id) (bool, state, time.Duration) {
	s := l.counts.part(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	nano := now.UnixNano()
	e, known := s.entries[*key]
	if !known || e.until <= nano {
		e = entry{until: windowEnd(now, b.per).UnixNano(), room: b.count}
	}
	wait := time.Duration(e.until - nano)
	if e.used+e.remote >= b.count {
		return false, state{0, ceilSeconds(int64(wait))}, wait
	}
	e.used++
	s.put(*key, e, nano, l.counts.perShard)
	s.dirty[*key] = struct{}{}
	return true, state{b.count - e.used - e.remote, ceilSeconds(int64(wait))}, 0
}

// giveBack undoes take: another limit of the route refused.
func (l *Limiter) giveBack(b *bound, key *id) {
	t := l.buckets
	if b.window {
		t = l.counts
	}
	s := t.part(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.entries[*key]
	switch {
	case !known: // it had to make room
	case b.window && e.used > 0:
		e.used--
		s.entries[*key] = e
		s.dirty[*key] = struct{}{}
	case !b.window:
		e.until -= b.step
		s.entries[*key] = e
	}
}

// windowEnd is the end of the window of UTC that now is in.
func windowEnd(now time.Time, per time.Duration) time.Time {
	now = now.UTC()
	if per == front.Month {
		return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return now.Truncate(per).Add(per) // since year 1, which begins at midnight
}
