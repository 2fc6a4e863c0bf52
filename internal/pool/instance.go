// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/inner"
	"github.com/dayfly-faas/dayfly/internal/pool/processors"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// instance is a box that holds one revision.
type instance struct {
	group     *group
	box       sandbox.Box
	conn      *guest.Conn   // frames; nil for a program that serves HTTP by itself
	server    *guest.Server // HTTP; nil for a guest that speaks frames
	output    *output
	tenant    *Tenant // nil in a box without doors
	free      func()  // gives the network back
	origin    dayfly.ColdStart
	inner     bool           // the function's process is behind a guest of ours
	grace     time.Duration  // to shut down in, once told to; most need none
	phases    []dayfly.Timed // of its making
	startTime time.Duration  // from its turn to ready
	since     time.Time
	charged   int64
	calls     atomic.Int64 // that ended
	current   atomic.Pointer[dayfly.InvocationID]

	// Guarded by group.mu.
	inflight  int
	busySince time.Time     // of the calls in flight
	busyFor   time.Duration // before them
	expired   int           // of those in flight: calls that ran out of time
	draining  bool          // no new calls: one ran out of time
	lastUsed  time.Time
	clock     float64 // of the eviction policy, when it was last used

	freezing sync.Mutex // guards frozen, timer, sampled, meter
	frozen   bool
	timer    *time.Timer
	sampled  time.Time
	meter    processors.Meter

	ending atomic.Pointer[string] // why it was ended by us
}

// exchange runs one call on the instance.
func (i *instance) exchange(ctx context.Context, inv *dayfly.Invocation, done func()) (*dayfly.Result, error) {
	if i.server != nil {
		return i.server.Exchange(ctx, inv, done)
	}
	i.conn.Spin(i.group.spin())
	return i.conn.Exchange(ctx, inv, done)
}

// ended tells that the box is gone or about to be.
func (i *instance) ended() bool {
	if i.ending.Load() != nil {
		return true
	}
	select {
	case <-i.box.Done():
		return true
	default:
		return false
	}
}

// end kills the instance and says why in its log.
func (i *instance) end(why string) {
	if i.ending.CompareAndSwap(nil, &why) {
		i.box.Kill()
	}
}

// retire ends the instance, which did nothing wrong. One that asked for it learns of its
// end a moment before, and may go by itself.
func (i *instance) retire(why string) {
	if i.grace == 0 || i.thaw() != nil {
		i.end(why)
		return
	}
	if i.ending.CompareAndSwap(nil, &why) {
		go func() { // a guest that does not read must not hold up the caller
			_ = i.conn.Shutdown()
		}()
		time.AfterFunc(i.grace, i.box.Kill)
	}
}

// watch waits for the end of the box and gives back what the instance held.
func (i *instance) watch() {
	<-i.box.Done()
	if i.conn != nil {
		_ = i.conn.Close()
	}
	if i.server != nil {
		_ = i.server.Close()
	}
	i.freezing.Lock()
	if i.timer != nil {
		i.timer.Stop()
	}
	i.freezing.Unlock()
	i.free()
	i.group.pool.budget.free(i.charged)
	i.group.gone(i)
	i.group.pool.log.Debug("instance ended", "function", i.group.rev.Function, "revision", i.group.rev.ID,
		"instance", i.box.ID(), "calls", i.calls.Load(), "why", i.why())
	i.group.pool.ends.Done()
}

// why tells in words how the instance ended.
func (i *instance) why() string {
	if why := i.ending.Load(); why != nil {
		return *why
	}
	return describe(i.exit())
}

// exit tells how the function's process ended, also when a guest of ours stood before
// it and ended for it. Valid once the box is done.
func (i *instance) exit() sandbox.Exit {
	e := i.box.Exit()
	if i.inner && e.Signal == "" {
		e.Code, e.Signal = inner.ExitOf(e.Code)
	}
	return e
}

func describe(e sandbox.Exit) string {
	switch {
	case e.OOM:
		return "out of memory"
	case e.Signal != "":
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// freezeLater stops the instance's processes once it has idled for a while.
func (i *instance) freezeLater() {
	i.freezing.Lock()
	defer i.freezing.Unlock()
	if i.timer == nil {
		i.timer = time.AfterFunc(i.group.pool.cfg.FreezeAfter, i.freeze)
		return
	}
	i.timer.Reset(i.group.pool.cfg.FreezeAfter)
}

// freeze stops the processes unless a call came in between.
func (i *instance) freeze() {
	i.freezing.Lock()
	defer i.freezing.Unlock()
	i.group.mu.Lock()
	idle := i.inflight == 0
	i.group.mu.Unlock()
	if !idle || i.frozen || i.ended() {
		return
	}
	if i.conn != nil {
		i.conn.Drain() // lines that it printed after its last answer
	}
	i.sample(time.Time{})
	i.frozen = i.box.Freeze() == nil
}

// thaw lets the processes go on before a call.
func (i *instance) thaw() error {
	i.freezing.Lock()
	defer i.freezing.Unlock()
	if !i.frozen {
		return nil
	}
	i.frozen = false
	return i.box.Thaw()
}

// sample notes how much memory and processor the instance uses. Callers hold freezing.
func (i *instance) sample(next time.Time) sandbox.Usage {
	i.sampled = next
	usage := i.box.Usage()
	used := max(usage.MemoryPeakBytes, usage.MemoryBytes)
	g := i.group
	g.mu.Lock()
	g.memory = max(g.memory, used)
	g.effort.Measure(&i.meter, usage.CPU, i.busyTime(time.Now()))
	charge := g.charge()
	delta := charge - i.charged
	i.charged = charge
	g.mu.Unlock()
	g.pool.budget.take(delta)
	return usage
}

// Instance is what Instances tells of one.
type Instance struct {
	ID          dayfly.InstanceID `json:"id"`
	Revision    dayfly.RevisionID `json:"revision"`
	State       string            `json:"state"` // idle, busy, frozen
	Since       time.Time         `json:"since"`
	Calls       int64             `json:"calls"`
	MemoryBytes int64             `json:"memory_bytes"`
}

// Instances lists the instances of a function.
func (p *Pool) Instances(ref dayfly.FunctionRef) []Instance {
	list := []Instance{}
	for _, g := range p.snapshot() {
		if g.rev.Function != ref {
			continue
		}
		g.mu.Lock()
		all := append([]*instance(nil), g.instances...)
		g.mu.Unlock()
		for _, i := range all {
			list = append(list, Instance{ID: i.box.ID(), Revision: g.rev.ID, State: i.state(), Since: i.since,
				Calls: i.calls.Load(), MemoryBytes: i.box.Usage().MemoryBytes})
		}
	}
	return list
}

func (i *instance) state() string {
	i.group.mu.Lock()
	busy := i.inflight > 0
	i.group.mu.Unlock()
	if busy {
		return "busy"
	}
	i.freezing.Lock()
	defer i.freezing.Unlock()
	if i.frozen {
		return "frozen"
	}
	return "idle"
}
