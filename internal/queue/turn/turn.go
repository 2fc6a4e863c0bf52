// SPDX-License-Identifier: Apache-2.0

package turn

// Item is what takes turns.
type Item interface {
	TurnKey() string
	TurnBytes() int
}

// Turns knows which keys are in use and what waits for them.
type Turns[T Item] struct {
	busy  map[string][]T // what waits for each key that is in use
	free  []T            // what waited, and may be looked at again, in order
	keys  map[string]int // how many of free have that key
	count int            // in busy and free
	bytes int
}

// New gives turns of which nobody has one.
func New[T Item]() Turns[T] {
	return Turns[T]{busy: map[string][]T{}, keys: map[string]int{}}
}

// Waiting tells how many items wait, and their bytes.
func (t *Turns[T]) Waiting() (count, bytes int) { return t.count, t.bytes }

// Arrive is Admit for an item that was read just now: it stays behind those of its key
// that wait already.
func (t *Turns[T]) Arrive(it T, mine map[string]bool) bool {
	key := it.TurnKey()
	if t.keys[key] > 0 {
		t.free = append(t.free, it)
		t.keys[key]++
		t.add(it, 1)
		return false
	}
	return t.Admit(it, mine)
}

// Admit tells whether it is an item's turn, for whoever has the keys in mine; its key is
// then in use, and otherwise it waits for it.
func (t *Turns[T]) Admit(it T, mine map[string]bool) bool {
	key := it.TurnKey()
	if mine[key] {
		return true
	}
	if waiting, busy := t.busy[key]; busy {
		t.busy[key] = append(waiting, it)
		t.add(it, 1)
		return false
	}
	t.busy[key] = nil
	mine[key] = true
	return true
}

// Release frees keys; what waited for them comes before all that is read from now on.
func (t *Turns[T]) Release(keys map[string]bool) {
	for key := range keys {
		if waiting := t.busy[key]; len(waiting) > 0 {
			t.free = append(t.free, waiting...)
			t.keys[key] += len(waiting)
		}
		delete(t.busy, key)
	}
}

// Next gives what waited for a key that became free; false when nothing did.
func (t *Turns[T]) Next() (T, bool) {
	var none T
	if len(t.free) == 0 {
		return none, false
	}
	it := t.free[0]
	t.free[0] = none
	t.free = t.free[1:]
	key := it.TurnKey()
	if t.keys[key]--; t.keys[key] == 0 {
		delete(t.keys, key)
	}
	t.add(it, -1)
	return it, true
}

func (t *Turns[T]) add(it T, n int) {
	t.count += n
	t.bytes += n * it.TurnBytes()
}
