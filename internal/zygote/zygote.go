// SPDX-License-Identifier: Apache-2.0

package zygote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	// forksMax and ageMax bound how long siblings share a layout: the bounds that
	// published attacks on shared layouts are held against.
	forksMax = 1000
	ageMax   = 10 * time.Minute
	// Memory is what one is charged.
	Memory = 24 << 20
	// bornWait bounds a birth: an interpreter's start, of a tenth of a second, on a
	// machine that is very busy.
	bornWait = 30 * time.Second
	// retryFirst is the pause after the first failure; it doubles up to retryMax.
	retryFirst, retryMax = 5 * time.Second, 10 * time.Minute
	// lookEvery is how often ages are looked at.
	lookEvery = 30 * time.Second
)

// ErrNone says that there is nothing to fork from now: boot instead.
var ErrNone = errors.New("no zygote is ready")

// Key says who may share a zygote.
type Key struct {
	Project dayfly.ProjectName
	Kind    string // of the guest, with its network
}

// Budget lends memory.
type Budget interface {
	// Take tells whether bytes were free, and takes them then.
	Take(bytes int64) bool
	Free(bytes int64)
}

// Nursery keeps zygotes. Methods may be called from any goroutine.
type Nursery struct {
	forker sandbox.Forker // nil: there are none, ever
	budget Budget
	log    *slog.Logger
	most   int
	forks  int           // before a successor
	age    time.Duration // before a successor

	life   context.Context
	die    context.CancelFunc
	births sync.WaitGroup

	mu       sync.Mutex // guards the rest
	children map[Key]*place
	closed   bool
}

// place is where a project's zygote of one kind is, or will be.
type place struct {
	spec    sandbox.Spec
	alive   sandbox.Zygote // nil when there is none
	born    time.Time
	used    time.Time
	forks   int
	bearing bool // a birth is under way
	fails   int  // in a row
	retry   time.Time
	why     string // the last failure
}

// Report tells of one zygote.
type Report struct {
	Key
	Alive bool
	Born  time.Time
	Forks int
	Why   string // it is not alive
}

// New makes a nursery of at most so many zygotes over a driver. With none, or a driver
// that cannot fork, there is ErrNone always.
func New(most int, driver sandbox.Driver, budget Budget, log *slog.Logger) *Nursery {
	n := &Nursery{most: most, budget: budget, log: log, forks: forksMax, age: ageMax, children: map[Key]*place{}}
	n.forker, _ = driver.(sandbox.Forker)
	n.life, n.die = context.WithCancel(context.Background())
	return n
}

// Run renews what is old and lets go of what is unused, until ctx ends.
func (n *Nursery) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.look()
		}
	}
}

// look goes through the ages.
func (n *Nursery) look() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, p := range n.children {
		switch {
		case p.bearing:
		case time.Since(p.used) > n.age:
			n.drop(p)
			delete(n.children, key)
		case p.alive != nil && time.Since(p.born) > n.age:
			n.bear(key, p)
		}
	}
}

// Want sees to it that there will be a zygote, which spec starts.
func (n *Nursery) Want(key Key, spec sandbox.Spec) {
	if n.forker == nil || n.most == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.children[key]
	if p == nil {
		if !n.makeRoom() {
			return // all are being born: this one is booted
		}
		p = &place{}
		n.children[key] = p
	}
	p.spec, p.used = spec, time.Now()
	if p.alive == nil {
		n.bear(key, p)
	}
}

// makeRoom drops the one unused longest when there are as many as may be, and tells
// whether there is room. One that is being born is not dropped. Callers hold mu.
func (n *Nursery) makeRoom() bool {
	if len(n.children) < n.most {
		return true
	}
	var oldest Key
	var found *place
	for key, p := range n.children {
		if !p.bearing && (found == nil || p.used.Before(found.used)) {
			oldest, found = key, p
		}
	}
	if found != nil {
		n.drop(found)
		delete(n.children, oldest)
	}
	return found != nil
}

// drop ends the zygote of a place. Callers hold mu.
func (n *Nursery) drop(p *place) {
	if p.alive != nil {
		n.end(p.alive)
		p.alive = nil
	}
}

// end ends a zygote and gives its memory back once it is gone.
func (n *Nursery) end(z sandbox.Zygote) {
	z.Kill()
	n.births.Go(func() {
		<-z.Done()
		n.budget.Free(Memory)
	})
}

// bear begins a birth, if none is under way or too soon. Callers hold mu.
func (n *Nursery) bear(key Key, p *place) {
	if n.closed || p.bearing || time.Now().Before(p.retry) || !n.budget.Take(Memory) {
		return
	}
	p.bearing = true
	spec := p.spec
	n.births.Go(func() {
		z, err := n.birth(spec)
		var say func()
		n.mu.Lock()
		defer func() { n.mu.Unlock(); tell(say) }()
		p.bearing = false
		switch {
		case err != nil:
			n.budget.Free(Memory)
			say = n.failed(key, p, err)
			return
		case n.closed, n.children[key] != p:
			n.end(z)
			return
		}
		n.drop(p) // whose successor this is
		p.alive, p.born, p.forks, p.fails, p.why = z, time.Now(), 0, 0, ""
	})
}

// tell logs what is to be said, if anything is: never under mu, for which forks wait.
func tell(say func()) {
	if say != nil {
		say()
	}
}

// failed notes a failure and when to try again. Callers hold mu, and log what it gives
// without it.
func (n *Nursery) failed(key Key, p *place, err error) (say func()) {
	if n.closed {
		return nil
	}
	pause := min(retryFirst<<min(p.fails, 16), retryMax)
	p.fails++
	p.why, p.retry = err.Error(), time.Now().Add(pause)
	return func() {
		n.log.Warn("zygote failed: boxes are booted instead", "project", key.Project, "kind", key.Kind,
			"error", err, "again_in", pause)
	}
}

// birth starts a zygote and has it prove itself by a fork that says hello.
func (n *Nursery) birth(spec sandbox.Spec) (sandbox.Zygote, error) {
	ctx, cancel := context.WithTimeout(n.life, bornWait)
	defer cancel()
	said, stderr, err := newListener()
	if err != nil {
		return nil, err
	}
	spec.Stderr = stderr
	z, err := n.forker.Zygote(ctx, spec)
	stderr.Close()
	if err != nil {
		return nil, fmt.Errorf("%w (it printed: %q)", err, said.last())
	}
	if err := trial(ctx, z, spec); err != nil {
		z.Kill()
		<-z.Done()
		return nil, fmt.Errorf("trial fork: %w (it printed: %q)", err, said.last())
	}
	return z, nil
}

// trial forks a box and waits for its guest's hello.
func trial(ctx context.Context, z sandbox.Zygote, spec sandbox.Spec) error {
	box, err := z.Start(ctx, sandbox.Spec{ID: "zygote-trial", Argv: []string{sandbox.Itself}, Env: spec.Env,
		Dir: spec.Dir, Mounts: spec.Mounts})
	if err != nil {
		return err
	}
	conn := guest.NewConn(box.Control(), nil)
	_, err = conn.Hello(ctx)
	box.Kill()
	<-box.Done()
	return errors.Join(err, conn.Close())
}

// Fork makes a box of the project's zygote, or gives ErrNone. It takes over what
// sandbox.Driver.Start does. Any other error has ended the zygote.
func (n *Nursery) Fork(ctx context.Context, key Key, spec sandbox.Spec) (sandbox.Box, error) {
	n.mu.Lock()
	p := n.children[key]
	if p == nil || p.alive == nil {
		n.mu.Unlock()
		if spec.Network != nil { // ours, as it would be the driver's
			spec.Network.Close()
		}
		return nil, ErrNone
	}
	z := p.alive
	p.used = time.Now()
	p.forks++
	if p.forks >= n.forks {
		n.bear(key, p)
	}
	n.mu.Unlock()
	box, err := z.Start(ctx, spec)
	if err != nil && ctx.Err() == nil {
		n.Failed(key, z, err)
	}
	return box, err
}

// Failed ends a zygote whose fork was no good. z nil is the present one.
func (n *Nursery) Failed(key Key, z sandbox.Zygote, err error) {
	var say func()
	n.mu.Lock()
	defer func() { n.mu.Unlock(); tell(say) }()
	p := n.children[key]
	if p == nil || p.alive == nil || z != nil && p.alive != z {
		return // it has a successor already
	}
	n.drop(p)
	say = n.failed(key, p, err)
}

// Has tells whether there is a zygote to fork from now.
func (n *Nursery) Has(key Key) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.children[key]
	return p != nil && p.alive != nil
}

// Report tells of all, in order of their keys.
func (n *Nursery) Report() []Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]Report, 0, len(n.children))
	for key, p := range n.children {
		list = append(list, Report{Key: key, Alive: p.alive != nil, Born: p.born, Forks: p.forks, Why: p.why})
	}
	slices.SortFunc(list, func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

// Close ends all and waits until they are gone.
func (n *Nursery) Close() {
	n.mu.Lock()
	n.closed = true
	for _, p := range n.children {
		n.drop(p)
	}
	n.children = map[Key]*place{}
	n.mu.Unlock()
	n.die()
	n.births.Wait()
}

// listener keeps the end of what a zygote prints, which nobody but us reads.
type listener struct {
	mu   sync.Mutex // guards text
	text []byte
	gone chan struct{}
}

// saidMax bounds what is kept: the end of a traceback.
const saidMax = 2 << 10

func newListener() (*listener, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	l := &listener{gone: make(chan struct{})}
	go func() {
		defer close(l.gone)
		defer r.Close()
		buf := make([]byte, saidMax)
		for {
			k, err := r.Read(buf)
			l.mu.Lock()
			l.text = append(l.text, buf[:k]...)
			l.text = l.text[max(0, len(l.text)-saidMax):]
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return l, w, nil
}

// last gives what was said by a zygote that has ended.
func (l *listener) last() string {
	select {
	case <-l.gone:
	case <-time.After(time.Second):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
