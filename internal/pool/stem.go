// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	// bootTimeout bounds the boot of a stem; an interpreter takes a tenth of a second.
	bootTimeout = 10 * time.Second
	// stemsMax bounds how far demand raises the number of stems of one kind.
	stemsMax = 32
	// calmAfter is how long demand must be met before the number falls again.
	calmAfter = time.Minute
	// refillPause is how long the stock is left alone after a stem was taken.
	refillPause = 20 * time.Millisecond
	// bootRetry is the pause after a stem that did not boot.
	bootRetry = 5 * time.Second
)

// stem is a booted sandbox that holds no revision yet.
type stem struct {
	box    sandbox.Box
	conn   *guest.Conn // nil in a held box
	output *output
	tenant *Tenant // nil in a box without doors
	free   func()
	pool   *Pool
}

// discard ends the stem and gives back what it held, in the background.
func (s *stem) discard(string) {
	s.box.Kill()
	go func() {
		<-s.box.Done()
		if s.conn != nil {
			_ = s.conn.Close()
		}
		s.free()
		s.pool.ends.Done()
	}()
}

// stems keeps stems of each kind that is wanted ready.
type stems struct {
	pool *Pool
	wake chan struct{}

	mu     sync.Mutex // guards the rest
	kinds  map[string]*kind
	taken  time.Time // when one was last taken
	closed bool
}

// kind is the stock of stems with one launch key.
type kind struct {
	launch launch
	ready  []*stem
	target int
	missed time.Time // when demand last found the stock empty
	failed time.Time // when a boot last failed

	prepared bool // run's own
}

func newStems(p *Pool) *stems {
	return &stems{pool: p, wake: make(chan struct{}, 1), kinds: map[string]*kind{}}
}

// want makes sure that stems of that launch are kept.
func (s *stems) want(l launch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds[l.key] == nil {
		s.kinds[l.key] = &kind{launch: l, target: s.pool.cfg.StemsPerRuntime}
		s.signal()
	}
}

// take gives a stem that is ready, or forks or boots one.
func (s *stems) take(
	ctx context.Context, l launch, project dayfly.ProjectName,
) (*stem, dayfly.ColdStart, error) {
	s.want(l)
	s.pool.wantZygote(&l, project)
	s.mu.Lock()
	k := s.kinds[l.key]
	for len(k.ready) > 0 {
		st := k.ready[0] // the oldest has had the most time to warm up
		k.ready = k.ready[1:]
		select {
		case <-st.box.Done():
			st.discard("ended")
			continue
		default:
		}
		s.taken = time.Now()
		s.signal()
		s.mu.Unlock()
		s.pool.budget.free(stemMemory)
		return st, dayfly.ColdStem, nil
	}
	s.mu.Unlock()
	if st := s.pool.fork(ctx, l, project); st != nil {
		return st, dayfly.ColdFork, nil
	}
	s.mu.Lock()
	k.missed = time.Now()
	if s.pool.cfg.StemsPerRuntime > 0 {
		k.target = min(stemsMax, k.target+1)
	}
	s.signal()
	s.mu.Unlock()
	st, err := s.pool.boot(ctx, l)
	return st, dayfly.ColdBoot, err
}

// run refills the stock, one stem at a time so that cold starts and warm calls come
// first, until ctx ends.
func (s *stems) run(ctx context.Context) {
	calm := time.NewTicker(calmAfter / 4)
	defer calm.Stop()
	for {
		for s.yield(ctx); s.refill(ctx); {
			s.yield(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-calm.C:
			s.settle()
		}
	}
}

// yield lets the cold start that took a stem have the processors, as long as no stock
// is low: a boot costs twenty times as much as what follows the taking.
func (s *stems) yield(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		pause := refillPause - time.Since(s.taken)
		for _, k := range s.kinds {
			if len(k.ready) < (k.target+1)/2 {
				pause = 0
			}
		}
		s.mu.Unlock()
		if pause <= 0 {
			return
		}
		time.Sleep(pause)
	}
}

// refill boots one stem of the kind that needs it most; false when none does.
func (s *stems) refill(ctx context.Context) bool {
	s.mu.Lock()
	var neediest *kind
	for _, k := range s.kinds {
		missing := k.target - len(k.ready)
		if missing <= 0 || time.Since(k.failed) < bootRetry {
			continue
		}
		if neediest == nil || missing > neediest.target-len(neediest.ready) {
			neediest = k
		}
	}
	s.mu.Unlock()
	if neediest == nil || ctx.Err() != nil || !s.pool.budget.room(stemMemory) {
		return false
	}
	bootCtx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	s.prepare(bootCtx, neediest)
	st, err := s.pool.boot(bootCtx, neediest.launch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		neediest.failed = time.Now()
		if ctx.Err() == nil {
			s.pool.log.Warn("stem did not boot", "runtime", neediest.launch.runtime.Name, "error", err)
			time.AfterFunc(bootRetry, s.signal)
		}
		return true
	}
	if s.closed {
		st.discard("the node stops")
		return false
	}
	s.pool.budget.take(stemMemory)
	neediest.ready = append(neediest.ready, st)
	return true
}

// prepare makes what the kind's stems share. Without it they boot slower, no worse.
func (s *stems) prepare(ctx context.Context, k *kind) {
	if k.prepared || k.launch.prepare == nil {
		return
	}
	k.prepared = true
	if err := k.launch.prepare(ctx); err != nil {
		s.pool.log.Warn("guest was not compiled", "runtime", k.launch.runtime.Name, "error", err)
	}
}

// settle lets targets that bursts have raised fall again.
func (s *stems) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		if k.target <= s.pool.cfg.StemsPerRuntime || time.Since(k.missed) < calmAfter {
			continue
		}
		k.target = max(s.pool.cfg.StemsPerRuntime, k.target/2)
		for len(k.ready) > k.target {
			k.ready[0].discard("the stock is too large")
			k.ready = k.ready[1:]
			s.pool.budget.free(stemMemory)
		}
	}
}

func (s *stems) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, k := range s.kinds {
		for _, st := range k.ready {
			st.discard("the node stops")
		}
		k.ready = nil
	}
}

// counts gives how many stems of each kind are ready.
func (s *stems) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.kinds))
	for key, k := range s.kinds {
		counts[key] = len(k.ready)
	}
	return counts
}

func (s *stems) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// boot starts a sandbox and waits until its guest is there.
func (p *Pool) boot(ctx context.Context, l launch) (*stem, error) {
	return p.furnish(ctx, l, l.argv, p.driver.Start)
}

// furnish has start make a box for the launch, running argv, and waits for its guest.
func (p *Pool) furnish(
	ctx context.Context, l launch, argv []string,
	start func(context.Context, sandbox.Spec) (sandbox.Box, error),
) (*stem, error) {
	st := &stem{pool: p, free: func() {}, output: newOutput(p)}
	spec := sandbox.Spec{ID: newInstanceID(), Mounts: l.mounts, Argv: argv, Env: l.bootEnv(), Dir: "/tmp",
		Limits: dayfly.DefaultSpec().Limits}
	if err := p.connect(ctx, l, &spec, st); err != nil {
		return nil, err
	}
	stdout, stderr, err := st.output.pipes()
	if err != nil {
		st.free()
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	spec.Stdout, spec.Stderr = stdout, stderr
	st.box, err = start(ctx, spec)
	_ = stdout.Close()
	_ = stderr.Close()
	if err != nil {
		st.free()
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	p.ends.Add(1)
	st.tenant = p.openDoors(st.box)
	if len(l.argv) == 0 {
		return st, nil
	}
	st.conn = guest.NewConn(st.box.Control(), st.output.guestLine)
	if _, err := st.conn.Hello(ctx); err != nil {
		last := st.output.last()
		st.discard("it did not boot")
		return nil, fmt.Errorf("boot %s: %w (it printed: %q)", l.key, err, last)
	}
	return st, nil
}

// connect gives the box its network.
func (p *Pool) connect(ctx context.Context, l launch, spec *sandbox.Spec, st *stem) error {
	if l.egress != dayfly.EgressInternet || p.network == nil {
		return nil
	}
	ns, resolver, release, err := p.network.Acquire(ctx)
	if err != nil {
		if dayfly.KindOf(err) == dayfly.KindUnavailable {
			return nil // the host cannot give egress: doctor and the start said so
		}
		return fmt.Errorf("acquire network: %w", err)
	}
	spec.Network, spec.Resolver, st.free = ns, resolver, release
	return nil
}

func newInstanceID() dayfly.InstanceID {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return dayfly.InstanceID("i-" + hex.EncodeToString(b[:]))
}
