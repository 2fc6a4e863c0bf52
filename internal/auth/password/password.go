// SPDX-License-Identifier: Apache-2.0

package password

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// slotsMax bounds hashes at once, and with them memory: 4 times 64 MiB.
	slotsMax = 4
	// lineMax bounds those who wait for a slot: the last would wait for some seconds.
	lineMax = 64
	// perAddress bounds those of one address that wait or hash, so that no one fills the
	// line alone.
	perAddress = 4
	// waitMax is how long one waits for a slot.
	waitMax = 5 * time.Second
	// rememberFor is how long a verdict is remembered.
	rememberFor = 5 * time.Minute
	// rememberMax bounds verdicts of each kind: 64 bytes each, twice that many at most.
	rememberMax = 4096
)

// Checker checks passwords for a whole node.
type Checker struct {
	now   func() time.Time
	slots chan struct{}

	mu      sync.Mutex // guards all below
	key     [sha256.Size]byte
	right   memory
	wrong   memory
	waiting int
	from    map[string]int // those of an address that wait or hash
}

// New makes a checker.
func New(now func() time.Time) *Checker {
	c := &Checker{now: now, from: map[string]int{},
		slots: make(chan struct{}, min(slotsMax, max(1, runtime.NumCPU()/2)))}
	_, _ = rand.Read(c.key[:]) // never fails: crypto/rand aborts the program instead
	return c
}

// Check tells whether the password is that of h, for a client at that address. It is
// exhausted when too many wait.
func (c *Checker) Check(ctx context.Context, h *Hash, password, address string) (bool, error) {
	if len(password) > PasswordBytesMax {
		return false, nil
	}
	name := c.name(h, password)
	if verdict, known := c.recall(name); known {
		return verdict, nil
	}
	if err := c.enter(address); err != nil {
		return false, err
	}
	defer c.leave(address)
	if err := c.slot(ctx); err != nil {
		return false, err
	}
	defer func() { <-c.slots }()
	// Whoever was before us in the line may have asked for the same.
	if verdict, known := c.recall(name); known {
		return verdict, nil
	}
	verdict := h.matches(password)
	c.remember(name, verdict)
	return verdict, nil
}

// name stands for a password and the hash that it is checked against.
func (c *Checker) name(h *Hash, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, c.key[:])
	_, _ = mac.Write([]byte(h.text)) // never fails
	_, _ = mac.Write([]byte{0})
	_, _ = mac.Write([]byte(password))
	return [sha256.Size]byte(mac.Sum(nil))
}

func (c *Checker) recall(name [sha256.Size]byte) (verdict, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.right.has(name, now) {
		return true, true
	}
	return false, c.wrong.has(name, now)
}

func (c *Checker) remember(name [sha256.Size]byte, verdict bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if verdict {
		c.right.add(name, c.now())
		return
	}
	c.wrong.add(name, c.now())
}

// enter puts a caller into the line.
func (c *Checker) enter(address string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from[address] >= perAddress || c.waiting >= lineMax {
		return busy()
	}
	c.from[address]++
	c.waiting++
	return nil
}

func (c *Checker) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.from[address]--; c.from[address] <= 0 {
		delete(c.from, address)
	}
}

// slot waits for the right to hash.
func (c *Checker) slot(ctx context.Context) error {
	timer := time.NewTimer(waitMax)
	defer timer.Stop()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", context.Cause(ctx))
	case <-timer.C:
		return busy()
	}
}

func busy() error {
	err := dayfly.Errorf(dayfly.KindExhausted, "too many passwords are being checked")
	err.RetryAfter = time.Second
	return err
}

// memory is a set of names that forgets: what is older than one generation of rememberMax
// names, or than rememberFor.
type memory struct {
	young, old map[[sha256.Size]byte]time.Time
}

func (m *memory) has(name [sha256.Size]byte, now time.Time) bool {
	at, ok := m.young[name]
	if !ok {
		at, ok = m.old[name]
	}
	age := now.Sub(at)
	return ok && age >= 0 && age < rememberFor
}

func (m *memory) add(name [sha256.Size]byte, now time.Time) {
	if m.young == nil || len(m.young) >= rememberMax {
		m.young, m.old = map[[sha256.Size]byte]time.Time{}, m.young
	}
	m.young[name] = now
}
