// SPDX-License-Identifier: Apache-2.0

package zygote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const zygotesMax = 8

var errWedged = errors.New("wedged")

// world makes zygotes that are not processes; what they fork says hello.
type world struct {
	sandbox.Driver
	born, alive atomic.Int64
	held        chan struct{} // births wait for it, when there is one
	taken       atomic.Int64  // bytes
	barren      atomic.Bool   // births fail
	wedged      atomic.Bool   // forks fail
	mute        atomic.Bool   // forks end without a hello
}

func (w *world) Take(n int64) bool { w.taken.Add(n); return true }
func (w *world) Free(n int64)      { w.taken.Add(-n) }

func (w *world) Zygote(context.Context, sandbox.Spec) (sandbox.Zygote, error) {
	if w.barren.Load() {
		return nil, errors.New("no interpreter")
	}
	if w.held != nil {
		<-w.held
	}
	w.born.Add(1)
	w.alive.Add(1)
	return &mother{world: w, done: make(chan struct{})}, nil
}

type mother struct {
	world *world
	once  sync.Once
	done  chan struct{}
}

func (m *mother) Done() <-chan struct{} { return m.done }
func (m *mother) Kill() {
	m.once.Do(func() { m.world.alive.Add(-1); close(m.done) })
}

func (m *mother) Start(context.Context, sandbox.Spec) (sandbox.Box, error) {
	if m.world.wedged.Load() {
		m.Kill()
		return nil, errWedged
	}
	host, inside := net.Pipe()
	b := &child{conn: host, inside: inside, done: make(chan struct{})}
	if m.world.mute.Load() {
		inside.Close()
	} else {
		go inside.Write(frame.Append(nil, frame.Hello, 0, []byte(`{"protocol":1,"language":"python"}`)))
	}
	return b, nil
}

type child struct {
	sandbox.Box
	conn, inside net.Conn
	done         chan struct{}
	once         sync.Once
}

func (c *child) Control() net.Conn     { return c.conn }
func (c *child) Done() <-chan struct{} { return c.done }
func (c *child) Kill()                 { c.once.Do(func() { c.inside.Close(); close(c.done) }) }

func newNursery(t *testing.T) (*Nursery, *world) {
	t.Helper()
	w := &world{}
	n := New(zygotesMax, w, w, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		n.Close()
		if w.alive.Load() != 0 || w.taken.Load() != 0 {
			t.Errorf("after Close %d zygotes are alive and %d bytes taken", w.alive.Load(), w.taken.Load())
		}
	})
	return n, w
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func key(project string) Key {
	return Key{Project: dayfly.ProjectName(project), Kind: "handler/python"}
}

func TestForkComesFromTheProjectsOwn(t *testing.T) {
	t.Parallel()
	n, w := newNursery(t)
	if _, err := n.Fork(t.Context(), key("a"), sandbox.Spec{}); !errors.Is(err, ErrNone) {
		t.Errorf("Fork before anything was wanted: %v, want ErrNone", err)
	}
	n.Want(key("a"), sandbox.Spec{})
	eventually(t, "alive", func() bool { return n.Has(key("a")) })
	if _, err := n.Fork(t.Context(), key("a"), sandbox.Spec{}); err != nil {
		t.Error(err)
	}
	if _, err := n.Fork(t.Context(), key("b"), sandbox.Spec{}); !errors.Is(err, ErrNone) {
		t.Errorf("Fork of another project: %v, want ErrNone", err)
	}
	if w.born.Load() != 1 || w.taken.Load() != Memory {
		t.Errorf("%d were born, %d bytes taken", w.born.Load(), w.taken.Load())
	}
}

func TestFailureEndsTheZygoteAndIsTold(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*world) *atomic.Bool{
		"birth": func(w *world) *atomic.Bool { return &w.barren },
		"trial": func(w *world) *atomic.Bool { return &w.mute },
		"fork":  func(w *world) *atomic.Bool { return &w.wedged },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, w := newNursery(t)
			if name == "fork" {
				n.Want(key("a"), sandbox.Spec{})
				eventually(t, "alive", func() bool { return n.Has(key("a")) })
			}
			fail(w).Store(true)
			n.Want(key("a"), sandbox.Spec{})
			_, err := n.Fork(t.Context(), key("a"), sandbox.Spec{})
			if err == nil {
				t.Error("Fork succeeded")
			}
			eventually(t, "told", func() bool {
				r := n.Report()
				return len(r) == 1 && !r[0].Alive && r[0].Why != ""
			})
			eventually(t, "nothing is held", func() bool { return w.alive.Load() == 0 && w.taken.Load() == 0 })
			born := w.born.Load()
			n.Want(key("a"), sandbox.Spec{})
			if w.born.Load() != born {
				t.Error("it was tried again at once")
			}
		})
	}
}

func TestSuccessorTakesOverAfterManyForks(t *testing.T) {
	t.Parallel()
	n, w := newNursery(t)
	n.forks = 10
	n.Want(key("a"), sandbox.Spec{})
	eventually(t, "alive", func() bool { return n.Has(key("a")) })
	for i := range 10 {
		if _, err := n.Fork(t.Context(), key("a"), sandbox.Spec{}); err != nil {
			t.Fatalf("fork %d: %v", i, err) // also while the successor is on its way
		}
	}
	eventually(t, "a successor", func() bool { return w.born.Load() == 2 && w.alive.Load() == 1 })
	if r := n.Report(); r[0].Forks != 0 {
		t.Errorf("the successor has %d forks", r[0].Forks)
	}
}

func TestAgeRenewsWhatIsUsedAndEndsTheRest(t *testing.T) {
	t.Parallel()
	n, w := newNursery(t)
	n.Want(key("used"), sandbox.Spec{})
	n.Want(key("unused"), sandbox.Spec{})
	eventually(t, "alive", func() bool { return n.Has(key("used")) && n.Has(key("unused")) })
	n.mu.Lock()
	for k, p := range n.children {
		p.born = time.Now().Add(-2 * ageMax)
		if k == key("unused") {
			p.used = p.born
		}
	}
	n.mu.Unlock()
	n.look()
	eventually(t, "one successor", func() bool { return w.born.Load() == 3 && w.alive.Load() == 1 })
	if n.Has(key("unused")) || !n.Has(key("used")) {
		t.Errorf("left are %+v", n.Report())
	}
}

func TestNumberIsBounded(t *testing.T) {
	t.Parallel()
	n, w := newNursery(t)
	for i := range zygotesMax + 4 {
		k := key(fmt.Sprint(i))
		n.Want(k, sandbox.Spec{})
		eventually(t, "alive", func() bool { return n.Has(k) })
	}
	eventually(t, "the oldest gave way", func() bool { return w.alive.Load() == zygotesMax })
	if n.Has(key("0")) {
		t.Error("the one unused longest is still there")
	}
}

// Many projects that begin at once have no more zygotes on their way than there may be.
func TestNumberIsBoundedWhileAllAreBeingBorn(t *testing.T) {
	t.Parallel()
	n, w := newNursery(t)
	w.held = make(chan struct{})
	for i := range 3 * zygotesMax {
		n.Want(key(fmt.Sprint(i)), sandbox.Spec{})
	}
	if got := len(n.Report()); got != zygotesMax {
		t.Errorf("%d zygotes are on their way, want %d", got, zygotesMax)
	}
	close(w.held)
	eventually(t, "they are born", func() bool { return w.alive.Load() == zygotesMax })
	n.Want(key("later"), sandbox.Spec{})
	eventually(t, "a later one has the place of another", func() bool { return n.Has(key("later")) })
}
