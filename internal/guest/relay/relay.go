// SPDX-License-Identifier: Apache-2.0

package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/inner"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

const (
	// exitTrouble is the exit status when the relay itself could not go on.
	exitTrouble = 1
	// settleMax bounds the wait for what a guest that ended said before: a process that
	// it left behind may hold its connection open.
	settleMax = time.Second
)

// Main runs the guest that argv starts, and serves the host's calls with it until one
// of the two has ended. It gives the exit status.
func Main(argv []string) int {
	nc, err := serve.Control()
	if err != nil {
		return trouble(err)
	}
	child, program, err := start(argv)
	if err != nil {
		return trouble(err)
	}
	r := New(nc, child)
	served := make(chan error, 1)
	go func() { served <- r.Serve() }()
	select {
	case <-program.Done():
		r.Settle()
	case err := <-served:
		if errors.Is(err, io.EOF) {
			return 0 // the host hung up: it needs nobody any more
		}
		<-program.Done()
	}
	return program.Status()
}

func trouble(err error) int {
	fmt.Fprintln(os.Stderr, "dayfly guest relay:", err)
	return exitTrouble
}

// start starts the guest with one end of a socket pair as its descriptor 3.
func start(argv []string) (net.Conn, *inner.Program, error) {
	if len(argv) == 0 {
		return nil, nil, errors.New("no guest was named")
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	near, far := os.NewFile(uintptr(pair[0]), "relay"), os.NewFile(uintptr(pair[1]), "guest")
	defer near.Close()
	defer far.Close()
	nc, err := net.FileConn(near)
	if err != nil {
		return nil, nil, fmt.Errorf("use the socket pair: %w", err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{far}
	program, err := inner.Start(cmd)
	if err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	return nc, program, nil
}

// Relay is one guest behind one host.
type Relay struct {
	nc    net.Conn
	host  *serve.Guest
	guest *guest.Conn
	rev   frame.SpecialiseHead
	open  sync.WaitGroup // what the host is still to be told

	mu    sync.Mutex // guards calls
	calls map[dayfly.InvocationID]*serve.Call
}

// New joins the host at the one end with a guest at the other.
func New(host, child net.Conn) *Relay {
	r := &Relay{nc: host, calls: map[dayfly.InvocationID]*serve.Call{}}
	r.guest = guest.NewConn(child, r.line)
	r.host = serve.New(host, r)
	return r
}

// Serve waits for the guest's hello and serves the host until it hangs up, which is
// io.EOF, or the guest is gone.
func (r *Relay) Serve() error {
	hello, err := r.guest.Hello(context.Background())
	if err != nil {
		return err
	}
	defer r.guest.Close()
	return r.host.Serve(hello)
}

// Settle lets what the guest said before it ended reach the host, and hangs up.
func (r *Relay) Settle() {
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.guest.Wait()
		r.open.Wait()
	}()
	select {
	case <-told:
	case <-time.After(settleMax):
	}
	_ = r.nc.Close()
}

// lost hangs up on the host, because the guest did on us: the pool finds out why. It
// does not return, so that nobody answers in the guest's place.
func (r *Relay) lost() {
	_ = r.nc.Close()
	select {}
}

// line passes a line on, with the call that it belongs to.
func (r *Relay) line(invocation dayfly.InvocationID, stream dayfly.LogStream, text string) {
	r.mu.Lock()
	c := r.calls[invocation]
	r.mu.Unlock()
	if c != nil {
		c.Log(stream, text)
		return
	}
	_ = r.host.Log(stream, text)
}

// Specialise implements serve.Handler.
func (r *Relay) Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead) {
	r.open.Add(1)
	defer r.open.Done()
	ready, err := r.guest.Specialise(context.Background(), rev)
	r.guest.Share() // lines and the guest's end may come at any time from now on
	if failure, ok := guest.FailureOf(err); ok {
		return ready, errorHead(failure)
	}
	if err != nil {
		r.open.Done()
		r.lost()
	}
	if ready.Serve != "frames" {
		return ready, &frame.ErrorHead{Kind: dayfly.FailureInit, Type: "Function.BadStart",
			Message: "its process wants to serve by itself, which a handler of events cannot"}
	}
	r.rev = rev
	if ready.Dialect != "" {
		r.rev.Dialect = ready.Dialect
	}
	return ready, nil
}

// Idle implements serve.Handler.
func (r *Relay) Idle() {}

func errorHead(f *dayfly.Failure) *frame.ErrorHead {
	return &frame.ErrorHead{Kind: f.Kind, Type: f.Type, Message: f.Message, Stack: f.Stack, Payload: f.Payload}
}
