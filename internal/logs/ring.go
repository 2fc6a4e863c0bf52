// SPDX-License-Identifier: Apache-2.0

package logs

// ringStart is the room of a ring that holds something: most functions are quiet.
const ringStart = 8

// ring is a queue whose entries have consecutive numbers. It grows as needed; its owner
// decides when the oldest entry has to go.
type ring[T any] struct {
	entries []T // its length is zero or a power of two
	first   uint64
	next    uint64
}

// numbered makes a ring whose first entry will have that number.
func numbered[T any](first uint64) ring[T] { return ring[T]{first: first, next: first} }

func (r *ring[T]) len() int { return int(r.next - r.first) }

// push adds v and gives its number.
func (r *ring[T]) push(v T) uint64 {
	if r.len() == len(r.entries) {
		r.grow()
	}
	*r.slot(r.next) = v
	r.next++
	return r.next - 1
}

// pop takes the oldest entry; there must be one.
func (r *ring[T]) pop() T {
	slot := r.slot(r.first)
	v := *slot
	clear(r.entries[r.first&r.mask() : r.first&r.mask()+1]) // let go of what it points to
	r.first++
	return v
}

// from gives a copy of the entries with that number and above, oldest first.
func (r *ring[T]) from(number uint64) []T {
	number = max(number, r.first)
	if number >= r.next {
		return nil
	}
	entries := make([]T, 0, r.next-number)
	for ; number < r.next; number++ {
		entries = append(entries, *r.slot(number))
	}
	return entries
}

func (r *ring[T]) slot(number uint64) *T { return &r.entries[number&r.mask()] }

func (r *ring[T]) mask() uint64 { return uint64(len(r.entries) - 1) }

func (r *ring[T]) grow() {
	old := r.from(r.first)
	r.entries = make([]T, max(ringStart, 2*len(r.entries)))
	for i, v := range old {
		*r.slot(r.first + uint64(i)) = v
	}
}
