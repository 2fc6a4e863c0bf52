// SPDX-License-Identifier: Apache-2.0

package index

import "sync"

// Floor knows up to which sequence every change was told. The zero value is ready.
type Floor struct {
	mu   sync.Mutex // guards all below
	last uint64     // the greatest sequence written
	open map[*Ticket]struct{}
}

// Ticket is a change from before it is written until it is told: its sequence is greater
// than after.
type Ticket struct{ after uint64 }

// Begin gives the ticket of a change that is about to be written.
func (f *Floor) Begin() *Ticket {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.take(f.last)
}

// BeginAt gives the ticket of a change that is written already.
func (f *Floor) BeginAt(seq uint64) *Ticket {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.take(seq - 1)
}

func (f *Floor) take(after uint64) *Ticket {
	if f.open == nil {
		f.open = map[*Ticket]struct{}{}
	}
	t := &Ticket{after}
	f.open[t] = struct{}{}
	return t
}

// Wrote notes the sequence of a change.
func (f *Floor) Wrote(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = max(f.last, seq)
}

// End notes that a change is told, or was not written.
func (f *Floor) End(t *Ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, t)
}

// Value gives the sequence up to which everything was told.
func (f *Floor) Value() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	low := f.last
	for t := range f.open {
		low = min(low, t.after)
	}
	return low
}
