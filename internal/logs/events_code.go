// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"encoding/binary"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// event writes a snapshot of an event.
func (e *encoder) event(v *dayfly.EventInfo) {
	e.head.events++
	e.head.sawEvent(v.ID)
	e.raw = append(e.raw, entryEvent)
	e.time(v.Accepted)
	e.text(string(v.ID))
	for _, s := range [...]string{
		string(v.Function.Project), string(v.Function.Name), string(v.Source), string(v.Trigger),
		v.Type, string(v.State), string(v.Reason), v.Delivered,
	} {
		e.symbol(s)
	}
	e.text(v.Subject)
	e.text(v.Key)
	e.raw = binary.AppendVarint(e.raw, v.Bytes)
	e.time(v.After)
	e.time(v.Ended)
	e.raw = binary.AppendUvarint(e.raw, uint64(len(v.Attempts)))
	for i := range v.Attempts {
		e.attempt(&v.Attempts[i])
	}
}

func (e *encoder) attempt(a *dayfly.Attempt) {
	e.raw = binary.AppendVarint(e.raw, int64(a.Number))
	e.text(string(a.Invocation))
	e.time(a.Start)
	e.raw = binary.AppendVarint(e.raw, int64(a.Duration))
	e.raw = binary.AppendVarint(e.raw, int64(a.Status))
	e.symbol(string(a.Fault))
	e.symbol(a.Error)
	fatal := byte(0)
	if a.Fatal {
		fatal = 1
	}
	e.raw = append(e.raw, fatal)
	e.time(a.Next)
}

// cause writes which event the record before it executed.
func (e *encoder) cause(r *dayfly.Record) {
	e.head.sawEvent(r.Event)
	e.raw = append(e.raw, entryCause)
	e.text(string(r.Event))
	e.symbol(string(r.Trigger))
	e.raw = binary.AppendVarint(e.raw, int64(r.Attempt))
	e.raw = binary.AppendVarint(e.raw, int64(r.Batch))
}

// caused reports whether a record has a cause to be written.
func caused(r *dayfly.Record) bool {
	return r.Event != "" || r.Trigger != "" || r.Attempt != 0 || r.Batch != 0
}

func (h *head) sawEvent(id dayfly.EventID) {
	began, ok := beganMillis(string(id))
	if !ok {
		return
	}
	if h.eventMax == 0 {
		h.eventMin, h.eventMax = began, began
	}
	h.eventMin, h.eventMax = min(h.eventMin, began), max(h.eventMax, began)
}

// mayHaveEvent reports whether the batch may speak of an event that was made then.
func (h head) mayHaveEvent(began int64) bool { return h.eventMin <= began && began <= h.eventMax }

func (r *reader) event() *dayfly.EventInfo {
	return &dayfly.EventInfo{
		Accepted:  r.time(),
		ID:        dayfly.EventID(r.text()),
		Function:  r.function(),
		Source:    dayfly.Source(r.symbol()),
		Trigger:   dayfly.TriggerName(r.symbol()),
		Type:      r.symbol(),
		State:     dayfly.EventState(r.symbol()),
		Reason:    dayfly.DeadReason(r.symbol()),
		Delivered: r.symbol(),
		Subject:   r.text(),
		Key:       r.text(),
		Bytes:     r.number(),
		After:     r.time(),
		Ended:     r.time(),
		Attempts:  r.attempts(),
	}
}

func (r *reader) attempts() []dayfly.Attempt {
	count := r.unsigned()
	if count > uint64(len(r.rest)) { // each takes nine bytes at least
		r.fail()
		return nil
	}
	var attempts []dayfly.Attempt
	for ; count > 0 && r.err == nil; count-- {
		attempts = append(attempts, dayfly.Attempt{
			Number:     int(r.number()),
			Invocation: dayfly.InvocationID(r.text()),
			Start:      r.time(),
			Duration:   time.Duration(r.number()),
			Status:     int(r.number()),
			Fault:      dayfly.Fault(r.symbol()),
			Error:      r.symbol(),
			Fatal:      r.flag(),
			Next:       r.time(),
		})
	}
	return attempts
}

// cause reads what belongs to the record before it; there must be one.
func (r *reader) cause(records []*dayfly.Record) {
	event, trigger := dayfly.EventID(r.text()), dayfly.TriggerName(r.symbol())
	attempt, batch := int(r.number()), int(r.number())
	if len(records) == 0 {
		r.fail()
		return
	}
	last := records[len(records)-1]
	last.Event, last.Trigger, last.Attempt, last.Batch = event, trigger, attempt, batch
}

// flag reads one byte as true or false.
func (r *reader) flag() bool {
	if len(r.rest) == 0 {
		r.fail()
		return false
	}
	return r.byte() != 0
}
