// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/java"
	"github.com/dayfly-faas/dayfly/internal/pool/processors"
	"github.com/dayfly-faas/dayfly/internal/pool/turns"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/zygote"
)

// Pool executes calls on instances of this node.
type Pool struct {
	cfg      Config
	log      *slog.Logger
	driver   sandbox.Driver
	network  Network // nil: boxes get an empty network
	bundles  Bundles
	runtimes Runtimes
	lines    Lines
	doors    Doors // nil: boxes have none

	gate   *turns.Gate // lets cold starts run
	stems  *stems
	budget *budget
	young  *zygote.Nursery
	cpu    *processors.Watch
	java   *java.Compiler

	mu     sync.RWMutex // guards groups, closed
	groups map[dayfly.RevisionID]*group
	closed bool
	starts sync.WaitGroup // cold starts under way
	ends   sync.WaitGroup // instances and stems whose boxes are not gone yet

	// life ends with Close: cold starts belong to the pool, not to the call that
	// asked for them, since another call may get the instance.
	life context.Context
	die  context.CancelFunc
}

// Deps are the parts a pool works with.
type Deps struct {
	Driver   sandbox.Driver
	Network  Network
	Bundles  Bundles
	Runtimes Runtimes
	Lines    Lines
	Doors    Doors // nil gives boxes none
}

// New makes a pool; it starts nothing.
func New(cfg Config, log *slog.Logger, deps Deps) *Pool {
	if cfg.FreezeAfter == 0 {
		cfg.FreezeAfter = 100 * time.Millisecond
	}
	cfg.StartsMax = max(1, cfg.StartsMax)
	p := &Pool{cfg: cfg, log: log, driver: deps.Driver, network: deps.Network, bundles: deps.Bundles,
		runtimes: deps.Runtimes, lines: deps.Lines, doors: deps.Doors, gate: turns.New(cfg.StartsMax),
		groups: map[dayfly.RevisionID]*group{}}
	p.budget = &budget{max: cfg.MemoryBytes, starved: map[*group]bool{}}
	p.young = zygote.New(cfg.ZygotesMax, deps.Driver, zygoteBudget{p.budget}, log)
	p.cpu = new(processors.Watch)
	p.java = java.NewCompiler(filepath.Join(cmp.Or(cfg.GuestCache, cfg.GuestDir), "java"))
	p.stems = newStems(p)
	p.life, p.die = context.WithCancel(context.Background())
	return p
}

// Run keeps stems ready and watches the processors until ctx ends.
func (p *Pool) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { p.cpu.Run(ctx) })
	wg.Go(func() { p.young.Run(ctx) })
	p.stems.run(ctx)
	wg.Wait()
	return nil
}

// Execute runs one call of inv.Revision on an instance of this node.
//
//	1 find the revision's group                 4 exchange frames or HTTP
//	2 lease: idle instance, or wait and race    5 tell a function's failure from ours
//	3 arm the deadline                          6 the lease ends with the answer
func (p *Pool) Execute(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	for attempt := 1; ; attempt++ {
		g, err := p.group(inv.Revision)
		if err != nil {
			return nil, err
		}
		l, err := g.lease(ctx, inv)
		if errors.Is(err, errForgotten) {
			continue
		}
		if err != nil {
			return resultOf(notStarted(inv, err))
		}
		l.follow(&inv.Request)
		callCtx := l.arm(ctx)
		result, err := l.instance.exchange(callCtx, inv, l.done)
		if errors.Is(err, guest.ErrNotSent) && attempt < attemptsMax {
			continue // it died while idle; the call never reached it
		}
		if err != nil {
			return resultOf(l.explain(err))
		}
		return l.answer(result), nil
	}
}

// attemptsMax bounds how many dead instances a call may meet: each was the last of
// its kind to look alive, so more than a few means that something kills them.
const attemptsMax = 3

// resultOf turns a function's failure into a result and passes other errors on.
func resultOf(err error) (*dayfly.Result, error) {
	failure, ok := guest.FailureOf(err)
	if !ok {
		return nil, err
	}
	status := http.StatusBadGateway
	if failure.Kind == dayfly.FailureTimeout {
		status = http.StatusGatewayTimeout
	}
	return &dayfly.Result{Status: status, Header: http.Header{}, Body: http.NoBody, Failure: failure}, nil
}

// Probe starts an instance of rev and keeps it idle: the readiness check of a deploy.
// A *dayfly.Failure in the error is the code's own.
func (p *Pool) Probe(ctx context.Context, rev *dayfly.Revision) error {
	g, err := p.group(rev)
	if err != nil {
		return err
	}
	g.revive()
	for until := time.Now().Add(probeWait); !g.reserve(); {
		if time.Now().After(until) || ctx.Err() != nil {
			return exhausted(time.Second, "the node has no memory left for an instance of %s", rev.Function)
		}
		time.Sleep(probePause)
	}
	p.starts.Add(1)
	defer p.starts.Done()
	inst, err := g.make(ctx)
	if err != nil {
		return err
	}
	g.give(inst)
	return nil
}

const (
	// probeWait is how long a deploy waits for idle instances to give way to it.
	probeWait  = 10 * time.Second
	probePause = 10 * time.Millisecond
)

// group gives the group of a revision, made when first needed.
func (p *Pool) group(rev *dayfly.Revision) (*group, error) {
	p.mu.RLock()
	g, closed := p.groups[rev.ID], p.closed
	p.mu.RUnlock()
	if closed {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "this node is stopping")
	}
	if g != nil {
		return g, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if g = p.groups[rev.ID]; g == nil {
		g = newGroup(p, rev)
		p.groups[rev.ID] = g
	}
	return g, nil
}

// snapshot gives all groups, in order of their revisions.
func (p *Pool) snapshot() []*group {
	p.mu.RLock()
	groups := make([]*group, 0, len(p.groups))
	for _, g := range p.groups {
		groups = append(groups, g)
	}
	p.mu.RUnlock()
	sort.Slice(groups, func(i, j int) bool { return groups[i].rev.ID < groups[j].rev.ID })
	return groups
}

// Retire ends the idle instances of every revision of ref but live, and the busy ones
// once their calls end. A nil live retires all of them.
func (p *Pool) Retire(ref dayfly.FunctionRef, live *dayfly.Revision) {
	for _, g := range p.snapshot() {
		switch {
		case g.rev.Function != ref:
		case live != nil && g.rev.ID == live.ID:
			g.revive()
		default:
			g.retire()
		}
	}
}

// errForgotten tells a caller that its group was dropped: it must look again.
var errForgotten = errors.New("group was forgotten")

// forget drops a retired group that holds nothing any more.
func (p *Pool) forget(g *group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.groups[g.rev.ID] == g && g.forget() {
		delete(p.groups, g.rev.ID)
	}
}

// Prepare keeps stems ready for a revision that has become live.
func (p *Pool) Prepare(ctx context.Context, rev *dayfly.Revision) {
	if launch, err := p.launchOf(ctx, &rev.Spec); err == nil {
		p.stems.want(launch)
	}
}

// Evict ends the idle instances of a function and tells how many there were.
func (p *Pool) Evict(ref dayfly.FunctionRef) int {
	n := 0
	for _, g := range p.snapshot() {
		if g.rev.Function == ref {
			n += g.dropIdle(func(*instance) bool { return true }, "evicted")
		}
	}
	return n
}

// Close ends every instance and stem and waits until their boxes are gone.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.die()
	for _, g := range p.snapshot() {
		g.close()
	}
	p.starts.Wait()
	p.stems.close()
	p.young.Close()
	p.java.Close()
	p.ends.Wait()
	return nil
}
