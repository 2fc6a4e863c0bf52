// SPDX-License-Identifier: Apache-2.0

package queue

import "github.com/dayfly-faas/dayfly/internal/queue/policy"

// TurnKey and TurnBytes let events of one key take turns.
func (it *item) TurnKey() string { return it.OrderKey }

// TurnBytes is what an event takes while it waits.
func (it *item) TurnBytes() int { return len(it.Body) }

// admit tells whether an event that waited may be executed now.
func (l *lane) admit(it *item, mine map[string]bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Admit(it, mine)
}

// arrive tells whether an event that was read just now may be executed now; if not, it
// waits for its key.
func (l *lane) arrive(p *policy.Policy, it *item, mine map[string]bool) bool {
	if !p.Ordered || it.OrderKey == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Arrive(it, mine)
}

// free lets others have keys.
func (l *lane) free(keys map[string]bool) {
	l.mu.Lock()
	delete(keys, "")
	l.order.Release(keys)
	l.mu.Unlock()
	l.nudge()
}

// unpark gives an event whose key became free.
func (l *lane) unpark() *item {
	l.mu.Lock()
	defer l.mu.Unlock()
	it, _ := l.order.Next()
	return it
}

// crowded tells that so many events wait for their keys that no more are read.
func (l *lane) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	count, bytes := l.order.Waiting()
	return count >= readAheadMany || bytes >= readAheadManyBytes
}
