// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/scale"
)

// Observed is what the scheduler sees of one revision.
type Observed struct {
	Revision *dayfly.Revision
	Retired  bool
	State    scale.Observed
}

// Observe tells the state of every revision that has, or had, instances here.
func (p *Pool) Observe() []Observed {
	var all []Observed
	for _, g := range p.snapshot() {
		all = append(all, g.observe())
	}
	return all
}

func (g *group) observe() Observed {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := Observed{Revision: g.rev, Retired: g.retired}
	o.State = scale.Observed{Starting: g.starting, Waiting: len(g.line),
		ServiceTime: g.service.value, StartTime: g.cold.value}
	for _, inst := range g.instances {
		if inst.inflight > 0 {
			o.State.Busy++
			continue
		}
		o.State.Idle = append(o.State.Idle, inst.lastUsed)
	}
	return o
}

// Resize starts and retires instances of a revision as the scheduler orders. The
// longest idle go first.
func (p *Pool) Resize(rev *dayfly.Revision, start, retire int) {
	g, err := p.group(rev)
	if err != nil {
		return
	}
	for range retire {
		g.dropLongestIdle()
	}
	for range start {
		g.mu.Lock()
		if p.budget.reserve(g) {
			g.launch()
		}
		g.mu.Unlock()
	}
}

func (g *group) dropLongestIdle() {
	g.mu.Lock()
	var oldest *instance
	for _, inst := range g.ready {
		if inst.inflight == 0 && (oldest == nil || inst.lastUsed.Before(oldest.lastUsed)) {
			oldest = inst
		}
	}
	g.mu.Unlock()
	if oldest != nil {
		g.dropIdle(func(i *instance) bool { return i == oldest }, "idle for "+time.Since(oldest.lastUsed).Round(time.Second).String())
	}
}

// Stats counts what the pool holds, for metrics.
type Stats struct {
	Idle, Busy, Starting, Waiting int
	Stems                         map[string]int
	MemoryBytes, MemoryMax        int64
}

// Stats counts what the pool holds now.
func (p *Pool) Stats() Stats {
	s := Stats{Stems: p.stems.counts()}
	for _, g := range p.snapshot() {
		o := g.observe()
		s.Idle += len(o.State.Idle)
		s.Busy += o.State.Busy
		s.Starting += o.State.Starting
		s.Waiting += o.State.Waiting
	}
	p.budget.mu.Lock()
	s.MemoryBytes, s.MemoryMax = p.budget.used, p.budget.max
	p.budget.mu.Unlock()
	return s
}
