// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"net/http"
	"slices"
	"time"
)

// find gives the entry for a request, and whether there are others for the key. The names
// that those vary by tell requests apart that are on their way at once.
func (c *Cache) find(key digest, r *http.Request) (found *entry, names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.resources[key]
	if at == nil {
		return nil, nil
	}
	for _, e := range at.variants {
		if slices.Equal(e.values, selected(e.vary, r.Header)) {
			c.used(e)
			return e, e.vary
		}
	}
	return nil, at.variants[0].vary
}

// used puts an entry in front of its list; c is locked.
func (c *Cache) used(e *entry) {
	own := c.shares.at(e.project)
	if e.isTrusted {
		own.trusted.MoveToFront(e.place)
		return
	}
	own.tried.Remove(e.place)
	e.place, e.isTrusted = own.trusted.PushFront(e), true
	own.kept += e.size
	for own.kept > c.bytesMax*trustedShare/100 && own.trusted.Len() > 1 {
		last := own.trusted.Remove(own.trusted.Back()).(*entry)
		last.place, last.isTrusted = own.tried.PushFront(last), false
		own.kept -= last.size
	}
}

// put keeps an entry, in place of the one for the same requests, unless it was purged since
// its fetch began. It tells whether it did.
func (c *Cache) put(e *entry, began uint64) bool {
	e.size = e.measure()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.purges.since(began, e) || e.size > c.bytesMax/2 {
		return false
	}
	at := c.resources[e.key]
	if at == nil {
		at = &resource{}
		c.resources[e.key] = at
	}
	for _, old := range slices.Clone(at.variants) {
		if slices.Equal(old.vary, e.vary) && slices.Equal(old.values, e.values) {
			c.remove(old)
		}
	}
	if len(at.variants) >= variantsMax {
		c.remove(at.variants[len(at.variants)-1])
	}
	at.variants = slices.Insert(at.variants, 0, e)
	c.resources[e.key] = at // it may have been empty for a moment
	own := c.shares.at(e.project)
	e.place = own.tried.PushFront(e)
	c.shares.add(own, e.size)
	c.bytes += e.size
	if c.addresses[e.address()] == nil {
		c.addresses[e.address()] = map[*entry]bool{}
	}
	c.addresses[e.address()][e] = true
	c.makeRoom(e)
	return e.place != nil
}

// makeRoom removes what was used least recently of the projects that have most, but not the
// entry that just came, unless it is the largest share by itself.
func (c *Cache) makeRoom(but *entry) {
	for c.bytes > c.bytesMax {
		last := c.shares.last(but)
		if last == nil {
			last = but
		}
		c.remove(last)
	}
}

// remove forgets an entry; c is locked.
func (c *Cache) remove(e *entry) {
	at := c.resources[e.key]
	if at == nil || e.place == nil {
		return
	}
	at.variants = slices.DeleteFunc(at.variants, func(o *entry) bool { return o == e })
	if len(at.variants) == 0 {
		delete(c.resources, e.key)
	}
	own := c.shares.at(e.project)
	if e.isTrusted {
		own.trusted.Remove(e.place)
		own.kept -= e.size
	} else {
		own.tried.Remove(e.place)
	}
	e.place = nil
	c.shares.add(own, -e.size)
	c.bytes -= e.size
	where := e.address()
	delete(c.addresses[where], e)
	if len(c.addresses[where]) == 0 {
		delete(c.addresses, where)
	}
}

func (e *entry) address() address { return address{e.project, e.host, e.path} }

// flight is a fetch that others wait for.
type flight struct {
	key     digest
	began   uint64 // the purge before it
	done    chan struct{}
	outcome outcome
}

// outcome is what became of a flight.
type outcome int

const (
	failed outcome = iota // another may try
	stored                // the answer is there
	passed                // the answer was for one only
)

// join gives the flight for a key and whether the caller is to fly it. It is nil where
// nobody need wait: the answers were not kept the last time.
func (c *Cache) join(key digest, now time.Time) (f *flight, leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until, known := c.passes[key]; known {
		if now.Before(until) {
			return nil, false
		}
		delete(c.passes, key)
	}
	if f := c.flights[key]; f != nil {
		return f, false
	}
	f = &flight{key: key, began: c.purges.last, done: make(chan struct{})}
	c.flights[key] = f
	return f, true
}

// land ends a flight, once.
func (c *Cache) land(f *flight, o outcome) {
	if f == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[f.key] != f {
		return
	}
	delete(c.flights, f.key)
	f.outcome = o
	close(f.done)
}

// pass ends a flight whose answer is not kept, and lets those that come soon not wait.
func (c *Cache) pass(f *flight, now time.Time) {
	if f == nil {
		return
	}
	c.land(f, passed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.passes) >= passesMax {
		clear(c.passes) // what was remembered costs others one wait
	}
	c.passes[f.key] = now.Add(passFor)
}

// epoch is the last purge.
func (c *Cache) epoch() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.purges.last
}
