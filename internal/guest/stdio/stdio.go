// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// controlDescriptor is where the host's socket is.
const controlDescriptor = 3

// Main serves calls until the host closes the connection, and gives the exit status.
func Main() int {
	f := os.NewFile(controlDescriptor, "control")
	nc, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dayfly guest stdio: descriptor 3 is not a socket; only the platform starts this")
		return 2
	}
	g := &guest{nc: nc, streams: map[uint32]*call{}}
	if err := g.serve(); !errors.Is(err, io.EOF) {
		return 1
	}
	return 0
}

// guest is the state of the process: one connection, one revision, some calls.
type guest struct {
	nc       net.Conn
	writing  sync.Mutex
	revision frame.SpecialiseHead

	mu      sync.Mutex // guards streams
	streams map[uint32]*call
}

// serve answers the host until the connection ends, and tells how: io.EOF is well.
func (g *guest) serve() error {
	hello, _ := json.Marshal(frame.HelloHead{Protocol: frame.Version, Language: "stdio", Version: runtime.Version()})
	if err := g.write(frame.Hello, 0, hello); err != nil {
		return err
	}
	r := frame.NewReader(g.nc)
	for {
		f, err := r.Read()
		if err != nil {
			return err
		}
		if err := g.receive(f); err != nil {
			return err
		}
	}
}

func (g *guest) receive(f frame.Frame) error {
	switch f.Type {
	case frame.Specialise:
		return g.specialise(f.Payload)
	case frame.Request:
		return g.start(f)
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
	case frame.WindowMore:
		n, err := frame.ParseWindow(f.Payload)
		if err != nil {
			return err
		}
		c.grant(n)
	}
	return nil
}

func (g *guest) specialise(payload []byte) error {
	if err := json.Unmarshal(payload, &g.revision); err != nil {
		return fmt.Errorf("read revision: %w", err)
	}
	path, err := find(g.revision.Command, g.revision.Task)
	if err == nil {
		g.revision.Command[0] = path
		err = os.Chdir(g.revision.Task)
	}
	if err != nil {
		return g.fail(0, frame.ErrorHead{Kind: dayfly.FailureInit, Type: "Runtime.InvalidEntrypoint",
			Message: err.Error()})
	}
	ready, _ := json.Marshal(frame.ReadyHead{Serve: "frames"})
	return g.write(frame.Ready, 0, ready)
}

func (g *guest) start(f frame.Frame) error {
	var head frame.RequestHead
	if err := json.Unmarshal(f.Payload, &head); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	c := newCall(g, f.Stream, head)
	g.mu.Lock()
	g.streams[f.Stream] = c
	g.mu.Unlock()
	go func() {
		c.run()
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.streams, f.Stream)
		if len(g.streams) == 0 {
			sweep()
		}
	}()
	return nil
}

// sweep ends and reaps what programs left running, so that no call sees another's
// processes. It runs only when no program of ours does.
func sweep() {
	if os.Getpid() != 1 {
		return // not in a box of our own, as in tests: the processes are not ours
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}

func (g *guest) write(t frame.Type, stream uint32, payload []byte) error {
	buf := frame.Append(make([]byte, 0, len(payload)+8), t, stream, payload)
	g.writing.Lock()
	defer g.writing.Unlock()
	_, err := g.nc.Write(buf)
	return err
}

func (g *guest) fail(stream uint32, head frame.ErrorHead) error {
	payload, _ := json.Marshal(head)
	return g.write(frame.Error, stream, payload)
}
