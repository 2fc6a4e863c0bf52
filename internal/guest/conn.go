// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

var (
	// ErrGone is wrapped by errors of calls whose guest's connection ended.
	ErrGone = errors.New("guest is gone")
	// ErrNotSent is wrapped, beside ErrGone, when nothing of the call was sent: it may
	// be sent to another guest.
	ErrNotSent = errors.New("call not sent")
)

// LogFunc receives a line that the guest attributed to a call; invocation is empty
// when it belongs to none. It must not block.
type LogFunc func(invocation dayfly.InvocationID, stream dayfly.LogStream, text string)

// Conn speaks frames with one guest. All methods may be called from any goroutine.
//
// Frames are read by whoever waits for one: the call itself, so that an answer wakes
// no goroutine but the one that serves it. On a loaded machine that saves a fifth of
// a call. A connection that several calls share has a goroutine of its own to read.
type Conn struct {
	nc    net.Conn
	onLog LogFunc

	writing sync.Mutex // serialises writes of whole frames
	reading sync.Mutex // held by the reader of frames; guards r
	r       *frame.Reader
	spin    *spinner
	shared  atomic.Bool
	readers sync.WaitGroup

	mu      sync.Mutex // guards the rest
	streams map[uint32]*stream
	next    uint32
	control []controlFrame
	err     error
	ends    bool
}

// controlFrame is a frame of stream 0, with its own copy of the payload.
type controlFrame struct {
	kind    frame.Type
	payload []byte
}

// controlMax bounds the frames of stream 0 that wait: a guest owes one at a time.
const controlMax = 2

// NewConn speaks frames over nc, which it owns from now on: Close closes it.
func NewConn(nc net.Conn, onLog LogFunc) *Conn {
	spin := newSpinner(nc)
	return &Conn{nc: nc, onLog: onLog, spin: spin, r: frame.NewReader(spin), streams: map[uint32]*stream{}}
}

// Spin makes the waits for the next answers look for that long before they sleep. It
// takes a processor, so it is for nodes that have one to spare; 0 is never.
func (c *Conn) Spin(span time.Duration) { c.spin.span.Store(int64(span)) }

// Share lets several calls be under way at once, and log lines come at any time.
func (c *Conn) Share() {
	if c.shared.CompareAndSwap(false, true) {
		c.readers.Go(func() {
			_ = c.pump(context.Background(), func() bool { return false })
		})
	}
}

// Wait waits until the connection of a Conn that is shared has ended, and everything
// that came over it was handed out.
func (c *Conn) Wait() { c.readers.Wait() }

// Drain takes in what the guest sent while no call was under way: lines that it
// printed. It does not wait for more.
func (c *Conn) Drain() {
	if c.shared.Load() || !c.reading.TryLock() {
		return
	}
	defer c.reading.Unlock()
	_ = c.nc.SetReadDeadline(time.Now().Add(drainWait))
	for {
		f, err := c.r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err == nil {
			err = c.receive(f)
		}
		if err != nil {
			c.broken(err)
			return
		}
	}
	_ = c.nc.SetReadDeadline(time.Time{})
}

// drainWait is just enough for one look: a deadline that has passed reads nothing.
const drainWait = 200 * time.Microsecond

// Hello waits until the guest has booted.
func (c *Conn) Hello(ctx context.Context) (frame.HelloHead, error) {
	var hello frame.HelloHead
	f, err := c.nextControl(ctx)
	if err != nil {
		return hello, fmt.Errorf("wait for hello: %w", err)
	}
	if f.kind != frame.Hello || json.Unmarshal(f.payload, &hello) != nil {
		return hello, fmt.Errorf("guest's first frame has type %d, not a hello", f.kind)
	}
	if hello.Protocol != frame.Version {
		return hello, fmt.Errorf("guest speaks protocol %d, not %d", hello.Protocol, frame.Version)
	}
	return hello, nil
}

// Specialise makes the guest become a revision. An error that is a *dayfly.Failure is
// the function's own: its code could not be loaded.
func (c *Conn) Specialise(ctx context.Context, head frame.SpecialiseHead) (frame.ReadyHead, error) {
	var ready frame.ReadyHead
	payload, err := json.Marshal(head)
	if err != nil {
		return ready, fmt.Errorf("encode revision: %w", err)
	}
	if len(payload) > frame.PayloadMax {
		return ready, dayfly.Errorf(dayfly.KindInvalid,
			"environment and settings of the revision are %d bytes, at most %d are allowed",
			len(payload), frame.PayloadMax)
	}
	if err := c.write(frame.Append(nil, frame.Specialise, 0, payload)); err != nil {
		return ready, err
	}
	f, err := c.nextControl(ctx)
	switch {
	case err != nil:
		return ready, fmt.Errorf("wait for ready: %w", err)
	case f.kind == frame.Error:
		return ready, frame.ParseError(f.payload, dayfly.PhaseInit)
	case f.kind != frame.Ready || json.Unmarshal(f.payload, &ready) != nil:
		return ready, badStart("its process answered with nonsense instead of being ready")
	case ready.Serve == "http" && (ready.Port < 1 || ready.Port > 65535):
		return ready, badStart(fmt.Sprintf("its process wants to serve on port %d", ready.Port))
	}
	if ready.Serve == "http" || head.Concurrency > 1 {
		c.Share()
	}
	return ready, nil
}

// badStart is the failure of a function whose own code spoke in the guest's place: the
// guest had booted well.
func badStart(message string) *dayfly.Failure {
	return &dayfly.Failure{Kind: dayfly.FailureInit, Phase: dayfly.PhaseInit, Type: "Function.BadStart",
		Message: message}
}

// Shutdown tells a guest that asked for it that it is about to be ended.
func (c *Conn) Shutdown() error { return c.write(frame.Append(nil, frame.Cancel, 0, nil)) }

// Close ends the connection and every call on it.
func (c *Conn) Close() error { return c.nc.Close() }

func (c *Conn) nextControl(ctx context.Context) (controlFrame, error) {
	var f controlFrame
	err := c.pump(ctx, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.control) == 0 {
			return false
		}
		f, c.control = c.control[0], c.control[1:]
		return true
	})
	return f, err
}

// pump reads frames and hands them out until ready says so, ctx ends, or the
// connection does.
func (c *Conn) pump(ctx context.Context, ready func() bool) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	defer c.interruptible(ctx)()
	for !ready() {
		if err := c.failed(); err != nil {
			return err
		}
		f, err := c.r.Read()
		if err == nil {
			err = c.receive(f)
		}
		if err != nil && ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			return context.Cause(ctx)
		}
		if err != nil {
			c.broken(err)
		}
	}
	for c.r.Whole() && c.failed() == nil { // an answer's end usually comes with its head
		f, err := c.r.Read()
		if err == nil {
			err = c.receive(f)
		}
		if err != nil {
			c.broken(err)
		}
	}
	return nil
}

// interruptible lets the end of ctx wake a read. The function that it gives undoes it.
func (c *Conn) interruptible(ctx context.Context) (undo func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
		close(woken)
	})
	return func() {
		if !stop() {
			<-woken
			_ = c.nc.SetReadDeadline(time.Time{})
		}
	}
}

func (c *Conn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Conn) write(buf []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	n, err := c.nc.Write(buf)
	if err != nil && n == 0 {
		return fmt.Errorf("%w: %w: %w", ErrNotSent, ErrGone, err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// broken ends the connection, and every call on it.
func (c *Conn) broken(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = ErrGone
	} else {
		err = fmt.Errorf("%w: %w", ErrGone, err)
	}
	_ = c.nc.Close()
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	open := c.streams
	c.streams = nil
	c.mu.Unlock()
	for _, s := range open {
		s.fail(err)
	}
}

func (c *Conn) receive(f frame.Frame) error {
	switch f.Type {
	case frame.Log:
		c.logLine(f)
		return nil
	case frame.CallLog:
		c.callLogLine(f)
		return nil
	}
	if f.Stream == 0 {
		return c.receiveControl(f)
	}
	s := c.stream(f.Stream)
	if s == nil {
		return nil // ended already: what still arrives for it is ignored
	}
	if f.Type == frame.End || f.Type == frame.Error {
		if f.Type == frame.Error && frame.IsLast(f.Payload) {
			c.retire()
		}
		// First, so that a caller that has seen the end finds the instance free.
		c.remove(s)
	}
	return s.receive(f)
}

// retire refuses further calls: the guest has said that it ends.
func (c *Conn) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = fmt.Errorf("%w: it said so", ErrGone)
		c.ends = true
	}
}

// Ends tells that the guest has said that it ends and takes no further call.
func (c *Conn) Ends() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends
}

func (c *Conn) receiveControl(f frame.Frame) error {
	switch f.Type {
	case frame.Hello, frame.Ready, frame.Error:
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.control) == controlMax {
			return errors.New("guest repeats itself on stream 0")
		}
		c.control = append(c.control, controlFrame{f.Type, append([]byte(nil), f.Payload...)})
		return nil
	}
	return fmt.Errorf("frame of type %d on stream 0", f.Type)
}

func (c *Conn) logLine(f frame.Frame) {
	if len(f.Payload) == 0 {
		return
	}
	var invocation dayfly.InvocationID
	if s := c.stream(f.Stream); s != nil {
		invocation = s.invocation
	}
	c.onLog(invocation, logStream(f.Payload[0]), string(f.Payload[1:]))
}

// callLogLine takes a line of a guest that serves HTTP, where calls are no streams.
func (c *Conn) callLogLine(f frame.Frame) {
	if which, invocation, text, ok := frame.ParseCallLog(f.Payload); ok {
		c.onLog(dayfly.InvocationID(invocation), logStream(which), text)
	}
}

func logStream(which byte) dayfly.LogStream {
	if which == 2 {
		return dayfly.StreamStderr
	}
	return dayfly.StreamStdout
}

func (c *Conn) stream(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

func (c *Conn) open(s *stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, c.err)
	}
	c.next++
	s.id = c.next
	c.streams[s.id] = s
	return nil
}

func (c *Conn) remove(s *stream) {
	c.mu.Lock()
	delete(c.streams, s.id)
	c.mu.Unlock()
	s.done()
}
