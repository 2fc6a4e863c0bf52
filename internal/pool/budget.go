// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
)

// budget bounds the memory of all instances and stems of the node. An instance is
// charged what its revision's instances were seen to use, not their limit: limits
// are generous, and a node that reserved them would stand empty.
type budget struct {
	max int64

	mu      sync.Mutex // guards the rest
	used    int64
	clock   float64         // of the eviction policy
	starved map[*group]bool // groups with calls waiting for memory

	evicting bool // makeRoom runs
}

// fits tells whether bytes are free, or can be once idle instances give way.
func (b *budget) fits(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used+bytes <= b.max || len(b.starved) == 0
}

// reserve takes the memory of one more instance of g. When it is short of memory it
// asks for idle instances to be evicted, in the background since the caller holds
// g's lock, and g is tried again once memory is free.
func (b *budget) reserve(g *group) bool {
	bytes := g.charge()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+bytes <= b.max {
		b.used += bytes
		return true
	}
	b.starved[g] = true
	if !b.evicting { // one look at all groups at a time, however many calls wait
		b.evicting = true
		go g.pool.makeRoom(b.used + bytes - b.max)
	}
	return false
}

// room tells whether bytes are free as things are.
func (b *budget) room(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used+bytes <= b.max
}

// clockNow is the eviction policy's clock. It moves only when something is evicted.
func (b *budget) clockNow() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// takeFree takes bytes if they are free as things are.
func (b *budget) takeFree(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+bytes > b.max {
		return false
	}
	b.used += bytes
	return true
}

func (b *budget) take(bytes int64) {
	b.mu.Lock()
	b.used += bytes
	b.mu.Unlock()
}

func (b *budget) free(bytes int64) {
	b.mu.Lock()
	b.used -= bytes
	b.mu.Unlock()
}

// retry lets groups that were short of memory try again.
func (b *budget) retry() {
	b.mu.Lock()
	if len(b.starved) == 0 {
		b.mu.Unlock()
		return
	}
	starved := b.starved
	b.starved = map[*group]bool{}
	b.mu.Unlock()
	go func() {
		for g := range starved {
			g.nudge()
		}
	}()
}

// makeRoom ends the least valuable idle instances until bytes are free.
func (p *Pool) makeRoom(bytes int64) {
	var idle []place.Idle
	var owners []*instance
	for _, g := range p.snapshot() {
		g.mu.Lock()
		for _, inst := range g.ready {
			if inst.inflight > 0 || len(g.instances) <= g.rev.Spec.Scaling.MinInstances {
				continue
			}
			idle = append(idle, place.Idle{LastUsed: inst.lastUsed, Uses: inst.calls.Load(),
				ColdCost: g.coldCost(), MemoryBytes: inst.charged, Clock: inst.clock})
			owners = append(owners, inst)
		}
		g.mu.Unlock()
	}
	p.budget.mu.Lock()
	chosen, clock := place.Evict(time.Now(), p.budget.clock, bytes, idle)
	p.budget.clock = clock
	p.budget.mu.Unlock()
	defer func() {
		p.budget.mu.Lock()
		p.budget.evicting = false
		p.budget.mu.Unlock()
	}()
	for _, i := range chosen {
		owners[i].group.dropIdle(func(inst *instance) bool { return inst == owners[i] }, "its memory was needed")
	}
}

// charge is the memory that one more instance counts for. Callers hold g.mu.
func (g *group) charge() int64 {
	limit := g.rev.Spec.Limits.MemoryBytes
	if g.memory == 0 {
		return min(limit, memoryFirstGuess)
	}
	return min(limit, max(memoryFloor, g.memory+g.memory/4))
}
