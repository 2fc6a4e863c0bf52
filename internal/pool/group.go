// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool/processors"
)

// group is what the pool holds of one revision: its instances and its waiting line.
type group struct {
	pool *Pool
	rev  *dayfly.Revision

	mu        sync.Mutex // guards the rest
	instances []*instance
	ready     []*instance // with room for a call, most recently used last
	line      []*waiter   // first come, first served
	lineSince time.Time   // when it was last empty, or an instance was added for its sake
	starting  int
	retired   bool
	forgotten bool // the pool does not know it any more
	closed    bool
	service   average // time of a call on an instance
	cold      average // time of a cold start
	memory    int64   // highest use of an instance seen
	effort    processors.Effort
	gauged    time.Time // when a call was last measured for those that wait
	port      int       // where programs listened that ignore $PORT; 0 when none did
}

// waiter is a call in the line.
type waiter struct {
	granted chan grant // holds one
	since   time.Time
}

// grant is what a waiter gets: an instance, or why there is none.
type grant struct {
	instance *instance
	err      error
}

func newGroup(p *Pool, rev *dayfly.Revision) *group {
	return &group{pool: p, rev: rev, effort: processors.NewEffort(p.cpu)}
}

// lease gives the right to one call on an instance: an idle one at once, else the
// first of a released and a new one. It refuses early what cannot be served in time.
func (g *group) lease(ctx context.Context, inv *dayfly.Invocation) (*lease, error) {
	now := time.Now()
	g.mu.Lock()
	if g.forgotten {
		g.mu.Unlock()
		return nil, errForgotten
	}
	inv.Record.QueueDepth = len(g.line)
	if inst := g.takeReady(now); inst != nil {
		g.mu.Unlock()
		return newLease(inst, inv, now, dayfly.ColdNone), nil
	}
	if err := g.refuse(ctx, now); err != nil {
		g.mu.Unlock()
		return nil, err
	}
	if len(g.line) == 0 {
		g.lineSince = now
	}
	w := &waiter{granted: make(chan grant, 1), since: now}
	g.line = append(g.line, w)
	inv.Record.Why = g.startFor(len(g.line))
	g.mu.Unlock()
	return g.await(ctx, inv, w)
}

// takeReady takes the most recently used instance with room. Callers hold mu.
func (g *group) takeReady(now time.Time) *instance {
	for n := len(g.ready); n > 0; n = len(g.ready) {
		inst := g.ready[n-1]
		if inst.ended() || inst.draining {
			g.ready = g.ready[:n-1]
			continue
		}
		g.began(inst, now)
		inst.lastUsed = now
		if inst.inflight >= g.rev.Spec.Scaling.Concurrency {
			g.ready = g.ready[:n-1]
		}
		return inst
	}
	return nil
}

// await waits in the line. When the expected wait has passed without a grant it asks
// for another instance: the estimate was wrong.
func (g *group) await(ctx context.Context, inv *dayfly.Invocation, w *waiter) (*lease, error) {
	patience := time.NewTimer(g.patience())
	defer patience.Stop()
	limit := time.NewTimer(g.rev.Spec.Scaling.QueueTimeout + g.rev.Spec.Limits.InitTimeout)
	defer limit.Stop()
	for {
		select {
		case got := <-w.granted:
			return g.granted(inv, w, got)
		case <-patience.C:
			g.nudge()
			patience.Reset(g.patience())
		case <-limit.C:
			if g.leave(w) {
				return nil, exhausted(time.Second, "no instance of %s became free within %s",
					g.rev.Function, time.Since(w.since).Round(time.Millisecond))
			}
		case <-ctx.Done():
			if g.leave(w) {
				return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away while waiting: %w", context.Cause(ctx))
			}
			got := <-w.granted
			if got.instance != nil {
				g.release(got.instance)
			}
			return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away while waiting: %w", context.Cause(ctx))
		}
	}
}

func (g *group) granted(inv *dayfly.Invocation, w *waiter, got grant) (*lease, error) {
	if got.err != nil {
		return nil, got.err
	}
	how := dayfly.ColdWaited
	if got.instance.calls.Load() == 0 {
		how = got.instance.origin
	}
	return newLease(got.instance, inv, w.since, how), nil
}

// leave takes w out of the line; false when it was granted something meanwhile.
func (g *group) leave(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.line, w)
	if i < 0 {
		return false
	}
	g.line = slices.Delete(g.line, i, i+1)
	return true
}

// release returns an instance after a call.
func (g *group) release(inst *instance) {
	g.mu.Lock()
	now := time.Now()
	g.ended(inst, now)
	inst.lastUsed, inst.clock = now, g.pool.budget.clockNow()
	drop := g.hand(inst)
	g.mu.Unlock()
	g.settle(inst, drop)
}

// give adds a new instance to the group.
func (g *group) give(inst *instance) {
	g.mu.Lock()
	drop := g.take(inst)
	g.mu.Unlock()
	g.settle(inst, drop)
}

// take makes a new instance one of the group's, as hand does. Callers hold mu.
func (g *group) take(inst *instance) (drop bool) {
	g.instances = append(g.instances, inst)
	return g.hand(inst)
}

// hand gives inst's room to the line, or makes it ready. It reports whether inst is
// to be ended instead. Callers hold mu.
func (g *group) hand(inst *instance) (drop bool) {
	switch {
	case inst.ended():
		return false
	case inst.conn != nil && inst.conn.Ends():
		return inst.inflight == 0
	case inst.draining:
		return inst.inflight == inst.expired // only calls that ran out of time are left
	case g.closed:
		return inst.inflight == 0
	}
	for inst.inflight < g.rev.Spec.Scaling.Concurrency && len(g.line) > 0 {
		w := g.line[0]
		g.line = g.line[1:]
		g.began(inst, time.Now())
		w.granted <- grant{instance: inst}
	}
	if inst.inflight >= g.rev.Spec.Scaling.Concurrency {
		return false
	}
	if g.retired && inst.inflight == 0 {
		return true
	}
	if !slices.Contains(g.ready, inst) {
		g.ready = append(g.ready, inst)
	}
	return false
}

// settle does what must not be done under the lock.
func (g *group) settle(inst *instance, drop bool) {
	if drop {
		inst.retire("retired")
		return
	}
	inst.freezeLater()
	g.pool.budget.retry()
}

// gone removes an instance whose box has ended, and replaces it if calls wait.
func (g *group) gone(inst *instance) {
	g.mu.Lock()
	g.instances = slices.DeleteFunc(g.instances, func(i *instance) bool { return i == inst })
	g.ready = slices.DeleteFunc(g.ready, func(i *instance) bool { return i == inst })
	if len(g.line) > 0 {
		g.startFor(len(g.line))
	}
	retired := g.retired
	g.mu.Unlock()
	if retired {
		g.pool.forget(g)
	}
	g.pool.budget.retry()
}

// retire lets the group serve what it has and then end.
func (g *group) retire() {
	g.mu.Lock()
	g.retired = true
	g.mu.Unlock()
	g.dropIdle(func(*instance) bool { return true }, "replaced by a newer revision")
	g.pool.forget(g)
}

// dropIdle ends the idle instances that match and tells how many.
func (g *group) dropIdle(match func(*instance) bool, why string) int {
	g.mu.Lock()
	var dropped []*instance
	g.ready = slices.DeleteFunc(g.ready, func(inst *instance) bool {
		if inst.inflight > 0 || !match(inst) {
			return false
		}
		dropped = append(dropped, inst)
		return true
	})
	g.mu.Unlock()
	for _, inst := range dropped {
		inst.retire(why)
	}
	return len(dropped)
}

// revive undoes retire: the revision is live, or about to be.
func (g *group) revive() {
	g.mu.Lock()
	g.retired = g.closed
	g.mu.Unlock()
}

// forget marks a retired group that holds nothing, and tells whether it did.
func (g *group) forget() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgotten = g.retired && len(g.instances) == 0 && len(g.line) == 0 && g.starting == 0
	return g.forgotten
}

func (g *group) close() {
	g.mu.Lock()
	g.retired, g.closed = true, true
	all := slices.Clone(g.instances)
	line := g.line
	g.line = nil
	g.mu.Unlock()
	for _, w := range line {
		w.granted <- grant{err: dayfly.Errorf(dayfly.KindUnavailable, "this node is stopping")}
	}
	for _, inst := range all {
		inst.retire("the node stops")
	}
}

// average is an exponentially weighted mean; the newest value counts a fifth.
type average struct{ value time.Duration }

func (a *average) add(d time.Duration) {
	if a.value == 0 {
		a.value = d
		return
	}
	a.value += (d - a.value) / 5
}
