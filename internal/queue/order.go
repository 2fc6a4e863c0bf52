// SPDX-License-Identifier: Apache-2.0

package queue

// order keeps the events of one key one after the other. It is pure; its lane guards it.
type order struct {
	busy   map[string][]*item // what waits for each key that is in use
	free   []*item            // what waited, and may be looked at again, in order
	keys   map[string]int     // how many of free have that key
	parked int                // in busy and free
	bytes  int
}

func newOrder() order { return order{busy: map[string][]*item{}, keys: map[string]int{}} }

// arrive is admit for an event that was read just now: it stays behind those of its key
// that wait already.
func (o *order) arrive(it *item, mine map[string]bool) bool {
	if o.keys[it.OrderKey] > 0 {
		o.free = append(o.free, it)
		o.keys[it.OrderKey]++
		o.count(it, 1)
		return false
	}
	return o.admit(it, mine)
}

// admit tells whether an event may be executed now by whoever has the keys in mine; its
// key is then in use, and otherwise it waits for it.
func (o *order) admit(it *item, mine map[string]bool) bool {
	if mine[it.OrderKey] {
		return true
	}
	if waiting, busy := o.busy[it.OrderKey]; busy {
		o.busy[it.OrderKey] = append(waiting, it)
		o.count(it, 1)
		return false
	}
	o.busy[it.OrderKey] = nil
	mine[it.OrderKey] = true
	return true
}

// release frees keys; what waited for them comes before all that is read from now on.
func (o *order) release(keys map[string]bool) {
	for key := range keys {
		if waiting := o.busy[key]; len(waiting) > 0 {
			o.free = append(o.free, waiting...)
			o.keys[key] += len(waiting)
		}
		delete(o.busy, key)
	}
}

// next gives what waited for a key that became free, or nil.
func (o *order) next() *item {
	if len(o.free) == 0 {
		return nil
	}
	it := o.free[0]
	o.free[0] = nil
	o.free = o.free[1:]
	if o.keys[it.OrderKey]--; o.keys[it.OrderKey] == 0 {
		delete(o.keys, it.OrderKey)
	}
	o.count(it, -1)
	return it
}

func (o *order) count(it *item, n int) {
	o.parked += n
	o.bytes += n * len(it.Body)
}

// admit tells whether an event that waited may be executed now.
func (l *lane) admit(it *item, mine map[string]bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.admit(it, mine)
}

// arrive tells whether an event that was read just now may be executed now; if not, it
// waits for its key.
func (l *lane) arrive(p *policy, it *item, mine map[string]bool) bool {
	if !p.ordered || it.OrderKey == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.arrive(it, mine)
}

// free lets others have keys.
func (l *lane) free(keys map[string]bool) {
	l.mu.Lock()
	delete(keys, "")
	l.order.release(keys)
	l.mu.Unlock()
	l.nudge()
}

// unpark gives an event whose key became free.
func (l *lane) unpark() *item {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.next()
}

// crowded tells that so many events wait for their keys that no more are read.
func (l *lane) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.parked >= readAheadMany || l.order.bytes >= readAheadManyBytes
}
