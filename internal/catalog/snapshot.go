// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"hash/maphash"
	"iter"
	"maps"
	"sync/atomic"

	"github.com/dayfly-faas/dayfly"
)

// shardCount is how many parts the snapshot has. A change copies one part: with 100,000
// functions that is a map of 400, some ten microseconds.
const shardCount = 256

// function is what the snapshot holds of one function; it is never changed.
type function struct {
	dayfly.Function
	revisions []*dayfly.Revision // those of Function.Revisions, in its order
	live      *dayfly.Revision   // nil when nothing is live
}

// revision gives the revision of that number, or nil.
func (f *function) revision(number int) *dayfly.Revision {
	for _, r := range f.revisions {
		if r.Number == number {
			return r
		}
	}
	return nil
}

type shard map[dayfly.FunctionRef]*function

// snapshot is all functions, read by anyone without a lock and changed by one writer.
type snapshot struct {
	seed   maphash.Seed
	shards [shardCount]atomic.Pointer[shard]
}

func newSnapshot() *snapshot {
	s := &snapshot{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].Store(&shard{})
	}
	return s
}

func (s *snapshot) shard(ref dayfly.FunctionRef) *atomic.Pointer[shard] {
	return &s.shards[maphash.Comparable(s.seed, ref)%shardCount]
}

// get gives the function, or nil.
func (s *snapshot) get(ref dayfly.FunctionRef) *function {
	return (*s.shard(ref).Load())[ref]
}

// put replaces the function, or takes it out when f is nil. One writer at a time.
func (s *snapshot) put(ref dayfly.FunctionRef, f *function) {
	at := s.shard(ref)
	next := maps.Clone(*at.Load())
	if f == nil {
		delete(next, ref)
	} else {
		next[ref] = f
	}
	at.Store(&next)
}

// fill puts a function into a snapshot that no one else sees yet.
func (s *snapshot) fill(ref dayfly.FunctionRef, f *function) {
	(*s.shard(ref).Load())[ref] = f
}

// all gives every function, in no order.
func (s *snapshot) all() iter.Seq[*function] {
	return func(yield func(*function) bool) {
		for i := range s.shards {
			for _, f := range *s.shards[i].Load() {
				if !yield(f) {
					return
				}
			}
		}
	}
}
