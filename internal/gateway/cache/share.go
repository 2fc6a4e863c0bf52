// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"container/heap"
	"container/list"

	"github.com/dayfly-faas/dayfly"
)

// share is what a project has of the cache. Whoever has most gives way when it is full: of n
// projects that want more than there is, each has an nth, and one alone has all.
type share struct {
	project dayfly.ProjectName
	tried   list.List // entries that were used once, the newest in front
	trusted list.List // entries that were used again
	bytes   int64     // of all of them
	kept    int64     // of those of trusted
	index   int       // in shares
}

// shares are those of all projects, the largest first: a heap.
type shares struct {
	order []*share
	of    map[dayfly.ProjectName]*share
}

// Len implements heap.Interface.
func (s *shares) Len() int { return len(s.order) }

// Less implements heap.Interface.
func (s *shares) Less(i, j int) bool { return s.order[i].bytes > s.order[j].bytes }

// Swap implements heap.Interface.
func (s *shares) Swap(i, j int) {
	s.order[i], s.order[j] = s.order[j], s.order[i]
	s.order[i].index, s.order[j].index = i, j
}

// Push implements heap.Interface.
func (s *shares) Push(x any) {
	one := x.(*share)
	one.index = len(s.order)
	s.order = append(s.order, one)
}

// Pop implements heap.Interface.
func (s *shares) Pop() any {
	last := s.order[len(s.order)-1]
	s.order[len(s.order)-1] = nil
	s.order = s.order[:len(s.order)-1]
	return last
}

// at gives the share of a project, made when it is the first time.
func (s *shares) at(p dayfly.ProjectName) *share {
	one := s.of[p]
	if one == nil {
		one = &share{project: p}
		s.of[p] = one
		heap.Push(s, one)
	}
	return one
}

// add makes a share larger, or smaller; one that is empty goes.
func (s *shares) add(one *share, bytes int64) {
	if one.bytes += bytes; one.bytes > 0 {
		heap.Fix(s, one.index)
		return
	}
	heap.Remove(s, one.index)
	delete(s.of, one.project)
}

// last gives the entry of the largest share that was used least recently, those that were
// used once first, but not the one that just came.
func (s *shares) last(but *entry) *entry {
	if len(s.order) == 0 {
		return nil
	}
	one := s.order[0]
	for _, l := range []*list.List{&one.tried, &one.trusted} {
		for place := l.Back(); place != nil; place = place.Prev() {
			if e := place.Value.(*entry); e != but {
				return e
			}
		}
	}
	return nil
}
