// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/dayfly-faas/dayfly"
)

const (
	// markersMax bounds how many deletions are remembered for watchers that were away.
	markersMax = 100_000
	// markerAge is how long a deletion is remembered: a function that watches and is
	// restarted is back long before.
	markerAge = time.Hour
	// degree of the trees of keys: a node of 32 entries stays within a few cache lines'
	// reach and halves what the default takes per key when a bucket is small.
	degree = 32
)

// entry is what the index knows of a value.
type entry struct {
	version uint64
	expires int64 // Unix milliseconds; 0: never
	bytes   int32
}

func (e entry) expired(now time.Time) bool {
	return e.expires != 0 && e.expires <= now.UnixMilli()
}

// place names a bucket of a project.
type place struct {
	project dayfly.ProjectName
	bucket  dayfly.BucketName
}

// shelf is the index of one bucket.
type shelf struct {
	keys  btree.Map[string, entry]
	bytes int64
}

// deadline is when a value expires.
type deadline struct {
	at      int64 // Unix milliseconds
	version uint64
	ref     Ref
}

// marker is a deletion that is still recorded.
type marker struct {
	subject string
	version uint64
	at      time.Time
}

// index knows the keys of all buckets, when they expire and which were deleted.
type index struct {
	mu        sync.RWMutex // guards all below
	shelves   map[place]*shelf
	count     int
	bytes     int64
	deadlines *btree.BTreeG[deadline]
	gone      map[string]uint64 // subject → version of its deletion
	markers   []marker          // oldest first; those that gone does not know are over
	floor     uint64            // deletions up to this version may be forgotten
}

func newIndex() *index {
	return &index{shelves: map[place]*shelf{}, gone: map[string]uint64{},
		deadlines: btree.NewBTreeGOptions(func(a, b deadline) bool {
			return a.at < b.at || a.at == b.at && a.version < b.version
		}, btree.Options{NoLocks: true})}
}

// cost is what a value takes on disk.
func cost(ref Ref, bytes int) int64 { return int64(len(ref.Key)+bytes) + recordBytes }

// find gives what is known of a value, and the version of the last record of its
// subject: that of the value, or of its deletion, or 0.
func (x *index) find(ref Ref, subject string) (entry, bool, uint64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if s := x.shelves[place{ref.Project, ref.Bucket}]; s != nil {
		if e, ok := s.keys.Get(ref.Key); ok {
			return e, true, e.version
		}
	}
	return entry{}, false, x.gone[subject]
}

// room tells what there would be with the value: keys and bytes of all buckets.
func (x *index) room(ref Ref, bytes int) (int, int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if s := x.shelves[place{ref.Project, ref.Bucket}]; s != nil {
		if e, ok := s.keys.Get(ref.Key); ok {
			return x.count, x.bytes + int64(bytes) - int64(e.bytes)
		}
	}
	return x.count + 1, x.bytes + cost(ref, bytes)
}

// put notes a value, in place of what was there. It tells whether the value expires
// before all others.
func (x *index) put(ref Ref, subject string, e entry) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(ref)
	delete(x.gone, subject)
	at := place{ref.Project, ref.Bucket}
	s := x.shelves[at]
	if s == nil {
		s = &shelf{keys: *btree.NewMap[string, entry](degree)}
		x.shelves[at] = s
	}
	s.keys.Set(ref.Key, e)
	size := cost(ref, int(e.bytes))
	s.bytes, x.bytes, x.count = s.bytes+size, x.bytes+size, x.count+1
	if e.expires == 0 {
		return false
	}
	x.deadlines.Set(deadline{at: e.expires, version: e.version, ref: ref})
	first, _ := x.deadlines.Min()
	return first.version == e.version
}

// remove notes that a value was deleted by the record of that version.
func (x *index) remove(ref Ref, subject string, version uint64, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(ref)
	x.gone[subject] = version
	x.markers = append(x.markers, marker{subject, version, at})
}

// forget notes that nothing at all is recorded of a value.
func (x *index) forget(ref Ref, subject string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(ref)
	delete(x.gone, subject)
}

// drop takes out a value; mu is held.
func (x *index) drop(ref Ref) {
	at := place{ref.Project, ref.Bucket}
	s := x.shelves[at]
	if s == nil {
		return
	}
	e, ok := s.keys.Delete(ref.Key)
	if !ok {
		return
	}
	size := cost(ref, int(e.bytes))
	s.bytes, x.bytes, x.count = s.bytes-size, x.bytes-size, x.count-1
	if e.expires != 0 {
		x.deadlines.Delete(deadline{at: e.expires, version: e.version})
	}
	if s.keys.Len() == 0 {
		delete(x.shelves, at)
	}
}

// due gives up to limit values that have expired, the longest ago first.
func (x *index) due(now time.Time, limit int) []deadline {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var list []deadline
	x.deadlines.Scan(func(d deadline) bool {
		if d.at > now.UnixMilli() || len(list) == limit {
			return false
		}
		list = append(list, d)
		return true
	})
	return list
}

// next is when the next value expires.
func (x *index) next() (time.Time, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	d, ok := x.deadlines.Min()
	return instant(d.at), ok
}

// stale gives a deletion that need not be remembered any longer, while there is one;
// watchers that come from before it must begin anew.
func (x *index) stale(now time.Time) (marker, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.markers) > 0 {
		m := x.markers[0]
		current := x.gone[m.subject] == m.version
		if current && len(x.markers) <= markersMax && now.Sub(m.at) < markerAge {
			return marker{}, false
		}
		x.markers = x.markers[1:]
		if current {
			x.floor = max(x.floor, m.version)
			return m, true
		}
	}
	x.markers = nil // frees what was cut off
	return marker{}, false
}

// unmark notes that the record of a deletion is gone.
func (x *index) unmark(m marker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone[m.subject] == m.version {
		delete(x.gone, m.subject)
	}
}

// settleFloor ends loading: what is not recorded cannot be told to watchers.
func (x *index) settleFloor(last uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.floor = last
	if len(x.markers) > 0 {
		x.floor = x.markers[0].version - 1
	}
}

// watchable tells whether every deletion after a version is still recorded.
func (x *index) watchable(after uint64) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return after >= x.floor
}

// listed is a key with its entry.
type listed struct {
	key string
	entry
}

// list gives up to limit keys after one, with a prefix, in the order of their bytes.
func (x *index) list(at place, q Query, now time.Time) []listed {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.shelves[at]
	if s == nil {
		return nil
	}
	var list []listed
	s.keys.Ascend(max(q.Prefix, q.After), func(key string, e entry) bool {
		if !strings.HasPrefix(key, q.Prefix) {
			return false // past the last one
		}
		if key == q.After || e.expired(now) {
			return true
		}
		list = append(list, listed{key, e})
		return len(list) < q.Limit
	})
	return list
}

// keysOf gives up to limit keys of a bucket, expired ones too.
func (x *index) keysOf(at place, limit int) []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.shelves[at]
	if s == nil {
		return nil
	}
	var list []string
	s.keys.Scan(func(key string, _ entry) bool {
		list = append(list, key)
		return len(list) < limit
	})
	return list
}

func (x *index) totals() (int, int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.count, x.bytes
}

// buckets gives those of a project, in no order.
func (x *index) buckets(p dayfly.ProjectName) []Bucket {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := []Bucket{}
	for at, s := range x.shelves {
		if at.project == p {
			list = append(list, Bucket{Name: at.bucket, Keys: s.keys.Len(), Bytes: s.bytes})
		}
	}
	return list
}
