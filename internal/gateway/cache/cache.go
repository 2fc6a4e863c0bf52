// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// bytesDefault bounds what a node keeps, objectDefault one answer: an eighth of memory's
	// bound would let a handful of answers push out all others.
	bytesDefault  = 64 << 20
	objectDefault = 4 << 20
	// variantsMax bounds the answers kept for one address by Vary: whoever sends the headers
	// chooses how many there are.
	variantsMax = 64
	// passFor is for how long an answer that could not be kept makes requests not wait for
	// one another, and passesMax bounds for how many of them that is remembered.
	passFor   = 10 * time.Second
	passesMax = 16 << 10
	// collapseWait is how long a request waits for another's answer before it asks itself.
	collapseWait = 10 * time.Second
	// refreshMax bounds the refreshes in the background, refreshTimeout each of them.
	refreshMax     = 64
	refreshTimeout = time.Minute
)

// Config bounds the memory of a cache.
type Config struct {
	Bytes       int64 // of all that is kept; 64 MiB when 0
	ObjectBytes int64 // of one answer; 4 MiB when 0, and at most a quarter of Bytes
}

// Validate reports what is wrong with c.
func (c *Config) Validate() error {
	if c.Bytes < 0 || c.ObjectBytes < 0 {
		return errors.New("a size of the cache is negative")
	}
	return nil
}

// Cache keeps answers of all routes of a node.
type Cache struct {
	bytesMax, objectMax int64
	log                 *slog.Logger

	ctx     context.Context // of refreshes; ends with Close
	stop    context.CancelFunc
	refresh chan struct{} // one element for each refresh under way
	running sync.WaitGroup
	flying  atomic.Int64 // bytes of answers that are on their way

	mu        sync.Mutex // guards what follows
	resources map[digest]*resource
	addresses map[address]map[*entry]bool
	shares    shares // of projects
	bytes     int64  // of all entries
	flights   map[digest]*flight
	passes    map[digest]time.Time // until when flights of a key need no company
	purges    purges
	counters  map[dayfly.ProjectName]*counters
}

// counters are a project's.
type counters struct{ hits, stale, misses, bypassed int64 }

// resource holds the answers for one key, one for each of what they vary by.
type resource struct{ variants []*entry } // the newest in front

// address is what a request changes.
type address struct {
	project    dayfly.ProjectName
	host, path string
}

// New makes a cache. Close must be called.
func New(cfg Config, log *slog.Logger) *Cache {
	c := &Cache{bytesMax: cfg.Bytes, objectMax: cfg.ObjectBytes, log: log,
		refresh:   make(chan struct{}, refreshMax),
		resources: map[digest]*resource{}, addresses: map[address]map[*entry]bool{},
		flights: map[digest]*flight{}, passes: map[digest]time.Time{},
		counters: map[dayfly.ProjectName]*counters{}, shares: shares{of: map[dayfly.ProjectName]*share{}}}
	if c.bytesMax == 0 {
		c.bytesMax = bytesDefault
	}
	if c.objectMax == 0 {
		c.objectMax = objectDefault
	}
	c.objectMax = min(c.objectMax, c.bytesMax/4)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close ends refreshes and waits for them. Requests may still be served.
func (c *Cache) Close() error {
	c.stop()
	c.running.Wait()
	return nil
}

// Policy says how answers of a route are kept. It is used by many requests at once.
type Policy struct {
	cache   *Cache
	project dayfly.ProjectName
	route   string
	ttl     time.Duration
	stale   time.Duration
	keys    []*expression.Expression
	query   []string // nil for all
	private bool
	drops   []string // request headers that the target does not see
}

// Policy compiles the section of a route. Route is its name or pattern, as purges call it.
func (c *Cache) Policy(route string, project dayfly.ProjectName, section *front.Cache) (*Policy, error) {
	p := &Policy{cache: c, project: project, route: route, ttl: time.Duration(section.TTL),
		stale: time.Duration(section.Stale), private: section.Private, query: section.Query}
	for i, text := range section.Key {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err == nil && x.UsesBody() {
			err = &front.Problem{Message: "it uses the body: requests that have one are never answered from the cache"}
		}
		if err != nil {
			return nil, front.Within(err, "key", strconv.Itoa(i))
		}
		p.keys = append(p.keys, x)
	}
	p.drops = unkeyed(section.Key)
	return p, nil
}

// CheckParams wants expressions to name captures that the pattern has: a key of one that it
// has not would be the same for everybody.
func (p *Policy) CheckParams(of front.Pattern) error {
	var faults front.Faults
	for i, x := range p.keys {
		faults.Add(front.Within(x.CheckParams(of.Captures()), "key", strconv.Itoa(i)))
	}
	return faults.Err()
}

// count changes the counters of a project.
func (c *Cache) count(project dayfly.ProjectName, change func(*counters)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counters[project]
	if n == nil {
		n = &counters{}
		c.counters[project] = n
	}
	change(n)
}
