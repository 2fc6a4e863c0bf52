// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"cmp"
	"slices"
	"sync"
)

// debtsMax bounds the events that are owed: past it changes that would add one are
// refused. Each takes about 200 bytes, since the value stays in the stream.
const debtsMax = 100_000

// debt is a change that was recorded and whose event was not told yet.
type debt struct {
	ref     Ref
	subject string
	version uint64
}

// debts knows which events are owed, and up to which version none is.
type debts struct {
	mu     sync.Mutex // guards all below
	owed   map[string]debt
	begun  map[uint64]uint64 // token → newest version when a change began
	token  uint64
	newest uint64 // of any record
	told   uint64 // newest version whose event was told
	stored uint64 // the floor on disk
}

func newDebts() *debts {
	return &debts{owed: map[string]debt{}, begun: map[uint64]uint64{}}
}

// begin notes that a change which must be told is about to be recorded. Its version
// will be above what is the newest now.
func (d *debts) begin() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token++
	d.begun[d.token] = d.newest
	return d.token
}

// end takes back a begin; d.owe must have been called before where an event is owed.
func (d *debts) end(token uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.begun, token)
}

// saw notes that a record of that version exists.
func (d *debts) saw(version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newest = max(d.newest, version)
}

func (d *debts) last() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newest
}

func (d *debts) owe(o debt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owed[o.subject] = o
}

// paid notes that the event of a version was told.
func (d *debts) paid(subject string, version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = max(d.told, version)
	if d.owed[subject].version == version {
		delete(d.owed, subject)
	}
}

// of gives the event that is owed for a subject.
func (d *debts) of(subject string) (debt, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.owed[subject]
	return o, ok
}

func (d *debts) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.owed)
}

// list gives what is owed, oldest first.
func (d *debts) list() []debt {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]debt, 0, len(d.owed))
	for _, o := range d.owed {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b debt) int { return cmp.Compare(a.version, b.version) })
	return list
}

// floor gives the version up to which no event is owed, and whether that is worth
// recording: something was told that the floor on disk does not know of.
func (d *debts) floor() (uint64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	floor := d.newest
	for _, version := range d.begun {
		floor = min(floor, version)
	}
	for _, o := range d.owed {
		floor = min(floor, o.version-1)
	}
	return floor, d.told > d.stored && floor > d.stored
}

// store notes the floor on disk.
func (d *debts) store(floor uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stored = max(d.stored, floor)
}
