// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// recordsDefault is how many records a query gives that does not say.
	recordsDefault = 100
	// recordsMax bounds the records of one query: some megabytes.
	recordsMax = 10_000
)

// Outcome narrows records down by how the call ended.
type Outcome int

// The outcomes.
const (
	OutcomeAny    Outcome = iota
	OutcomeFailed         // calls with a fault, whosever it was
)

// RecordQuery says which records are wanted.
type RecordQuery struct {
	Function dayfly.FunctionRef // the zero value is all functions
	Since    time.Time          // of the start; the zero value is as old as there is
	Outcome  Outcome
	Event    dayfly.EventID // "" is any: those that executed it, alone or first of a batch
	Limit    int            // at most so many; default 100, at most 10,000
}

func (q *RecordQuery) wants(r *dayfly.Record) bool {
	return (q.Function == dayfly.FunctionRef{} || q.Function == r.Function) &&
		!r.Start.Before(q.Since) && (q.Event == "" || q.Event == r.Event) &&
		(q.Outcome == OutcomeAny || r.Fault != dayfly.FaultNone)
}

// Find gives the record of an invocation, or an error of kind not_found.
func (l *Logs) Find(ctx context.Context, id dayfly.InvocationID) (*dayfly.Record, error) {
	if r := l.recall(id); r != nil {
		return r, nil
	}
	h, err := l.history()
	if err != nil {
		return nil, err
	}
	defer h.close()
	r, err := h.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "invocation %s not found", id).
			WithHint("it may still be running, or be older than what is kept")
	}
	return r, nil
}

// Records gives the records that the query wants, newest first.
func (l *Logs) Records(ctx context.Context, q RecordQuery) ([]dayfly.Record, error) {
	if q.Function.Name != "" && q.Function.Project == "" {
		q.Function.Project = dayfly.DefaultProject
	}
	if q.Limit <= 0 {
		q.Limit = recordsDefault
	}
	q.Limit = min(q.Limit, recordsMax)
	began, ofEvent := beganMillis(string(q.Event))
	if at := time.UnixMilli(began); ofEvent && at.After(q.Since) {
		q.Since = at
	}
	found, left := l.rememberedRecords(q)
	if !q.Since.After(left) && !sureOf(found, q.Limit, left) {
		h, err := l.history()
		if err != nil {
			return nil, err
		}
		defer h.close()
		if found, err = h.records(ctx, q, found); err != nil {
			return nil, err
		}
	}
	newestFirst(found)
	found = found[:min(len(found), q.Limit)]
	records := make([]dayfly.Record, len(found))
	for i, r := range found {
		records[i] = *r
	}
	return records, nil
}

// rememberedRecords gives the records in memory, newest first, and the time up to which
// some are in the stream only.
func (l *Logs) rememberedRecords(q RecordQuery) ([]*dayfly.Record, time.Time) {
	left := time.Unix(0, l.evicted.Load())
	if l.started.After(left) {
		left = l.started
	}
	var found []*dayfly.Record
	for _, s := range l.holding(q.Function) {
		s.mu.Lock()
		records := s.records.from(0)
		if s.recordsLeft.After(left) {
			left = s.recordsLeft
		}
		s.mu.Unlock()
		for _, r := range records {
			if q.wants(r) {
				found = append(found, r)
			}
		}
	}
	newestFirst(found)
	return found, left
}

// sureOf reports whether the first so many records are all younger than what may be
// in the stream only.
func sureOf(newest []*dayfly.Record, limit int, left time.Time) bool {
	return len(newest) >= limit && newest[limit-1].Start.After(left)
}

// records adds to what memory has as many records from the stream as are wanted, the
// newest ones.
func (h *history) records(
	ctx context.Context, q RecordQuery, known []*dayfly.Record,
) ([]*dayfly.Record, error) {
	// Batches may repeat what memory has, so that many more have to be looked at.
	need := q.Limit + len(known)
	began, ofEvent := beganMillis(string(q.Event))
	relevant := func(p past) int {
		if ofEvent && !p.mayHaveEvent(began) {
			return 0
		}
		if q.Outcome == OutcomeFailed {
			return p.failed
		}
		return p.records
	}
	batches, err := h.scanBack(ctx, q.Function, q.Since, func(found []past) bool {
		total := 0
		for _, p := range found {
			if p.function == q.Function || q.Function == (dayfly.FunctionRef{}) {
				total += relevant(p)
			}
		}
		return total >= need && q.Event == ""
	})
	if err != nil {
		return nil, err
	}
	have := make(map[dayfly.InvocationID]bool, need)
	for _, r := range known {
		have[r.ID] = true
	}
	fresh := 0
	for _, p := range slices.Backward(batches) {
		if fresh >= q.Limit {
			break
		}
		if relevant(p) == 0 {
			continue
		}
		b, err := h.read(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, r := range b.records {
			if !have[r.ID] && q.wants(r) {
				have[r.ID] = true
				known = append(known, r)
				fresh++
			}
		}
	}
	return known, nil
}

func newestFirst(records []*dayfly.Record) {
	slices.SortStableFunc(records, func(a, b *dayfly.Record) int { return b.Start.Compare(a.Start) })
}
