// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// errTooLarge is a head that no frame takes; the host would hang up.
var errTooLarge = fmt.Errorf("the head is larger than %d bytes", frame.PayloadMax)

// controlDescriptor is where the host's socket is.
const controlDescriptor = 3

// Handler is what a guest does with the calls.
type Handler interface {
	// Specialise becomes a revision; a failure ends the instance's start. It may take
	// as long as the host lets it, and is called once.
	Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead)
	// Call answers one call and returns when its answer is complete.
	Call(c *Call)
	// Idle is called when the last open call has ended, before another begins.
	Idle()
}

// Stopper is a Handler whose ReadyHead asked to be told of the instance's end.
type Stopper interface {
	// Stop begins to shut down, and does not wait.
	Stop()
}

// Guest is one connection to the host. Its methods may be called from any goroutine.
type Guest struct {
	nc      net.Conn
	handler Handler

	writing sync.Mutex // serialises writes of whole frames

	mu      sync.Mutex // guards streams
	streams map[uint32]*Call
}

// New makes a Guest that speaks over nc.
func New(nc net.Conn, handler Handler) *Guest {
	return &Guest{nc: nc, handler: handler, streams: map[uint32]*Call{}}
}

// Control gives the connection that the platform handed to this process.
func Control() (net.Conn, error) {
	f := os.NewFile(controlDescriptor, "control")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is not a socket; only the platform starts this: %w",
			controlDescriptor, err)
	}
	return nc, nil
}

// Main serves calls until the host closes the connection, and gives the exit status.
func Main(hello frame.HelloHead, handler Handler) int {
	nc, err := Control()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dayfly guest:", err)
		return 2
	}
	if err := New(nc, handler).Serve(hello); !errors.Is(err, io.EOF) {
		return 1
	}
	return 0
}

// Serve answers the host until the connection ends, and tells how: io.EOF is well.
func (g *Guest) Serve(hello frame.HelloHead) error {
	hello.Protocol = frame.Version
	if err := g.writeJSON(frame.Hello, 0, hello); err != nil {
		return err
	}
	nc := newEager(g.nc)
	r := frame.NewReader(nc)
	for {
		f, err := r.Read()
		if err != nil {
			return err
		}
		if err := g.receive(f); err != nil {
			return err
		}
		if h, ok := g.handler.(Eager); ok && f.Type == frame.Specialise {
			nc.look(h.FirstCallWithin())
		}
	}
}

func (g *Guest) receive(f frame.Frame) error {
	switch f.Type {
	case frame.Specialise:
		return g.specialise(f.Payload)
	case frame.Request:
		return g.start(f)
	}
	if s, ok := g.handler.(Stopper); ok && f.Stream == 0 && f.Type == frame.Cancel {
		s.Stop()
		return nil
	}
	g.mu.Lock()
	c := g.streams[f.Stream]
	g.mu.Unlock()
	if c == nil {
		return nil
	}
	switch f.Type {
	case frame.Body:
		c.input.push(append([]byte(nil), f.Payload...))
	case frame.End:
		c.input.push(nil)
	case frame.Cancel:
		c.cancel()
		c.input.close() // the rest of the body does not come
	case frame.WindowMore:
		n, err := frame.ParseWindow(f.Payload)
		if err != nil {
			return err
		}
		c.grant(n)
	}
	return nil
}

func (g *Guest) specialise(payload []byte) error {
	var rev frame.SpecialiseHead
	if err := json.Unmarshal(payload, &rev); err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	ready, failure := g.handler.Specialise(rev)
	if failure != nil {
		return g.writeJSON(frame.Error, 0, failure)
	}
	return g.writeJSON(frame.Ready, 0, ready)
}

func (g *Guest) start(f frame.Frame) error {
	var head frame.RequestHead
	if err := json.Unmarshal(f.Payload, &head); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	c := newCall(g, f.Stream, head)
	g.mu.Lock()
	g.streams[f.Stream] = c
	g.mu.Unlock()
	go func() {
		defer c.cancel()
		g.handler.Call(c)
		if c.input.close(); !c.ended {
			_ = c.Fail(frame.ErrorHead{Kind: dayfly.FailureResponse, Type: "Function.BadResponse",
				Message: "the call ended without an answer"})
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.streams, f.Stream)
		if len(g.streams) == 0 {
			g.handler.Idle()
		}
	}()
	return nil
}

// Log sends a line that belongs to no call.
func (g *Guest) Log(stream dayfly.LogStream, line string) error {
	return g.log(0, stream, line)
}

func (g *Guest) log(number uint32, stream dayfly.LogStream, line string) error {
	which := byte(1)
	if stream == dayfly.StreamStderr {
		which = 2
	}
	return g.write(frame.Log, number, append([]byte{which}, line[:min(len(line), frame.LineMax)]...))
}

func (g *Guest) writeJSON(t frame.Type, stream uint32, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a head may be nearly as large as a frame can be
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if b.Len() > frame.PayloadMax {
		return errTooLarge
	}
	return g.write(t, stream, b.Bytes())
}

func (g *Guest) write(t frame.Type, stream uint32, payload []byte) error {
	return g.send(frame.Append(make([]byte, 0, len(payload)+8), t, stream, payload))
}

func (g *Guest) send(whole []byte) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	_, err := g.nc.Write(whole)
	return err
}
