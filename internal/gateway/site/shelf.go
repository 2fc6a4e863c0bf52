// SPDX-License-Identifier: Apache-2.0

package site

import "sync/atomic"

// ownShelfBytes is the shelf of a site that shares none.
const ownShelfBytes = 32 << 20

// Shelf is what the sites of a node share: the memory for small files and compressed forms,
// and the one hand that compresses them.
type Shelf struct {
	left atomic.Int64
	hand chan struct{}
}

// NewShelf makes a shelf of so many bytes. What finds no room is served from disk, and not
// compressed.
func NewShelf(bytes int64) *Shelf {
	s := &Shelf{hand: make(chan struct{}, 1)}
	s.left.Store(bytes)
	return s
}

// take reserves bytes if there is room.
func (s *Shelf) take(bytes int64) bool {
	if s.left.Add(-bytes) >= 0 {
		return true
	}
	s.left.Add(bytes)
	return false
}

// Left tells how many bytes have room.
func (s *Shelf) Left() int64 { return s.left.Load() }

func (s *Shelf) give(bytes int64) { s.left.Add(bytes) }
