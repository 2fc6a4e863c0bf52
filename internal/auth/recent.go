// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// generationBytes is after how many bytes what is remembered becomes old; what is old is
// dropped when that happens again.
const generationBytes = 4 << 20

// digest names what is remembered: nothing of a credential is kept.
type digest [sha256.Size]byte

// recent remembers values for a time, and no more than two generations of them.
type recent[V any] struct {
	mu         sync.Mutex // guards all below
	young, old map[digest]remembered[V]
	bytes      int // of the young
}

type remembered[V any] struct {
	value V
	until time.Time
}

// get gives what is remembered at that time.
func (r *recent[V]) get(name digest, now time.Time) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.young[name]
	if !ok {
		m, ok = r.old[name]
	}
	if !ok || !now.Before(m.until) {
		var none V
		return none, false
	}
	return m.value, true
}

// put remembers a value of so many bytes.
func (r *recent[V]) put(name digest, value V, until time.Time, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || r.bytes+bytes > generationBytes {
		r.young, r.old, r.bytes = map[digest]remembered[V]{}, r.young, 0
	}
	r.young[name] = remembered[V]{value: value, until: until}
	r.bytes += bytes
}
