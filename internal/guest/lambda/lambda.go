// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/inner"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

const (
	// Address is where the Runtime API is, in the box's own network.
	Address = "127.0.0.1:9001"
	// headMax bounds a request's head: a cause for X-Ray may be just under 1 MiB.
	headMax = 1<<20 + 64<<10
	// connsMax bounds the connections of a program; clients use one or two for each
	// call that they work on.
	connsMax = 2048
	// headWait bounds how long a head may take once its first byte is there.
	headWait = 30 * time.Second
	// settleMax bounds the wait for answers on their way when the program has ended.
	settleMax = time.Second

	// shutdownMax is what AWS gives a program whose extensions are all its own.
	shutdownMax = 500 * time.Millisecond

	exitTrouble = 1
)

// Main serves calls until the host hangs up or the program has ended. It gives the exit
// status.
func Main() int {
	nc, err := serve.Control()
	if err != nil {
		return trouble(err)
	}
	listener, err := net.Listen("tcp4", Address)
	if err != nil {
		return trouble(fmt.Errorf("serve the Runtime API: %w", err))
	}
	return New(listener).Serve(nc)
}

func trouble(err error) int {
	fmt.Fprintln(os.Stderr, "dayfly guest lambda:", err)
	return exitTrouble
}

// Guest is one program and its Runtime API.
type Guest struct {
	listener net.Listener
	chosen   chan struct{}    // closed once rev is there
	pending  chan *invocation // from Call to next
	first    chan struct{}    // closed by the first next
	failed   chan *frame.ErrorHead
	started  chan *inner.Program
	gone     chan struct{}  // closed when the program has ended
	open     sync.WaitGroup // calls whose answer is here, but not their end
	rev      frame.SpecialiseHead

	mu         sync.Mutex // guards the rest
	state      state
	running    map[string]*invocation
	extensions map[string]*extension
	closed     bool // no extension registers any more: the program is ready
	program    *inner.Program
	ending     bool // no answer begins any more: the program has ended
}

// New makes a guest that serves the Runtime API on listener.
func New(listener net.Listener) *Guest {
	return &Guest{
		listener:   netutil.LimitListener(listener, connsMax),
		chosen:     make(chan struct{}),
		pending:    make(chan *invocation),
		first:      make(chan struct{}),
		failed:     make(chan *frame.ErrorHead, 1),
		started:    make(chan *inner.Program, 1),
		gone:       make(chan struct{}),
		running:    map[string]*invocation{},
		extensions: map[string]*extension{},
	}
}

// Serve serves the host at the other end of nc; see Main.
func (g *Guest) Serve(nc net.Conn) int {
	api := &http.Server{Handler: g.routes(), MaxHeaderBytes: headMax, ReadHeaderTimeout: headWait}
	defer api.Close()
	defer g.kill()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-g.chosen: // nobody asks before the program runs
			_ = api.Serve(g.listener)
		case <-ended:
			_ = g.listener.Close()
		}
	}()
	served := make(chan error, 1)
	go func() {
		hello := frame.HelloHead{Language: "lambda", Version: runtime.Version()}
		served <- serve.New(nc, g).Serve(hello)
	}()
	select {
	case err := <-served:
		return exitOf(err)
	case program := <-g.started:
		select {
		case err := <-served:
			return exitOf(err)
		case <-program.Done():
		}
		// Nothing of another call is taken in from here on.
		if c, ok := nc.(interface{ CloseRead() error }); ok {
			_ = c.CloseRead()
		}
		close(g.gone)
		g.settle()
		_ = nc.Close()
		return program.Status()
	}
}

// kill ends the program, if it still runs: outside of a box it would stay.
func (g *Guest) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.program != nil {
		g.program.Signal(syscall.SIGKILL)
	}
}

func exitOf(err error) int {
	if errors.Is(err, io.EOF) {
		return 0
	}
	return exitTrouble
}

// settle waits for the ends of answers that are here.
func (g *Guest) settle() {
	g.mu.Lock()
	g.ending = true
	g.mu.Unlock()
	told := make(chan struct{})
	go func() {
		g.open.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(settleMax):
	}
}

// Specialise implements serve.Handler: it starts the program and waits until it asks
// for an event.
func (g *Guest) Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead) {
	g.rev = rev
	close(g.chosen)
	cmd, err := command(&rev)
	if err != nil {
		return frame.ReadyHead{}, initFailure("Runtime.InvalidEntrypoint", err.Error())
	}
	program, err := inner.Start(cmd)
	if err != nil {
		return frame.ReadyHead{}, initFailure("Runtime.InvalidEntrypoint", err.Error())
	}
	g.mu.Lock()
	g.program = program
	g.mu.Unlock()
	select {
	case <-g.first:
		g.started <- program
		return frame.ReadyHead{Serve: "frames", ShutdownMillis: g.grace().Milliseconds()}, nil
	case failure := <-g.failed:
		return frame.ReadyHead{}, failure
	case <-program.Done():
	}
	select {
	case failure := <-g.failed: // it told why, and ended
		return frame.ReadyHead{}, failure
	default:
	}
	code, signal := inner.ExitOf(program.Status())
	switch {
	case signal != "":
		g.started <- program // Serve ends as it did: the host knows whether it was the memory
		select {}
	case code != 0:
		return frame.ReadyHead{}, initFailure("Runtime.ExitError",
			fmt.Sprintf("Runtime exited with error: exit status %d", code))
	}
	return frame.ReadyHead{}, initFailure("Runtime.ExitError", "Runtime exited without providing a reason")
}

// grace is how long the program may take to shut down: none, unless an extension of it
// wants to know.
func (g *Guest) grace() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.extensions) == 0 {
		return 0
	}
	return shutdownMax
}

// Stop implements serve.Stopper.
func (g *Guest) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.program != nil && len(g.extensions) > 0 {
		g.program.Signal(syscall.SIGTERM)
	}
}

// Idle implements serve.Handler.
func (g *Guest) Idle() {}

// concurrent tells whether the program takes several events at once.
func (g *Guest) concurrent() bool { return g.rev.Concurrency > 1 }

func initFailure(class, message string) *frame.ErrorHead {
	return failureOf(dayfly.FailureInit, class, "Error: "+message, message)
}
