// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// straySubject is where records of calls go that reached no revision. No project has this
// name: names start with a letter.
const straySubject = bus.SubjectLogs + "._._"

func subjectOf(ref dayfly.FunctionRef) string {
	return bus.SubjectLogs + "." + string(ref.Project) + "." + string(ref.Name)
}

// functionOf is the inverse of subjectOf; it gives the zero function for straySubject.
func functionOf(subject string) dayfly.FunctionRef {
	project, name, _ := strings.Cut(strings.TrimPrefix(subject, bus.SubjectLogs+"."), ".")
	if project == "_" {
		return dayfly.FunctionRef{}
	}
	return dayfly.FunctionRef{
		Project: dayfly.ProjectName(project), Name: dayfly.FunctionName(name),
	}
}

// shelf gives the function's shelf, making it when needed. A name that cannot be one of
// a function has no shelf of its own.
func (l *Logs) shelf(ref dayfly.FunctionRef) *shelf {
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	at := &l.shelves[maphash.Comparable(l.seed, ref)%shardCount]
	at.mu.RLock()
	s := at.shelves[ref]
	at.mu.RUnlock()
	if s != nil {
		return s
	}
	if ref.Validate() != nil {
		return l.strays
	}
	t := l.totalsOf(ref)
	at.mu.Lock()
	defer at.mu.Unlock()
	if s := at.shelves[ref]; s != nil {
		return s
	}
	if len(at.shelves) >= shelvesPerShardMax && !l.evict(at) {
		return l.strays
	}
	s = newShelf(ref, subjectOf(ref), t)
	at.shelves[ref] = s
	l.count.Add(1)
	return s
}

// evict takes the shelf away that was idle for longest, of a few that chance picks, and
// reports false when all of those have something to flush. The caller holds at.mu.
func (l *Logs) evict(at *shelfShard) bool {
	var idle *shelf
	var used uint64
	seen := 0
	for _, s := range at.shelves {
		s.mu.Lock()
		if !s.dirty && (idle == nil || s.used < used) {
			idle, used = s, s.used
		}
		s.mu.Unlock()
		if seen++; seen == evictSample {
			break
		}
	}
	if idle == nil {
		return false
	}
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if idle.dirty {
		return false
	}
	for idle.lines.len() > 0 {
		l.bytes.Add(-idle.popLine())
	}
	for idle.records.len() > 0 {
		l.dropRecord(idle)
	}
	for idle.events.len() > 0 {
		l.dropEvent(idle)
	}
	idle.dead = true
	delete(at.shelves, idle.ref)
	l.count.Add(-1)
	l.left(idle.linesLeft)
	l.left(idle.recordsLeft)
	l.left(idle.eventsLeft)
	return true
}

// left notes that something of that time is in the stream only.
func (l *Logs) left(at time.Time) {
	if at.IsZero() {
		return
	}
	for {
		old := l.evicted.Load()
		if at.UnixNano() <= old || l.evicted.CompareAndSwap(old, at.UnixNano()) {
			return
		}
	}
}

// holding gives the shelves that may hold something of the function, which are all of
// them for the zero function.
func (l *Logs) holding(ref dayfly.FunctionRef) []*shelf {
	if ref == (dayfly.FunctionRef{}) {
		return l.all()
	}
	at := &l.shelves[maphash.Comparable(l.seed, ref)%shardCount]
	at.mu.RLock()
	defer at.mu.RUnlock()
	if s := at.shelves[ref]; s != nil {
		return []*shelf{s, l.strays}
	}
	return []*shelf{l.strays}
}

// all gives every shelf.
func (l *Logs) all() []*shelf {
	shelves := []*shelf{l.strays}
	for i := range l.shelves {
		at := &l.shelves[i]
		at.mu.RLock()
		for _, s := range at.shelves {
			shelves = append(shelves, s)
		}
		at.mu.RUnlock()
	}
	return shelves
}

// trim cuts shelves down to an equal share when all together hold too much.
func (l *Logs) trim() {
	l.tick.Add(1)
	much, many := l.bytes.Load() > l.cfg.MemoryBytes, l.eventBytes.Load() > l.cfg.EventBytes
	if !much && !many {
		return
	}
	shelves := l.all()
	for _, s := range shelves {
		if much {
			l.trimTo(s, l.cfg.MemoryBytes/int64(len(shelves)))
		}
		if many {
			l.trimEventsTo(s, l.cfg.EventBytes/int64(len(shelves)))
		}
	}
}

func (l *Logs) trimTo(s *shelf, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.lines.len() > 0 && s.bytes > bytes {
		l.bytes.Add(-s.popLine())
	}
	for s.records.len() > 0 && s.bytes > bytes {
		l.dropRecord(s)
	}
}

func (l *Logs) trimEventsTo(s *shelf, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.events.len() > 0 && s.eventBytes > bytes {
		l.dropEvent(s)
	}
}

// dropRecord takes the shelf's oldest record off. The caller holds the shelf's mu.
func (l *Logs) dropRecord(s *shelf) {
	record, cost := s.popRecord()
	l.bytes.Add(-cost)
	at := l.indexOf(string(record.ID))
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.records[record.ID] == record {
		delete(at.records, record.ID)
	}
}

// remember makes the record known by its invocation.
func (l *Logs) remember(record *dayfly.Record) {
	at := l.indexOf(string(record.ID))
	at.mu.Lock()
	defer at.mu.Unlock()
	at.records[record.ID] = record
}

// recall gives the record of an invocation that is in memory, or nil.
func (l *Logs) recall(id dayfly.InvocationID) *dayfly.Record {
	at := l.indexOf(string(id))
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.records[id]
}

// indexOf picks the shard by the last digit, which is random.
func (l *Logs) indexOf(id string) *indexShard {
	if id == "" {
		return &l.index[0]
	}
	return &l.index[id[len(id)-1]%shardCount]
}
