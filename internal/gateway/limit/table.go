// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"encoding/binary"
	"sync"
)

const (
	// shards part a table by key, so that processors rarely wait for one another.
	shards = 64
	// candidates are looked at when one entry has to go: among 16, one of the half that is
	// missing least is found but once in 65,000 times.
	candidates = 16
)

// id is the digest of a limit and of who is counted; the same on every node.
type id [16]byte

// entry is the state of one id.
//
//	bucket: until is when it is full again, room how long an empty one takes to fill
//	count:  until is when the window ends, used how much of room is used, here and elsewhere
type entry struct {
	until, room  int64
	used, remote int64 // of a count: granted here and by others
}

// table maps ids to entries, a bounded number of them.
type table struct {
	perShard int
	parts    [shards]shard
}

type shard struct {
	mu      sync.Mutex // guards what follows
	entries map[id]entry
	dirty   map[id]struct{} // counts that are not written yet; nil for buckets
}

// newBuckets makes a table of at most max buckets.
func newBuckets(max int) *table {
	t := &table{perShard: max / shards}
	for i := range t.parts {
		t.parts[i].entries = map[id]entry{}
	}
	return t
}

// newCounts makes a table of at most max counts.
func newCounts(max int) *table {
	t := newBuckets(max)
	for i := range t.parts {
		t.parts[i].dirty = map[id]struct{}{}
	}
	return t
}

// part gives the shard of an id.
func (t *table) part(key *id) *shard { return &t.parts[binary.LittleEndian.Uint64(key[:])%shards] }

// put writes an entry; the shard is locked. Where there is no room, the entry of which the
// least is missing goes.
func (s *shard) put(key id, e entry, now int64, max int) {
	if _, known := s.entries[key]; !known && len(s.entries) >= max {
		s.evict(now)
	}
	s.entries[key] = e
}

func (s *shard) evict(now int64) {
	var victim id
	least, seen := 2.0, 0
	for key, e := range s.entries {
		missing := s.missing(&e, now)
		if missing < least {
			victim, least = key, missing
		}
		if seen++; seen == candidates || missing == 0 {
			break
		}
	}
	delete(s.entries, victim)
	delete(s.dirty, victim)
}

// missing tells how much of a bucket or a count is used up: 0 none, 1 all.
func (s *shard) missing(e *entry, now int64) float64 {
	switch {
	case e.until <= now:
		return 0
	case s.dirty != nil:
		return min(1, float64(e.used+e.remote)/float64(e.room))
	}
	return min(1, float64(e.until-now)/float64(e.room))
}

// sweep forgets what says nothing any more.
func (t *table) sweep(now int64) {
	for i := range t.parts {
		s := &t.parts[i]
		s.mu.Lock()
		for key, e := range s.entries {
			if e.until <= now {
				delete(s.entries, key)
				delete(s.dirty, key)
			}
		}
		s.mu.Unlock()
	}
}

// len counts the entries.
func (t *table) len() int {
	n := 0
	for i := range t.parts {
		t.parts[i].mu.Lock()
		n += len(t.parts[i].entries)
		t.parts[i].mu.Unlock()
	}
	return n
}
