// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"sync"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

const (
	// keptMax is how many areas wait for the next call: one for each call at once of a
	// usual function. An area more costs 10 µs and its page faults.
	keptMax = 8
	// clearMax is up to where overwriting used memory with zeros costs less than giving
	// it back to the kernel, whose pages then fault in again at 0.25 µs for each 4 KiB.
	clearMax = 1 << 20
	// areaMax bounds what is mapped for one memory: 4 GiB are all there can be.
	areaMax = 1 << 32
)

// arena gives instances their linear memory: one mapping each, as large as it may ever
// grow, of which the kernel provides what is touched. So growing neither copies nor
// moves, and what a call used is gone when it ends.
type arena struct {
	mu    sync.Mutex // guards the rest
	limit uint64     // bytes of one memory, and of each mapping that is kept
	kept  [][]byte   // mappings, all zeros
}

// area is the memory of one instance.
type area struct {
	arena *arena
	all   []byte // nil once it is free
	used  uint64 // the largest size it had
	max   uint64
}

func newArena(limit uint64) *arena { return &arena{limit: min(limit, areaMax)} }

// setLimit changes the bound of memories allocated from now on.
func (a *arena) setLimit(limit uint64) {
	a.mu.Lock()
	stale := a.kept
	a.limit, a.kept = min(limit, areaMax), nil
	a.mu.Unlock()
	for _, all := range stale {
		_ = unix.Munmap(all) // it is ours and whole
	}
}

// loan is what one instance has of an arena. An instance that fails while it is made
// frees nothing by itself.
type loan struct {
	arena *arena
	area  *area
}

// Allocate implements experimental.MemoryAllocator.
func (l *loan) Allocate(_, most uint64) experimental.LinearMemory {
	l.area = l.arena.allocate(most)
	return l.area
}

func (l *loan) end() {
	if l.area != nil {
		l.area.Free()
	}
}

func (a *arena) allocate(most uint64) *area {
	a.mu.Lock()
	limit := a.limit
	if n := len(a.kept); n > 0 {
		all := a.kept[n-1]
		a.kept = a.kept[:n-1]
		a.mu.Unlock()
		return &area{arena: a, all: all, max: min(most, limit)}
	}
	a.mu.Unlock()
	all, err := unix.Mmap(-1, 0, int(limit), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return &area{arena: a} // of no size: instantiation fails, and says of what
	}
	return &area{arena: a, all: all, max: min(most, limit)}
}

// Reallocate implements experimental.LinearMemory; nil refuses.
func (m *area) Reallocate(size uint64) []byte {
	if size > m.max {
		return nil
	}
	m.used = max(m.used, size)
	return m.all[:size:size]
}

// Free implements experimental.LinearMemory: the mapping becomes zeros, and waits.
func (m *area) Free() {
	all := m.all
	m.all, m.max = nil, 0 // a second Free must not give it to a second instance
	if all == nil {
		return
	}
	if m.used <= clearMax {
		clear(all[:m.used])
	} else if err := unix.Madvise(all[:m.used], unix.MADV_DONTNEED); err != nil {
		_ = unix.Munmap(all)
		return
	}
	a := m.arena
	a.mu.Lock()
	keep := len(a.kept) < keptMax && uint64(len(all)) == a.limit
	if keep {
		a.kept = append(a.kept, all)
	}
	a.mu.Unlock()
	if !keep {
		_ = unix.Munmap(all)
	}
}

func (a *arena) bound() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limit
}
