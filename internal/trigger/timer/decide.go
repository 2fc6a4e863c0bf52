// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

const (
	// grace is how late a due time may fire and still be on time: a restart or a busy
	// moment is no downtime.
	grace = 10 * time.Second
	// catchUpMax is how many due times are caught up at most: the newest ones.
	catchUpMax = 100
	// windowDefault is how old a due time may be to be caught up, unless the cron says.
	windowDefault = 24 * time.Hour
	// jitterMax bounds jitter: more would be another day.
	jitterMax = 24 * time.Hour
)

// step is what is to be done about a cron now. Exactly one of wait, missed and fire is
// set, or none: then nothing will ever be due.
type step struct {
	wait   time.Time // nothing, until then
	missed *cron.Run // write that down; more may follow
	fire   *claim    // push the event of a due time; more may follow
	next   time.Time // the due time after missed or fire; zero: there is none
}

// decide tells what is to be done about the first due time that is not decided. It is
// pure: l is not changed.
func decide(now time.Time, i id, l *ledger, s cron.Schedule, c *dayfly.CronTrigger) step {
	if l.Due.IsZero() {
		return step{}
	}
	jitter := min(max(c.Jitter, 0), jitterMax)
	if at := l.Due.Add(delay(i, l.Due, jitter)); at.After(now) {
		return step{wait: at}
	}
	late := now.Add(-grace - jitter) // what was due by then is late
	if l.Due.After(late) {
		return fire(now, i, s, claim{Due: l.Due, Outcome: cron.Ran})
	}
	return catchUp(now, late, i, l, s, c)
}

// catchUp decides about due times that passed while nothing fired.
func catchUp(now, late time.Time, i id, l *ledger, s cron.Schedule, c *dayfly.CronTrigger) step {
	window := windowOf(c)
	span := s.Between(l.Due.Add(-time.Nanosecond), late, catchUpMax)
	kept := span.Newest
	why := "no node ran, and the cron does not catch up"
	switch c.CatchUp {
	case dayfly.CatchUpNone:
		kept = nil
	case dayfly.CatchUpAll:
		why = fmt.Sprintf("no node ran, and only the newest %d are caught up", catchUpMax)
	default:
		kept = kept[max(0, len(kept)-1):]
		why = "no node ran, and only the latest is caught up"
	}
	for len(kept) > 0 && kept[0].Before(now.Add(-window)) {
		kept = kept[1:]
		why = "no node ran, and it is older than the catch-up window of " + window.String()
	}
	if len(kept) > 0 && !kept[0].After(l.Due) {
		return fire(now, i, s, claim{Due: l.Due, Outcome: cron.Late,
			Why: "no node ran at its time; it is caught up"})
	}
	run := &cron.Run{Due: l.Due, At: now, Outcome: cron.Missed, Why: why}
	next, _ := s.Next(late)
	count := span.Count
	if len(kept) > 0 {
		next, count = kept[0], count-len(kept)
		span.Last, _ = last(s, l.Due, kept[0])
	}
	if count > 1 {
		run.Until, run.Count, run.More = span.Last, count, span.More
	}
	return step{missed: run, next: next}
}

// windowOf is how old a due time of the cron may be to be caught up.
func windowOf(c *dayfly.CronTrigger) time.Duration {
	if c.CatchUpWindow <= 0 {
		return windowDefault
	}
	return c.CatchUpWindow
}

// last gives the latest due time before another.
func last(s cron.Schedule, from, before time.Time) (time.Time, bool) {
	span := s.Between(from.Add(-time.Nanosecond), before.Add(-time.Nanosecond), 1)
	return span.Last, span.Count > 0
}

func fire(now time.Time, i id, s cron.Schedule, c claim) step {
	c.At, c.Event = now, eventID(i, c.Due)
	next, _ := s.Next(c.Due)
	return step{fire: &c, next: next}
}

// delay is the jitter of one due time: the same on every node.
func delay(i id, due time.Time, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	sum := digest(i, due)
	return time.Duration(binary.BigEndian.Uint64(sum[24:]) % uint64(jitter))
}

// eventID is the identity of the event of a due time: a UUID of version 7 whose random
// bits are made of what it identifies.
func eventID(i id, due time.Time) dayfly.EventID {
	sum := digest(i, due)
	var b [16]byte
	copy(b[:], sum[:])
	millis := uint64(due.UnixMilli())
	for n := range 6 {
		b[n] = byte(millis >> (40 - 8*n))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	text := hex.EncodeToString(b[:])
	return dayfly.EventID(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:])
}

func digest(i id, due time.Time) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s@%d", i.function.Project, i.function.Name, i.trigger,
		due.UnixNano()))
}
