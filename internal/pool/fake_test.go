// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// world is a driver whose boxes hold goroutines that speak frames: everything of the
// pool runs, only the processes are not there.
type world struct {
	t       *testing.T
	handle  func(c *fakeCall) // what every function does
	failing atomic.Bool       // instances cannot specialise

	startTime time.Duration // that specialising takes

	mu    sync.Mutex // guards the rest
	boxes map[dayfly.InstanceID]*fakeBox
	total int
	peak  int
}

// fakeCall is one request as a fake guest sees it.
type fakeCall struct {
	box    *fakeBox
	stream uint32
	head   frame.RequestHead
}

func (c *fakeCall) answer(text string) {
	c.box.send(frame.Response, c.stream, `{"status":200}`)
	c.box.send(frame.Body, c.stream, text)
	c.box.send(frame.End, c.stream, "")
}

type fakeBox struct {
	world  *world
	id     dayfly.InstanceID
	host   net.Conn
	nc     net.Conn
	writes sync.Mutex
	done   chan struct{}
	kill   sync.Once
	frozen atomic.Int32
	exit   sandbox.Exit
	memory atomic.Int64
}

func newWorld(t *testing.T, handle func(c *fakeCall)) *world {
	return &world{t: t, handle: handle, boxes: map[dayfly.InstanceID]*fakeBox{}}
}

func (w *world) Start(_ context.Context, spec sandbox.Spec) (sandbox.Box, error) {
	host, inside := net.Pipe()
	b := &fakeBox{world: w, id: spec.ID, host: host, nc: inside, done: make(chan struct{}),
		exit: sandbox.Exit{Code: -1, Signal: "killed"}}
	b.memory.Store(8 << 20)
	w.mu.Lock()
	w.boxes[spec.ID] = b
	w.total++
	w.peak = max(w.peak, len(w.boxes))
	w.mu.Unlock()
	go b.serve()
	return b, nil
}

func (w *world) Features() []sandbox.Feature { return nil }
func (w *world) Close() error                { return nil }

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.boxes)
}

func (w *world) list() (boxes []*fakeBox) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.boxes {
		boxes = append(boxes, b)
	}
	return boxes
}

func (b *fakeBox) serve() {
	b.send(frame.Hello, 0, `{"protocol":1,"language":"python","version":"3"}`)
	r := frame.NewReader(b.nc)
	for {
		f, err := r.Read()
		if err != nil {
			b.Kill()
			return
		}
		switch f.Type {
		case frame.Specialise:
			if b.world.failing.Load() {
				b.send(frame.Error, 0, `{"kind":"init","type":"Runtime.ImportModuleError","message":"no module"}`)
				continue
			}
			time.Sleep(b.world.startTime)
			b.send(frame.Ready, 0, `{"serve":"frames"}`)
		case frame.Request:
			c := &fakeCall{box: b, stream: f.Stream}
			_ = json.Unmarshal(f.Payload, &c.head)
			go b.world.handle(c)
		}
	}
}

func (b *fakeBox) send(t frame.Type, stream uint32, payload string) {
	b.writes.Lock()
	defer b.writes.Unlock()
	_, _ = b.nc.Write(frame.Append(nil, t, stream, []byte(payload)))
}

func (b *fakeBox) ID() dayfly.InstanceID                                  { return b.id }
func (b *fakeBox) Control() net.Conn                                      { return b.host }
func (b *fakeBox) Attach(context.Context, string, string) error           { return nil }
func (b *fakeBox) Exec(context.Context, []string, []string, string) error { return nil }
func (b *fakeBox) SetLimits(dayfly.Limits) error                          { return nil }
func (b *fakeBox) Ports() ([]int, error)                                  { return nil, nil }
func (b *fakeBox) Listen(int) (net.Listener, error) {
	return nil, errors.New("no ports here")
}

func (b *fakeBox) Dial(context.Context, int) (net.Conn, error) {
	return nil, errors.New("no ports here")
}
func (b *fakeBox) Freeze() error         { b.frozen.Store(1); return nil }
func (b *fakeBox) Thaw() error           { b.frozen.Store(0); return nil }
func (b *fakeBox) Usage() sandbox.Usage  { return sandbox.Usage{MemoryPeakBytes: b.memory.Load()} }
func (b *fakeBox) Done() <-chan struct{} { return b.done }
func (b *fakeBox) Exit() sandbox.Exit    { return b.exit }
func (b *fakeBox) Kill() {
	b.kill.Do(func() {
		_ = b.nc.Close()
		b.world.mu.Lock()
		delete(b.world.boxes, b.id)
		b.world.mu.Unlock()
		close(b.done)
	})
}

type runtimes struct{}

func (runtimes) Find(context.Context, dayfly.RuntimeName) (toolchain.Runtime, error) {
	return toolchain.Runtime{Name: "python3.11", Language: "python", Path: "/usr/bin/python3"}, nil
}

type bundles struct{}

func (bundles) Folder(context.Context, dayfly.Digest) (string, error) { return "/", nil }

type noLines struct{}

func (noLines) Append(dayfly.LogLine) {}

// newPool gives a running pool over the world; change adjusts its configuration.
func newPool(t *testing.T, w *world, change func(*pool.Config)) *pool.Pool {
	t.Helper()
	cfg := pool.Config{MemoryBytes: 8 << 30, StartsMax: 4, ZygotesMax: 8, FreezeAfter: 10 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	p := pool.New(cfg, slog.New(slog.DiscardHandler), pool.Deps{Driver: w, Bundles: bundles{},
		Runtimes: runtimes{}, Lines: noLines{}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = p.Close()
		if n := w.count(); n != 0 {
			t.Errorf("%d boxes are left after Close", n)
		}
	})
	return p
}

func revision(name string, change func(*dayfly.Spec)) *dayfly.Revision {
	ref := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: dayfly.FunctionName(name)}
	rev := &dayfly.Revision{ID: ref.Revision(1), Function: ref, Number: 1, Spec: dayfly.DefaultSpec()}
	rev.Spec.Runtime, rev.Spec.Contract, rev.Spec.Entry = "python3.11", dayfly.ContractHandler, "app.handler"
	if change != nil {
		change(&rev.Spec)
	}
	return rev
}

// call executes one call and reads its answer.
func call(ctx context.Context, p *pool.Pool, rev *dayfly.Revision) (*dayfly.Record, string, error) {
	return callPath(ctx, p, rev, "/")
}

// callPath executes one call of a path.
func callPath(
	ctx context.Context, p *pool.Pool, rev *dayfly.Revision, path string,
) (*dayfly.Record, string, error) {
	inv := &dayfly.Invocation{ID: dayfly.NewInvocationID(time.Now()), Function: rev.Function, Revision: rev,
		Received: time.Now(), Record: &dayfly.Record{}, Request: dayfly.Request{Kind: dayfly.RequestHTTP,
			Method: "GET", Path: path, Header: http.Header{}, Body: http.NoBody}}
	result, err := p.Execute(ctx, inv)
	if err != nil {
		return inv.Record, "", err
	}
	defer result.Body.Close()
	if result.Failure != nil {
		return inv.Record, "", result.Failure
	}
	body, err := io.ReadAll(result.Body)
	return inv.Record, string(body), err
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}
