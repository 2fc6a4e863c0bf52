// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// What entries are taken to cost beside their text: their own fields, their place in a
// ring, and for a record its place in the index.
const (
	lineCost   = 192
	recordCost = 640
	phaseCost  = 32
)

// shelf holds the newest lines, records and events of one function.
type shelf struct {
	ref     dayfly.FunctionRef
	subject string  // of the stream
	totals  *totals // nil for the shelf of calls that reached no revision

	marks       []mark // of what is in the stream; guarded by Logs.flushMu
	markedBytes int64  // their sum; guarded by Logs.flushMu

	mu      sync.Mutex // guards all below
	lines   ring[dayfly.LogLine]
	records ring[*dayfly.Record]
	events  ring[*eventEntry]
	bytes   int64 // cost of all lines and records

	eventBytes int64 // cost of all events

	linesKept   uint64 // number of the first line that is not in the stream yet
	recordsKept uint64 // the same of records
	eventsKept  uint64 // and of events
	unkeptBytes int64  // cost of the lines from linesKept on
	dropped     int    // lines refused since the last flush
	lost        int    // records and events that left before they were in the stream
	dirty       bool   // it is in the list of shelves to flush
	dead        bool   // it was evicted; look it up again
	used        uint64 // the flush during which it was last written to
	linesLeft   time.Time
	recordsLeft time.Time // the latest time of what left the shelf
	eventsLeft  time.Time // the latest acceptance of what left it
}

func newShelf(ref dayfly.FunctionRef, subject string, t *totals) *shelf {
	// Numbers go on growing when the function gets a new shelf, also after a restart:
	// nobody appends a line each nanosecond.
	first := uint64(time.Now().UnixNano())
	return &shelf{
		ref: ref, subject: subject, totals: t,
		lines: numbered[dayfly.LogLine](first), linesKept: first,
	}
}

// unkept is how many lines are not in the stream yet.
func (s *shelf) unkept() int { return int(s.lines.next - s.linesKept) }

// unkeptRecords is how many records are not in the stream yet.
func (s *shelf) unkeptRecords() int { return int(s.records.next - s.recordsKept) }

// popLine takes the oldest line off and gives its cost.
func (s *shelf) popLine() int64 {
	number := s.lines.first
	line := s.lines.pop()
	cost := costOfLine(&line)
	s.bytes -= cost
	if line.Time.After(s.linesLeft) {
		s.linesLeft = line.Time
	}
	if number == s.linesKept {
		s.linesKept++
		s.unkeptBytes -= cost
		s.dropped++
	}
	return cost
}

// popRecord takes the oldest record off and gives it and its cost.
func (s *shelf) popRecord() (*dayfly.Record, int64) {
	number := s.records.first
	record := s.records.pop()
	cost := costOfRecord(record)
	s.bytes -= cost
	if record.Start.After(s.recordsLeft) {
		s.recordsLeft = record.Start
	}
	if number == s.recordsKept {
		s.recordsKept++
		s.lost++
	}
	return record, cost
}

// costOfLine counts the identity of the invocation once for each line, although lines
// of one invocation mostly share it.
func costOfLine(line *dayfly.LogLine) int64 {
	return lineCost + int64(len(line.Text)+len(line.Invocation))
}

func costOfRecord(r *dayfly.Record) int64 {
	cost := recordCost + phaseCost*int64(len(r.Phases)) +
		int64(len(r.ID)+len(r.Event)+len(r.Path)+len(r.Why)+len(r.Error))
	if f := r.Failure; f != nil {
		cost += int64(len(f.Type) + len(f.Message) + len(f.Payload))
		for _, line := range f.Stack {
			cost += 16 + int64(len(line))
		}
	}
	return cost
}
