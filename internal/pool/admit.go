// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/scale"
)

// refuse says why a call that would have to wait is not let into the line, or nil.
// Deciding on arrival keeps refusals immediate and lets those in line be served.
// Callers hold mu.
func (g *group) refuse(ctx context.Context, now time.Time) error {
	s := &g.rev.Spec.Scaling
	have := len(g.instances) + g.starting
	waiting := len(g.line) - g.starting*s.Concurrency // the others are about to be served
	if waiting >= s.QueueDepth && have >= s.MaxInstances || len(g.line) >= queueHardMax {
		return exhausted(g.expectedWait(len(g.line)),
			"%s has %d calls waiting, the most it may have", g.rev.Function, len(g.line))
	}
	limit := s.QueueTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(now))
	}
	if g.mayGrow() {
		return nil
	}
	if have == 0 {
		return exhausted(time.Second, "the node has no memory left for an instance of %s", g.rev.Function)
	}
	if wait := g.expectedWait(len(g.line) + 1); wait > limit {
		return exhausted(wait, "%s is busy: a call would wait about %s, longer than the %s allowed",
			g.rev.Function, wait.Round(time.Millisecond), limit.Round(time.Millisecond))
	}
	return nil
}

// queueHardMax bounds the line while instances may still be added: a waiting call
// takes some ten kilobytes.
const queueHardMax = 10_000

// expectedWait is how long the call at that place in the line waits if no instance
// is added. Callers hold mu.
func (g *group) expectedWait(position int) time.Duration {
	return scale.Wait(position, len(g.instances)+g.starting, g.rev.Spec.Scaling.Concurrency, g.service.value)
}

// mayGrow tells whether limits leave room for another instance. Callers hold mu.
func (g *group) mayGrow() bool {
	have := len(g.instances) + g.starting
	return have < g.rev.Spec.Scaling.MaxInstances && g.pool.budget.fits(g.charge()) &&
		(have == 0 || !g.effort.Crowded())
}

// startFor starts an instance for the call at that place in the line, unless waiting
// for a release is expected to be shorter. It says what was decided. Callers hold mu.
func (g *group) startFor(position int) string {
	have := len(g.instances) + g.starting
	switch {
	case have >= g.rev.Spec.Scaling.MaxInstances:
		return g.allBusy() + ", the most it may have"
	case have > 0 && g.effort.Crowded():
		return g.allBusy() + " and the processors saturated"
	case g.starting >= min(position, g.pool.cfg.StartsMax):
		return fmt.Sprintf("%d were starting already", g.starting)
	case have > 0 && g.service.value > 0 && g.expectedWait(position) < g.coldCost() && !g.overdue():
		return fmt.Sprintf("%d busy: a release was expected in %s, sooner than a cold start (%s)", have,
			g.expectedWait(position).Round(10*time.Microsecond), g.coldCost().Round(10*time.Microsecond))
	}
	if !g.pool.budget.reserve(g) {
		return "the node's memory budget is used up by busy instances"
	}
	g.launch()
	return g.allBusy()
}

// overdue tells that calls have been waiting without a break for longer than a cold
// start takes: each alone would rather wait, but together they have paid for an
// instance. Processors that are full would serve no faster with one more. Callers
// hold mu.
func (g *group) overdue() bool {
	if len(g.line) == 0 || time.Since(g.lineSince) < g.coldCost() || !g.pool.cpu.TakeSpare() {
		return false
	}
	g.lineSince = time.Now()
	return true
}

// allBusy says that no instance was free, and how many there were. Callers hold mu.
func (g *group) allBusy() string {
	alive := 0
	for _, inst := range g.instances {
		if !inst.ended() {
			alive++
		}
	}
	switch alive {
	case 0:
		return "no instance existed"
	case 1:
		return "its only instance was busy"
	}
	return fmt.Sprintf("all %d instances were busy", alive)
}

// nudge reconsiders after a wait that was longer than expected.
func (g *group) nudge() {
	g.gauge()
	g.mu.Lock()
	defer g.mu.Unlock()
	have := len(g.instances) + g.starting
	if g.starting >= min(len(g.line), g.pool.cfg.StartsMax) || have >= g.rev.Spec.Scaling.MaxInstances ||
		have > 0 && g.effort.Crowded() || !g.pool.budget.reserve(g) {
		return
	}
	g.launch()
}

// launch starts an instance whose memory is reserved. Callers hold mu.
func (g *group) launch() {
	if g.closed {
		g.pool.budget.free(g.charge())
		return
	}
	g.starting++
	g.pool.starts.Add(1)
	go func() {
		defer g.pool.starts.Done()
		g.start()
	}()
}

// reserve takes the memory of one more instance.
func (g *group) reserve() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pool.budget.reserve(g)
}

// patience is how long a call waits before it asks again.
func (g *group) patience() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(2*g.coldCost(), 5*time.Millisecond)
}

func (g *group) coldCost() time.Duration {
	if g.cold.value == 0 {
		return coldGuess
	}
	return g.cold.value
}

// start makes one instance for the line, and sees whether the line needs another. It
// is decided anew each time, since the first that serve may serve fast.
func (g *group) start() {
	inst, err := g.make(g.pool.life)
	g.mu.Lock()
	g.starting-- // in one step with the giving: in between, the instance would be nowhere
	if err == nil {
		drop := g.take(inst)
		g.mu.Unlock()
		g.settle(inst, drop)
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	if err != nil && len(g.line) > 0 {
		w := g.line[0]
		g.line = g.line[1:]
		w.granted <- grant{err: err}
	}
	if len(g.line) > 0 {
		g.startFor(len(g.line))
	}
}

func exhausted(retry time.Duration, format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindExhausted, format, args...)
	e.RetryAfter = max(retry, time.Second)
	return e
}
